"""Error messages of bluetoothd and D-Bus, explained, with what to do. Pure.

Names after ``src/error.c`` and ``src/error.h`` of BlueZ 5.66 to 5.82 and the D-Bus
specification, "Error names"; that a lost bond shows as ``br-connection-canceled`` was
seen on BlueZ 5.66 and 5.82.
"""

from typing import NamedTuple

from gateway.errors import AdapterError, BondingError, LinkError, LostBondError

BLUEZ_ERROR = "org.bluez.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
SYSTEMD_ERROR = "org.freedesktop.systemd1."


class Remedy(NamedTuple):
    """Problem, and the next step."""

    what: str
    step: str

    def __str__(self) -> str:
        return f"{self.what}: {self.step}"


class ErrorMeaning(NamedTuple):
    """Whose fault a refusal is, None if that depends on what was asked, and why."""

    error: type[LinkError] | None
    reason: Remedy


NOT_RUNNING = Remedy(
    "bluetoothd is not running",
    "sudo systemctl enable --now bluetooth (after sudo apt install bluez, if there is "
    "no such service)",
)
HANGS = Remedy("bluetoothd does not answer", "sudo systemctl restart bluetooth")
NO_RIGHTS = Remedy(
    "this user may not use bluetoothd",
    "sudo usermod -aG bluetooth USER, then log in anew or restart the service",
)
NO_BUS = Remedy(
    "there is no D-Bus system bus",
    "sudo apt install bluez dbus (in a container, mount /run/dbus/system_bus_socket)",
)
BUS_GONE = Remedy("the D-Bus system bus went away", "it is tried again")
BLOCKED = Remedy("Bluetooth is blocked by rfkill", "sudo rfkill unblock bluetooth")
SWITCHED_OFF = Remedy("the Bluetooth adapter is switched off", "bluetoothctl power on")
PAIRING_FAILED = Remedy(
    "pairing failed",
    "put the headband in pairing mode, pair it again, and mind the passkey",
)
_BUSY = Remedy(
    "the Bluetooth adapter is busy",
    "close other programs that use it; it is switched off and on if that goes on",
)
_SILENT = Remedy("the headband did not answer", "bring it nearer, charge it")
_UNPAIRED = Remedy("the headband wants to be paired first", "sleepgate pair")
_UNKNOWN = Remedy("bluetoothd does not know it any more", "scan again")

_OF_BLUEZ = {
    "AlreadyConnected": ErrorMeaning(
        LinkError, Remedy("the headband is connected already", "disconnect it first")
    ),
    "AlreadyExists": ErrorMeaning(
        BondingError, Remedy("there is a bond already", "sleepgate unpair it first")
    ),
    "AuthenticationCanceled": ErrorMeaning(
        BondingError,
        Remedy("pairing was cancelled", "pair it again, and answer in time"),
    ),
    "AuthenticationFailed": ErrorMeaning(
        BondingError,
        PAIRING_FAILED,
    ),
    "AuthenticationRejected": ErrorMeaning(
        BondingError,
        Remedy("pairing was refused", "put the headband in pairing mode"),
    ),
    "AuthenticationTimeout": ErrorMeaning(
        BondingError,
        Remedy("nobody answered the pairing in time", "pair it again"),
    ),
    "Blocked": ErrorMeaning(AdapterError, BLOCKED),
    "ConnectionAttemptFailed": ErrorMeaning(LinkError, _SILENT),
    "DoesNotExist": ErrorMeaning(LinkError, _UNKNOWN),
    "InProgress": ErrorMeaning(AdapterError, _BUSY),
    "NotAuthorized": ErrorMeaning(BondingError, _UNPAIRED),
    "NotConnected": ErrorMeaning(
        LinkError, Remedy("the connection is gone", "it is made again")
    ),
    "NotPermitted": ErrorMeaning(BondingError, _UNPAIRED),
    "NotReady": ErrorMeaning(AdapterError, SWITCHED_OFF),
}
_OF_DBUS = {
    "AccessDenied": ErrorMeaning(AdapterError, NO_RIGHTS),
    "AuthFailed": ErrorMeaning(AdapterError, NO_RIGHTS),
    "Disconnected": ErrorMeaning(AdapterError, BUS_GONE),
    "NameHasNoOwner": ErrorMeaning(AdapterError, NOT_RUNNING),
    "NoReply": ErrorMeaning(AdapterError, HANGS),
    "ServiceUnknown": ErrorMeaning(AdapterError, NOT_RUNNING),
    "TimedOut": ErrorMeaning(AdapterError, HANGS),
    "Timeout": ErrorMeaning(AdapterError, HANGS),
    "UnknownMethod": ErrorMeaning(None, _UNKNOWN),
    "UnknownObject": ErrorMeaning(None, _UNKNOWN),
}
_FAILED = {
    "br-connection-canceled": ErrorMeaning(
        LostBondError,
        Remedy("the headband has lost its bond", "sleepgate pair it again"),
    ),
    "rfkill": ErrorMeaning(AdapterError, BLOCKED),
    "not-powered": ErrorMeaning(AdapterError, SWITCHED_OFF),
    "page-timeout": ErrorMeaning(LinkError, _SILENT),
    "connection-timeout": ErrorMeaning(LinkError, _SILENT),
    "abort-by-local": ErrorMeaning(
        LinkError, Remedy("the adapter gave the connection up", "it is tried again")
    ),
    "connection-busy": ErrorMeaning(AdapterError, _BUSY),
}


def meaning(name: str, text: str) -> ErrorMeaning | None:
    """Return what an error reply from D-Bus means; None if that is not known.

    Parameters
    ----------
    name : str
        Of the error, e.g. ``"org.bluez.Error.NotReady"``.
    text : str
        What came with it.
    """
    if name == f"{BLUEZ_ERROR}Failed":
        return next((_FAILED[mark] for mark in _FAILED if mark in text), None)
    if name.startswith((f"{DBUS_ERROR}Spawn.", SYSTEMD_ERROR)):
        return ErrorMeaning(AdapterError, NOT_RUNNING)  # could not be started on demand
    if name.startswith(BLUEZ_ERROR):
        return _OF_BLUEZ.get(name.removeprefix(BLUEZ_ERROR))
    return _OF_DBUS.get(name.removeprefix(DBUS_ERROR))


def refusal(
    doing: str, name: str, text: str, otherwise: type[LinkError] = LinkError
) -> LinkError:
    """Return the gateway's error for an error reply from D-Bus.

    Parameters
    ----------
    doing : str
        What was being done.
    name, text : str
        As for `meaning`.
    otherwise : type
        The class where neither says whose fault it is.
    """
    quoted = f"{name.removeprefix(BLUEZ_ERROR).removeprefix(DBUS_ERROR)}: {text}"
    meant = meaning(name, text)
    if meant is None:
        return otherwise(f"{doing}: {quoted}")
    return (meant.error or otherwise)(f"{doing}: {meant.reason} ({quoted})")
