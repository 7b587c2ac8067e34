"""A small machine with a real NFS: Debian's kernel in QEMU, seeing this machine's files."""
