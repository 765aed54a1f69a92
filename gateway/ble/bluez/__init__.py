"""BlueZ: what is done over D-Bus beside bleak."""
