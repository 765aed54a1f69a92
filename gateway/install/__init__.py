"""Service installation: user, folders, systemd unit."""
