"""Checks of Bluetooth: BlueZ, rfkill, D-Bus, adapter."""

import asyncio
import sys
from collections.abc import Iterator

from gateway.config.schema import BleConfig
from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import Target, output_of

if sys.platform == "linux":
    from gateway.ble.bluez.diagnosis import diagnose, read_hardware

OLDEST_BLUEZ = (5, 50)


def ble_findings(target: Target) -> Iterator[Finding]:
    """Check BlueZ, rfkill, D-Bus and the adapter."""
    ble = target.config.ble if target.config else BleConfig()
    if ble.backend == "simulated":
        yield good(
            "bluetooth", f"simulated radio at {ble.transport}; no adapter is needed"
        )
        return
    if sys.platform != "linux":
        yield skipped(
            "bluetooth", "not checked: this is not Linux", "run it on the gateway"
        )
        return
    yield _bluez()
    hardware = read_hardware()
    yield _rfkill(soft=hardware.soft_blocked, hard=hardware.hard_blocked)
    reason = asyncio.run(diagnose(ble.adapter))
    if reason is not None:
        yield broken("adapter", reason.what, reason.step)
    else:
        names = ble.adapter or " and ".join(hardware.adapters) or "the default adapter"
        yield good("adapter", f"{names} is on, and this user may use it")


def _bluez() -> Finding:
    told = output_of("bluetoothctl", "--version")
    if not told:
        return broken("bluez", "BlueZ is not installed", "sudo apt install bluez")
    words = told.rpartition(" ")[2]
    version = tuple(int(part) for part in words.split(".") if part.isdecimal())
    if version < OLDEST_BLUEZ:
        step = "upgrade to Raspberry Pi OS Bookworm or newer"
        return warning(
            "bluez", f"BlueZ {words} is older than any version that was tested", step
        )
    return good("bluez", f"BlueZ {words}")


def _rfkill(*, soft: bool, hard: bool) -> Finding:
    if hard:
        step = "turn the switch on; `rfkill list` shows its state"
        return broken("rfkill", "Bluetooth is blocked by a hardware switch", step)
    if soft:
        step = "sudo rfkill unblock bluetooth"
        return broken("rfkill", "Bluetooth is blocked by software", step)
    return good("rfkill", "Bluetooth is not blocked")
