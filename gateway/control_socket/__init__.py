"""Control socket: how commands on the same machine talk to the daemon."""
