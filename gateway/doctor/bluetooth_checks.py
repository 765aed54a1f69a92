"""Whether there is Bluetooth to find a headband with."""

import asyncio
import sys
from collections.abc import Iterator

from gateway.config.schema import BleConfig
from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import Target, said_by

if sys.platform == "linux":
    from gateway.ble.bluez.diagnosis import diagnose, read_hardware

OLDEST_BLUEZ = (5, 50)


def ble_findings(patient: Target) -> Iterator[Finding]:
    """Look at BlueZ, rfkill, D-Bus and the adapter."""
    ble = patient.config.ble if patient.config else BleConfig()
    if ble.backend == "simulated":
        yield good("bluetooth", f"simulated, over {ble.transport}: none is needed")
        return
    if sys.platform != "linux":
        yield skipped("bluetooth", "no Linux", "look on the gateway itself")
        return
    yield _bluez()
    hardware = read_hardware()
    yield _rfkill(soft=hardware.soft_blocked, hard=hardware.hard_blocked)
    reason = asyncio.run(diagnose(ble.adapter))
    if reason is not None:
        yield broken("adapter", reason.what, reason.step)
    else:
        names = ble.adapter or " and ".join(hardware.adapters) or "one of bluetoothd's"
        yield good("adapter", f"{names} is on, and this user may use it over D-Bus")


def _bluez() -> Finding:
    told = said_by("bluetoothctl", "--version")
    if not told:
        return broken("bluez", "not installed", "sudo apt install bluez")
    words = told.rpartition(" ")[2]
    version = tuple(int(part) for part in words.split(".") if part.isdecimal())
    if version < OLDEST_BLUEZ:
        step = "upgrade to Raspberry Pi OS Bookworm or newer"
        return warning("bluez", f"{words}: older than any that was tried", step)
    return good("bluez", words)


def _rfkill(*, soft: bool, hard: bool) -> Finding:
    if hard:
        step = "turn on the switch; `rfkill list` shows it"
        return broken("rfkill", "Bluetooth is blocked by a hardware switch", step)
    if soft:
        step = "sudo rfkill unblock bluetooth"
        return broken("rfkill", "Bluetooth is blocked", step)
    return good("rfkill", "Bluetooth is not blocked")
