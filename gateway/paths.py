"""Paths of the configuration, the state folder, the recordings and the journal."""

import os
from pathlib import Path

from gateway.host.metrics import is_there

SERVICE = Path("/etc/sleepgate/sleepgate.yaml")
DEFAULT_CONFIG = f"{SERVICE}, or ~/.config/sleepgate/sleepgate.yaml without it"


def default_config() -> Path:
    """Return the service's file, or the user's own where there is none.

    Where there is neither, root is to write the service's, others their own.
    """
    users = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    own = Path(users) / "sleepgate" / "sleepgate.yaml"
    if is_there(SERVICE) or (os.geteuid() == 0 and not own.exists()):
        return SERVICE
    return own


def state_folder() -> Path:
    """Return systemd's StateDirectory=, else the user's own; it may not exist yet.

    With several folders in it, as in ``STATE_DIRECTORY=a:b``, the first one.
    """
    if folders := os.environ.get("STATE_DIRECTORY"):
        return Path(folders.partition(":")[0])
    users = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(users) / "sleepgate"


def recordings_folder() -> Path:
    """Return the folder of the recordings where none is configured."""
    return state_folder() / "recordings"


def journal_file() -> Path:
    """Return the file of the journal where none is configured."""
    return state_folder() / "journal.sqlite"


def cache_folder() -> Path:
    """Return the folder of what can be found out again; it may not exist yet.

    Raises
    ------
    RuntimeError
        If this user has no home.
    """
    if os.environ.get("STATE_DIRECTORY"):
        return state_folder()
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(users) / "sleepgate"
