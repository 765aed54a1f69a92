"""The name under which the headband of the open profile was known before."""

from sim.devices.diy import DiyDevice as Firmware

__all__ = ["Firmware"]
