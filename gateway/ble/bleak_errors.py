"""Translation of the exceptions of bleak and the layers below it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.ble.bluez.error_messages import NO_BUS, NO_RIGHTS, SWITCHED_OFF, refusal
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
WANTS_BOND = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
}
NOT_AVAILABLE = {
    BleakBluetoothNotAvailableReason.DENIED_BY_SYSTEM: NO_RIGHTS,
    BleakBluetoothNotAvailableReason.POWERED_OFF: SWITCHED_OFF,
}


class BondLostError(BleakError):
    """Raised by a backend of our own when the headband has forgotten its bond."""


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
        # no D-Bus socket: a container, or dbus-daemon is not running
        raise AdapterError(f"{doing}: {NO_BUS}") from error
    except BleakBluetoothNotAvailableError as error:
        # no adapter, switched off (rfkill), or no rights to bluetoothd
        why = NOT_AVAILABLE.get(error.reason, error.args[0])
        raise AdapterError(f"{doing}: {why}") from error
    except BondLostError as error:
        # the bumble backend: encryption failed with PIN or Key Missing
        raise LostBondError(f"{doing}: {error}") from error
    except BleakGATTProtocolError as error:
        # the headband answered an ATT error, most often Insufficient Encryption
        kind = BondingError if error.code in WANTS_BOND else otherwise
        raise kind(f"{doing} refused: {error.args[1]}") from error
    except BleakDBusError as error:
        # bluetoothd refused: busy (InProgress), device gone, ATT error in words
        text = str(error.dbus_error_details or "")
        raise refusal(doing, error.dbus_error, text, otherwise) from error
    except TimeoutError as error:
        # bluetoothd hangs, or the headband left while it was asked
        raise otherwise(f"{doing}: {str(error) or 'no answer in time'}") from error
    except FOREIGN as error:
        # EOFError: bluetoothd died meanwhile; OSError: the socket went
        raise otherwise(f"{doing}: {str(error) or type(error).__name__}") from error
