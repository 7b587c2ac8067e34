"""What a machine needs before its server runs: a config file, a systemd unit."""
