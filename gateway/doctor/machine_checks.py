"""Checks of the machine: Python, libraries, clock, disk, Wi-Fi."""

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
from gateway.host.metrics import clock_synchronised
from gateway.paths import state_folder
from gateway.staging.runtimes import runtime_name

OLDEST_PYTHON = (3, 11)
BITS_64 = 2**32
LITTLE_DISK_MB, NO_DISK_MB = 500.0, 50.0
SERVICES_STATE = Path("/var/lib/sleepgate")
NETWORK = Path("/sys/class/net")
LIBRARIES = ("numpy", "bleak", "dbus-fast", "paho-mqtt", "PyYAML", "click")


def machine_findings() -> Iterator[Finding]:
    """Check Python, libraries, clock, disk and Wi-Fi."""
    yield _python()
    yield _libraries()
    yield _clock()
    yield _disk()
    yield from _wifi()


def _python() -> Finding:
    words = f"{platform.python_version()} on {platform.machine()}"
    if sys.version_info < OLDEST_PYTHON:
        return broken("python", words, "install Python 3.11 or newer")
    if sys.maxsize < BITS_64:
        step = "install the 64-bit Raspberry Pi OS"
        return broken(
            "python", f"{words}: 32 bits, for which there is no model runtime", step
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


def _disk() -> Finding:
    folder = SERVICES_STATE if SERVICES_STATE.exists() else state_folder()
    there = next(path for path in (folder, *folder.parents) if path.exists())
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
        else:
            yield good("wi-fi", f"{name} does not save power")
