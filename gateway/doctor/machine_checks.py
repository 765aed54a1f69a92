"""Checks of the machine: Python, libraries, clock, disk, memory, power, Wi-Fi."""

import platform
import re
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from gateway.doctor.report import Finding, broken, good, skipped, warning
from gateway.doctor.target import output_of
from gateway.errors import ModelError
from gateway.host.metrics import clock_synchronised, throttled_bits
from gateway.paths import state_folder
from gateway.staging.runtimes import runtime_name

OLDEST_PYTHON = (3, 11)
BITS_64 = 2**32
LITTLE_DISK_MB, NO_DISK_MB = 500.0, 50.0
SERVICES_STATE = Path("/var/lib/sleepgate")
NETWORK = Path("/sys/class/net")
MOUNTS = Path("/proc/self/mountinfo")
FORGETFUL = ("tmpfs", "ramfs", "overlay")
CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
LOW_VOLTAGE, SINCE_BOOT = 0x1, 16  # bits of `vcgencmd get_throttled`
LIBRARIES = ("numpy", "bleak", "dbus-fast", "paho-mqtt", "PyYAML", "click")


def machine_findings() -> Iterator[Finding]:
    """Check Python, libraries, clock, disk, memory, power and Wi-Fi."""
    yield _python()
    yield _libraries()
    yield _clock()
    yield _disk()
    yield _state_folder()
    yield _memory_limits()
    yield from _power()
    yield from _wifi()


def _python() -> Finding:
    words = f"{platform.python_version()} on {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return broken("python", words, "install Python 3.11 or newer")
    if sys.maxsize < BITS_64:
        step = "install the 64-bit Raspberry Pi OS"
        return broken(
            "python", f"{words}: 32 bits, which Sleepgate is not built for", step
        )
    return good("python", words)


def _libraries() -> Finding:
    try:
        words = runtime_name()
    except ModelError as error:
        return broken("libraries", str(error), "install Sleepgate again")
    versions = []
    for name in LIBRARIES:
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            return broken(
                "libraries", f"{name} is not installed", "install Sleepgate again"
            )
    return good("libraries", ", ".join([words, *versions]))


def _clock() -> Finding:
    if clock_synchronised():
        return good("clock", "the system clock is synchronised with network time")
    return warning(
        "clock",
        "the system clock is not synchronised: times of epochs may be wrong",
        "see `timedatectl`; with a network: sudo timedatectl set-ntp true",
    )


def _existing_state() -> tuple[Path, Path]:
    """Return the state folder, and what of its path exists already."""
    folder = SERVICES_STATE if SERVICES_STATE.exists() else state_folder()
    return folder, next(path for path in (folder, *folder.parents) if path.exists())


def _disk() -> Finding:
    folder, there = _existing_state()
    free_mb = shutil.disk_usage(there).free / 1e6
    words = f"{free_mb:.0f} MB free on the disk of {folder}"
    step = "free some space, e.g. sudo apt clean; sudo journalctl --vacuum-size=50M"
    if free_mb < NO_DISK_MB:
        return broken("disk", words, step)
    return (
        warning("disk", words, step)
        if free_mb < LITTLE_DISK_MB
        else good("disk", words)
    )


def _state_folder() -> Finding:
    """Check that what is written there is still there after a restart."""
    folder, there = _existing_state()
    kind, options = _mount(there.resolve())
    step = (
        "sudo raspi-config, Performance Options, Overlay File System: No; or mount a "
        f"disk at {folder}"
    )
    if "ro" in options:
        words = f"{folder} is mounted read-only: no night is kept"
        return broken("state", words, step)
    if kind in FORGETFUL:
        words = f"{folder} is in memory ({kind}): nights are gone after a restart"
        return warning("state", words, step)
    return good("state", f"{folder} is on {kind or 'a disk'}")


def _mount(path: Path) -> tuple[str, list[str]]:
    """Return type and options of the file system that `path` is on."""
    found: tuple[int, str, list[str]] = (-1, "", [])
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found[1:]
    for line in lines:
        fields, _, more = line.partition(" - ")
        point, options = fields.split()[4:6]
        if path.is_relative_to(point.replace("\\040", " ")) and len(point) >= found[0]:
            found = len(point), more.split()[0], options.split(",")
    return found[1:]


def _memory_limits() -> Finding:
    """Check that systemd can limit memory: Raspberry Pi OS switches that off."""
    try:
        controllers = CONTROLLERS.read_text(encoding="ascii").split()
    except OSError:
        step = "nothing: the daemon has a limit of its own"
        return skipped("memory", "this machine has no control groups (v2)", step)
    if "memory" in controllers:
        return good("memory", "systemd limits the daemon's memory")
    return warning(
        "memory",
        "the kernel was started with cgroup_disable=memory: systemd's limits do "
        "nothing, only the daemon's own does",
        "add cgroup_enable=memory to the line in /boot/firmware/cmdline.txt, then "
        "restart the machine",
    )


def _power() -> Iterator[Finding]:
    bits = throttled_bits()
    if bits is None:
        return
    step = "use the power supply made for this Raspberry Pi, and a short thick cable"
    if bits & LOW_VOLTAGE:
        yield broken("power", "the supply voltage is too low now", step)
    elif bits & LOW_VOLTAGE << SINCE_BOOT:
        words = "the supply voltage has been too low since the machine started"
        yield warning("power", words, step)
    elif bits:
        words = "the processor is, or was, slowed down because it is hot"
        yield warning("power", words, "give it air, or a heat sink")
    else:
        yield good("power", "voltage and temperature are good")


def _band(name: str) -> Finding | None:
    """Return a warning if Wi-Fi shares its band, and a Pi's antenna, with Bluetooth."""
    link = output_of("iw", "dev", name, "link") or ""
    if not re.search(r"freq: 24\d\d", link):
        return None
    return warning(
        "wi-fi",
        f"{name} uses 2.4 GHz, as Bluetooth does: packets may be lost",
        "connect to the 5-GHz network or by cable, or use a USB Bluetooth adapter",
    )


def _wifi() -> Iterator[Finding]:
    for device in sorted(NETWORK.glob("*/wireless")):
        name = device.parent.name
        output = output_of("iw", "dev", name, "get", "power_save")
        if not output:
            step = "sudo apt install iw, then run the doctor again"
            yield skipped(
                "wi-fi", f"{name}: power saving cannot be read without iw", step
            )
        elif re.search(r"power save: on", output, re.IGNORECASE):
            yield warning(
                "wi-fi",
                f"{name} saves power: it may answer late or drop out at night",
                f"sudo iw dev {name} set power_save off; for good: sudo nmcli "
                "connection modify NAME 802-11-wireless.powersave 2, with NAME from "
                "`nmcli connection`",
            )
        elif (crowded := _band(name)) is not None:
            yield crowded
        else:
            yield good("wi-fi", f"{name} does not save power")
