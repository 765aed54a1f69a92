"""Simulated radio: virtual controllers and the headband as a GATT server."""
