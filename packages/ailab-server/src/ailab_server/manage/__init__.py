"""Looking after a server and its workspace: what people change, what it takes, and who did what."""
