"""Sleepgate: a BLE headband's signal in, sleep stages out."""

__version__ = "0.1.0"
