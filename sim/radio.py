"""The radio a simulator is told to use, by bumble's name for it."""

import socket

from bumble.transport import open_transport
from bumble.transport.common import Transport, TransportSpecError

from gateway.errors import AdapterError, ConfigError
from gateway.link.bumble_adapter import NOT_OPENED

SCHEMES = "unix:PATH, tcp-client:HOST:PORT, usb:N, serial:DEVICE, hci-socket:N or vhci"


async def open_radio(name: str) -> Transport:
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
        If it cannot be opened.
    """
    if name.startswith("hci-socket") and not hasattr(socket, "AF_BLUETOOTH"):
        raise AdapterError(f"radio {name}: this Python has no Bluetooth sockets")
    try:
        return await open_transport(name)
    except TransportSpecError as error:
        raise ConfigError([f"radio {name}: {error}; give {SCHEMES}"]) from error
    except NOT_OPENED as error:
        raise AdapterError(f"radio {name}: {error}") from error
