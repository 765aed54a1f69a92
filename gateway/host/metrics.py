"""Metrics of this machine and of this process."""

import hashlib
import os
import platform
import shutil
import time
from pathlib import Path

from gateway.host.vitals import Vitals

SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
TEMPERATURE = Path("/sys/class/thermal/thermal_zone0/temp")
# of Raspberry Pi's kernel; the low bits are what `vcgencmd get_throttled` calls now.
# Its folder is soc/soc:firmware to a Pi 4 and has an address in its name on a Pi 5
PLATFORM = Path("/sys/devices/platform")
THROTTLED = ("soc*/*firmware/get_throttled", "*firmware/get_throttled")
THROTTLED_NOW = 0xF
LARGEST_ERROR_US = 16_000_000  # of the kernel's clock; timedatectl's rule
MACHINE_ID = Path("/etc/machine-id")
MEMORY = Path("/proc/meminfo")
PAGES = Path("/proc/self/statm")


BEGAN_S = time.monotonic()  # imported as the process begins


def uptime_s() -> float:
    """Return for how long this process has run, seconds."""
    return time.monotonic() - BEGAN_S


class VitalsReader:
    """Takes the vitals of this process again and again.

    Parameters
    ----------
    disk : Path
        A directory on the disk that matters, or where one is to be.
    """

    def __init__(self, disk: Path) -> None:
        self._disk = disk
        self._last = time.monotonic(), time.process_time()

    def take(self) -> Vitals:
        """Measure."""
        (t, cpu_s), self._last = self._last, (time.monotonic(), time.process_time())
        elapsed_s = self._last[0] - t
        share = (self._last[1] - cpu_s) / elapsed_s if elapsed_s > 0 else None
        return Vitals(
            rss_mb=rss_mb(),
            cpu_pct=None if share is None else 100 * share,
            mem_free_mb=_mem_free_mb(),
            load1=_load(),
            cpu_temp_c=_temperature_c(),
            disk_free_mb=self._disk_free_mb(),
            throttled=_throttled(),
        )

    def _disk_free_mb(self) -> float | None:
        there = self._disk
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            return shutil.disk_usage(there).free / 1e6
        except OSError:
            return None


def is_there(path: Path) -> bool:
    """Tell whether there is a file, also where this user may not look for it."""
    try:
        return path.exists()
    except PermissionError:
        return True


def clock_synchronised() -> bool:
    """Tell whether the wall clock has been set by network time since boot.

    By systemd-timesyncd, or by chrony, ntpd or ntpsec, which leave no file but tell
    the kernel. A Raspberry Pi has no clock of its own; before this its date is a guess.
    """
    if SYNCHRONISED.exists():
        return True
    error_us = _kernel_error_us()
    if error_us is not None:
        return error_us < LARGEST_ERROR_US
    if SYNCHRONISED.parent.exists():
        return False
    from gateway.host.timedated import TIMEDATED  # noqa: PLC0415 -- starts programs

    return TIMEDATED.synchronised(uptime_s())


def _kernel_error_us() -> int | None:
    """Return the largest error that the kernel's clock may have, adjtimex(2).

    None where the sandbox forbids the question: the call also sets clocks.
    """
    import ctypes  # noqa: PLC0415 -- not for every client command

    timex = (ctypes.c_long * 32)()  # modes 0: read only; maxerror is its fourth long
    return None if ctypes.CDLL(None).adjtimex(timex) < 0 else timex[3]


def supervised() -> bool:
    """Tell whether systemd runs this process, and would start it again."""
    return "INVOCATION_ID" in os.environ and "NOTIFY_SOCKET" in os.environ


def gateway_id() -> str:
    """Return 6 hex digits that stay the same on this machine, and give nothing away.

    A hash of ``/etc/machine-id``, as machine-id(5) asks for.
    """
    own = _text(MACHINE_ID) or host_name()
    return hashlib.sha256(f"sleepgate {own.strip()}".encode()).hexdigest()[:6]


def host_name() -> str:
    """Return the name of this machine."""
    return platform.node()


def architecture() -> str:
    """Return the processor, e.g. ``"aarch64"``."""
    return platform.machine()


def python_version() -> str:
    """Return e.g. ``"3.13.1"``."""
    return platform.python_version()


def rss_mb() -> float | None:
    """Return the resident memory of this process, MB; None where it is not known."""
    text = _text(PAGES)
    return None if text is None else int(text.split()[1]) * _page_bytes() / 1e6


def _mem_free_mb() -> float | None:
    for line in (_text(MEMORY) or "").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


def _temperature_c() -> float | None:
    text = _text(TEMPERATURE)
    return None if text is None else int(text) / 1000


def throttled_bits() -> int | None:
    """Return what ``vcgencmd get_throttled`` shows; None where this is no Pi."""
    for pattern in THROTTLED:
        for path in PLATFORM.glob(pattern):
            text = _text(path)
            if text is not None:
                return int(text, 16)
    return None


def _throttled() -> bool | None:
    bits = throttled_bits()
    return None if bits is None else bool(bits & THROTTLED_NOW)


def _load() -> float | None:
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def _page_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE")


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
