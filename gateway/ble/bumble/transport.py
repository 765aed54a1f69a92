"""The one door to a Bluetooth controller by bumble's name for it."""

import re
import socket
from difflib import get_close_matches

from bumble.core import BaseBumbleError
from bumble.transport import open_transport
from bumble.transport.common import Transport
from usb1 import USBError

from gateway.errors import AdapterError, ConfigError

PLACES = {
    "unix": ("PATH", ".+"),
    "unix-server": ("PATH", ".+"),
    "tcp-client": ("HOST:PORT", r".+:\d+"),
    "tcp-server": ("HOST:PORT", r".+:\d+"),
    "ws-client": ("URL", "wss?://.+"),
    "udp": ("HOST:PORT,HOST:PORT", r".+:\d+,.+:\d+"),
    "serial": ("DEVICE", ".+"),
    "usb": ("N", r"\d+.*|[0-9a-fA-F]{4}:[0-9a-fA-F]{4}.*"),
    "hci-socket": ("N", r"\d+"),
    "vhci": ("", ".*"),
    "pty": ("", ".*"),
}
WORTH_NAMING = ("unix", "tcp-client", "usb", "serial", "hci-socket", "vhci")
SCHEMES = ", ".join(
    f"{scheme}:{PLACES[scheme][0]}".rstrip(":") for scheme in WORTH_NAMING
)
NOT_OPENED = (OSError, EOFError, ValueError, BaseBumbleError, USBError)


def check_name(name: str) -> None:
    """Look whether `name` can name a transport, e.g. ``"unix:/run/hci1"``.

    Raises
    ------
    ConfigError
        If it cannot; says what is near, or what there is.
    """
    scheme, _, place = name.partition(":")
    if scheme not in PLACES:
        near = get_close_matches(scheme, PLACES, n=1)
        hint = f"{near[0]}?" if near else f"give {SCHEMES}"
        raise ConfigError([f"radio {name}: no such transport; {hint}"])
    form, pattern = PLACES[scheme]
    if not re.fullmatch(pattern, place):
        raise ConfigError([f"radio {name}: give {scheme}:{form}"])


async def open_hci(name: str) -> Transport:
    """Open an HCI transport.

    Parameters
    ----------
    name : str
        E.g. ``"unix:/run/hci0"`` or ``"usb:0"``.

    Raises
    ------
    ConfigError
        If that is no such name.
    AdapterError
        If it cannot be opened; says why, and what may help.
    """
    check_name(name)
    if name.startswith("hci-socket") and not hasattr(socket, "AF_BLUETOOTH"):
        raise AdapterError(
            f"radio {name}: this Python has no Bluetooth sockets; the one of Debian "
            "has, or take usb:N or serial:DEVICE"
        )
    try:
        return await open_transport(name)
    except NOT_OPENED as error:
        hint = _hint(name.partition(":")[0], error)
        raise AdapterError(f"radio {name}: {hint}") from error


def _hint(scheme: str, error: Exception) -> str:
    """Say what is wrong, and the next step where there is one."""
    why = str(error) or type(error).__name__
    if isinstance(error, USBError):
        return (
            f"USB says {why}; is the dongle plugged in, and may this user write to "
            "/dev/bus/usb?"
        )
    if isinstance(error, PermissionError):
        return f"{why}; it needs more rights (a udev rule, or CAP_NET_ADMIN)"
    if isinstance(error, FileNotFoundError | ConnectionRefusedError):
        if scheme in {"unix", "tcp-client"}:
            return f"{why}; nobody serves it yet (python -m sim does)"
        return f"{why}; is it plugged in, or its kernel module loaded?"
    return why
