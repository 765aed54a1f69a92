"""Where the configuration is, unless somebody says otherwise."""

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
