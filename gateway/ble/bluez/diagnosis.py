"""Diagnosis of a Linux machine without Bluetooth, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dbus_fast import DBusError

from gateway.ble.bluez.dbus import BUS_ERRORS, AdapterObject, SystemBus, bus_reason
from gateway.ble.bluez.error_messages import BLOCKED, SWITCHED_OFF, Remedy, meaning
from gateway.errors import AdapterError

SYSFS = Path("/sys/class")
NO_HARDWARE = Remedy(
    "this machine has no Bluetooth adapter",
    "plug one in; on a Raspberry Pi look for dtoverlay=disable-bt in "
    "/boot/firmware/config.txt",
)
HARD_BLOCKED = Remedy(
    "Bluetooth is blocked by a hardware switch", "turn it on (rfkill list shows it)"
)


class Hardware(NamedTuple):
    """Bluetooth hardware of this machine, as the kernel lists it.

    Attributes
    ----------
    adapters : tuple of str
        E.g. ``("hci0",)``.
    soft_blocked, hard_blocked : bool
        Whether rfkill blocks any of it, by software or by a switch.
    """

    adapters: tuple[str, ...]
    soft_blocked: bool = False
    hard_blocked: bool = False


def read_hardware(sysfs: Path = SYSFS) -> Hardware:
    """Ask the kernel; nothing is changed.

    Source: Documentation/ABI/stable/sysfs-class-rfkill of Linux.
    """
    adapters = sorted(
        path.name for path in sysfs.glob("bluetooth/hci*") if ":" not in path.name
    )
    switches = [
        path
        for path in sysfs.glob("rfkill/rfkill*")
        if _line(path / "type") == "bluetooth"
    ]
    return Hardware(
        tuple(adapters),
        soft_blocked=any(_line(path / "soft") == "1" for path in switches),
        hard_blocked=any(_line(path / "hard") == "1" for path in switches),
    )


def judge(
    adapters: Sequence[AdapterObject], wanted: str | None, hardware: Hardware
) -> Remedy | None:
    """Say why no adapter can be used; None if one can. Pure.

    Parameters
    ----------
    adapters : sequence of AdapterObject
        Those bluetoothd has.
    wanted : str or None
        E.g. ``"hci1"``; None for any.
    hardware : Hardware
    """
    if not adapters:
        return _not_taken(hardware)
    if wanted is None:
        reasons = [_unusable(adapter, hardware) for adapter in adapters]
        return None if None in reasons else reasons[0]
    for adapter in adapters:
        if adapter.name == wanted:
            return _unusable(adapter, hardware)
    named = " or ".join(f"{a.name} ({a.properties['Address']})" for a in adapters)
    return Remedy(
        f"there is no Bluetooth adapter {wanted}", f"set ble.adapter to {named}"
    )


async def diagnose(adapter: str | None = None, sysfs: Path = SYSFS) -> Remedy | None:
    """Say why there is no Bluetooth, with the next step; None if nothing is wrong.

    Never raises, and ends within some seconds even where bluetoothd hangs.

    Parameters
    ----------
    adapter : str or None
        The one that is wanted, e.g. ``"hci1"``; None for any.
    sysfs : Path
        Where the kernel speaks of its devices.
    """
    hardware = read_hardware(sysfs)
    bus = SystemBus()
    try:
        if await is_without(bus, hardware):
            return NO_HARDWARE
        known = await bus.known()
    except DBusError as error:
        meant = meaning(error.type, error.text)
        reason = meant.reason if meant else Remedy(f"{error.type}", f"{error.text}")
    except BUS_ERRORS as error:
        reason = bus_reason(error)
    else:
        return judge(known.adapters, adapter, hardware)
    finally:
        bus.close()
    return reason


async def is_without(bus: SystemBus, hardware: Hardware) -> bool:
    """Tell whether there is no Bluetooth, and will be none.

    Without hardware systemd does not start bluetoothd, and D-Bus, which has asked it
    to, is silent for 25 s: so it is not asked.
    """
    return not hardware.adapters and not await bus.is_owned()


def chosen(adapters: Sequence[AdapterObject], wanted: str | None) -> AdapterObject:
    """Return the adapter that bleak would take.

    Raises
    ------
    AdapterError
        If it is not there.
    """
    fitting = [a for a in adapters if wanted in (None, a.name)]
    if not fitting:
        raise AdapterError(str(judge(adapters, wanted, read_hardware()) or NO_HARDWARE))
    powered = [a for a in fitting if a.properties.get("Powered")]
    return (powered or fitting)[0]


def _not_taken(hardware: Hardware) -> Remedy:
    if not hardware.adapters:
        return NO_HARDWARE
    return Remedy(
        f"bluetoothd has no adapter, though the kernel has {hardware.adapters[0]}",
        "sudo systemctl restart bluetooth, then look at journalctl -u bluetooth",
    )


def _unusable(adapter: AdapterObject, hardware: Hardware) -> Remedy | None:
    if "central" not in adapter.properties.get("Roles", ["central"]):
        return Remedy(
            f"the Bluetooth adapter {adapter.name} knows no Bluetooth LE", "use another"
        )
    if adapter.properties["Powered"]:
        return None
    if hardware.hard_blocked:
        return HARD_BLOCKED
    # PowerState: BlueZ 5.65 and newer
    state = adapter.properties.get("PowerState")
    if hardware.soft_blocked or state == "off-blocked":
        return BLOCKED
    return SWITCHED_OFF


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:  # unplugged since it was listed
        return ""
