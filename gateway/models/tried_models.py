"""Models that this machine has survived, noted so that each is tried once."""

import hashlib
import platform
import sys
from contextlib import suppress
from pathlib import Path

from gateway import __version__
from gateway.atomic_write import write_text
from gateway.errors import ConfigError
from gateway.paths import cache_folder
from gateway.staging.runtimes import runtime_name

FOLDER = "tried-models"
CPUINFO = Path("/proc/cpuinfo")
FEATURES = ("Features", "flags")  # on ARM, on x86; a card may move to another Pi


def is_tried(package: bytes) -> bool:
    """Tell whether `package` was tried with this runtime on this kind of machine."""
    try:
        _note(package).stat()
    except (OSError, RuntimeError):  # RuntimeError: a user without a home
        return False
    return True


def note_tried(package: bytes) -> None:
    """Remember that `package` works here, if there is where to."""
    with suppress(ConfigError, RuntimeError):
        write_text(_note(package), _facts(package))


def _note(package: bytes) -> Path:
    name = hashlib.sha256(_facts(package).encode()).hexdigest()
    return cache_folder() / FOLDER / name[:32]


def _facts(package: bytes) -> str:
    facts = (
        f"model package, SHA-256 {hashlib.sha256(package).hexdigest()}",
        f"sleepgate {__version__}, {runtime_name()}, {sys.implementation.cache_tag}",
        f"{platform.machine()}, {_features()}",
    )
    return "\n".join(facts) + "\n"


def _features() -> str:
    """Return what instructions there are, as the kernel tells; empty if it does not."""
    with suppress(OSError), CPUINFO.open(errors="replace") as lines:
        return next((line.strip() for line in lines if line.startswith(FEATURES)), "")
    return ""
