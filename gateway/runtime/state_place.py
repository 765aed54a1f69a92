"""Where this user's daemon, or the service, keeps what must last."""

import os
from pathlib import Path


def state_folder() -> Path:
    """Return systemd's StateDirectory=, else the user's own; it may not exist yet."""
    if said := os.environ.get("STATE_DIRECTORY"):
        return Path(said.partition(":")[0])
    users = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(users) / "sleepgate"
