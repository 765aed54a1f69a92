"""Why there is no Bluetooth on a Linux machine, and what to do about it."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.errors import AdapterError, LinkError
from gateway.link.bluez_bus import BluezAdapter, SystemBus, bluez_errors
from gateway.link.bluez_words import BLOCKED, SWITCHED_OFF

SYSFS = Path("/sys/class")
NO_HARDWARE = (
    "this machine has no Bluetooth adapter: plug one in; on a Raspberry Pi look for "
    "dtoverlay=disable-bt in /boot/firmware/config.txt"
)
NOT_TAKEN = (
    "bluetoothd has no adapter, though the kernel has {there}: sudo systemctl restart "
    "bluetooth, then look at journalctl -u bluetooth"
)
HARD_BLOCKED = (
    "Bluetooth is blocked by a hardware switch: turn it on (rfkill list shows it)"
)
NOT_THERE = "there is no Bluetooth adapter {wanted}: there is {there}; see ble.adapter"
NO_LE = "the Bluetooth adapter {name} is too old, it knows no Bluetooth LE: use another"


class Hardware(NamedTuple):
    """What the kernel says of this machine's Bluetooth.

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
    adapters: Sequence[BluezAdapter], wanted: str | None, hardware: Hardware
) -> str | None:
    """Say why no adapter can be used; None if one can. Pure.

    Parameters
    ----------
    adapters : sequence of BluezAdapter
        Those bluetoothd has.
    wanted : str or None
        E.g. ``"hci1"``; None for any.
    hardware : Hardware
    """
    if not adapters:
        there = " and ".join(hardware.adapters)
        return NOT_TAKEN.format(there=there) if there else NO_HARDWARE
    if wanted is None:
        reasons = [_unusable(adapter, hardware) for adapter in adapters]
        return None if None in reasons else reasons[0]
    for adapter in adapters:
        if adapter.name == wanted:
            return _unusable(adapter, hardware)
    named = " and ".join(f"{a.name} ({a.properties['Address']})" for a in adapters)
    return NOT_THERE.format(wanted=wanted, there=named)


async def diagnose(adapter: str | None = None, sysfs: Path = SYSFS) -> str | None:
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
        with bluez_errors("no Bluetooth"):
            known = await bus.known()
    except LinkError as error:
        # without hardware systemd does not start bluetoothd, and says nothing
        return str(error) if hardware.adapters else f"{error}; {NO_HARDWARE}"
    finally:
        bus.close()
    return judge(known.adapters, adapter, hardware)


def chosen(adapters: Sequence[BluezAdapter], wanted: str | None) -> BluezAdapter:
    """Return the adapter that bleak would take.

    Raises
    ------
    AdapterError
        If it is not there.
    """
    fitting = [a for a in adapters if wanted in (None, a.name)]
    if not fitting:
        raise AdapterError(judge(adapters, wanted, read_hardware()) or NO_HARDWARE)
    powered = [a for a in fitting if a.properties.get("Powered")]
    return (powered or fitting)[0]


def _unusable(adapter: BluezAdapter, hardware: Hardware) -> str | None:
    if "central" not in adapter.properties.get("Roles", ["central"]):
        return NO_LE.format(name=adapter.name)
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
