"""Bumble: a Bluetooth host in Python, for simulated and raw HCI radios."""
