"""The exceptions of bleak and of the layers below it, in the gateway's words."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.errors import AdapterError, BondingError, LinkError, LostBondError

if sys.platform == "linux":
    from dbus_fast.errors import AuthError, DBusError

    DBUS_ERRORS: tuple[type[Exception], ...] = (AuthError, DBusError)
else:
    DBUS_ERRORS = ()

FOREIGN: tuple[type[Exception], ...] = (
    BleakError,
    TimeoutError,
    EOFError,
    OSError,
    *DBUS_ERRORS,
)
NO_BLUEZ = (
    "no Bluetooth here: bluetoothd does not answer on D-Bus (is the package bluez "
    "installed, and bluetooth.service running?)"
)
WANTS_BOND = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
}
BOND_FAILED = {
    f"org.bluez.Error.Authentication{how}"
    for how in ("Canceled", "Failed", "Rejected", "Timeout")
}
ADAPTER_FAILED = {
    *("org.bluez.Error.InProgress", "org.bluez.Error.NotReady"),
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.ServiceUnknown",
}


class BondLostError(BleakError):
    """A backend of our own found that the headband has forgotten its bond."""


@contextmanager
def translated(doing: str, otherwise: type[LinkError] = LinkError) -> Iterator[None]:
    """Turn the exceptions of bleak and below into the gateway's, once and here.

    Parameters
    ----------
    doing : str
        What is being done, for messages.
    otherwise : type
        What to raise if the exception itself does not say whose fault it is.
    """
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise AdapterError(NO_BLUEZ) from error
    except BleakBluetoothNotAvailableError as error:
        raise AdapterError(str(error.args[0])) from error
    except BondLostError as error:
        raise LostBondError(f"{doing}: {error}") from error
    except BleakGATTProtocolError as error:
        kind = BondingError if error.code in WANTS_BOND else otherwise
        raise kind(f"{doing} refused: {error.args[1]}") from error
    except BleakDBusError as error:
        raise _of_dbus(error.dbus_error, otherwise)(f"{doing}: {error}") from error
    except FOREIGN as error:
        raise otherwise(f"{doing}: {str(error) or type(error).__name__}") from error


def _of_dbus(name: str, otherwise: type[LinkError]) -> type[LinkError]:
    if name in BOND_FAILED:
        return BondingError
    return AdapterError if name in ADAPTER_FAILED else otherwise
