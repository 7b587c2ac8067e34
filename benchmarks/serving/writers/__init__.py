"""The contenders' own writers, each a script that runs in the environment of what it writes for."""
