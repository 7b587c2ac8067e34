"""The code of runs, as it was kept: its files, and in what that of two runs differs."""
