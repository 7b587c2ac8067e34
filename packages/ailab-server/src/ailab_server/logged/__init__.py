"""What a run logged besides numbers and images, read when somebody asks for it."""
