"""What bluetoothd and D-Bus answer when they refuse, and what to do about it. Pure.

Names after ``src/error.c`` and ``src/error.h`` of BlueZ 5.66 to 5.82 and the D-Bus
specification, "Error names"; that a lost bond shows as ``br-connection-canceled`` was
seen on BlueZ 5.66 and 5.82.
"""

from typing import NamedTuple

from gateway.errors import AdapterError, BondingError, LinkError, LostBondError

BLUEZ_ERROR = "org.bluez.Error."
DBUS_ERROR = "org.freedesktop.DBus.Error."
SYSTEMD_ERROR = "org.freedesktop.systemd1."


class Reason(NamedTuple):
    """What is wrong, and the next step."""

    what: str
    step: str

    def __str__(self) -> str:
        return f"{self.what}: {self.step}"


class Meaning(NamedTuple):
    """Whose fault a refusal is, None if that depends on what was asked, and why."""

    error: type[LinkError] | None
    reason: Reason


NOT_RUNNING = Reason(
    "bluetoothd is not running",
    "sudo systemctl enable --now bluetooth (after sudo apt install bluez, if there is "
    "no such service)",
)
HANGS = Reason("bluetoothd does not answer", "sudo systemctl restart bluetooth")
NO_RIGHTS = Reason(
    "this user may not talk to bluetoothd",
    "sudo usermod -aG bluetooth USER, then log in anew or restart the service",
)
NO_BUS = Reason(
    "there is no D-Bus system bus",
    "sudo apt install bluez dbus (in a container, mount /run/dbus/system_bus_socket)",
)
BUS_GONE = Reason("the D-Bus system bus went away", "it is tried again")
BLOCKED = Reason("Bluetooth is blocked by rfkill", "sudo rfkill unblock bluetooth")
SWITCHED_OFF = Reason("the Bluetooth adapter is switched off", "bluetoothctl power on")
PAIRING_FAILED = Reason(
    "pairing failed",
    "put the headband in pairing mode, pair it again, and mind the passkey",
)
_BUSY = Reason(
    "the Bluetooth adapter is busy",
    "close other programs that use it; it is switched off and on if that goes on",
)
_SILENT = Reason("the headband did not answer", "bring it nearer, charge it")
_UNPAIRED = Reason("the headband wants to be paired first", "sleepgate pair")
_UNKNOWN = Reason("bluetoothd does not know it any more", "scan again")

_OF_BLUEZ = {
    "AlreadyConnected": Meaning(
        LinkError, Reason("the headband is connected already", "disconnect it first")
    ),
    "AlreadyExists": Meaning(
        BondingError, Reason("there is a bond already", "sleepgate unpair it first")
    ),
    "AuthenticationCanceled": Meaning(
        BondingError,
        Reason("pairing was cancelled", "pair it again, and answer in time"),
    ),
    "AuthenticationFailed": Meaning(
        BondingError,
        PAIRING_FAILED,
    ),
    "AuthenticationRejected": Meaning(
        BondingError,
        Reason("pairing was refused", "put the headband in pairing mode"),
    ),
    "AuthenticationTimeout": Meaning(
        BondingError,
        Reason("nobody answered the pairing in time", "pair it again"),
    ),
    "Blocked": Meaning(AdapterError, BLOCKED),
    "ConnectionAttemptFailed": Meaning(LinkError, _SILENT),
    "DoesNotExist": Meaning(LinkError, _UNKNOWN),
    "InProgress": Meaning(AdapterError, _BUSY),
    "NotAuthorized": Meaning(BondingError, _UNPAIRED),
    "NotConnected": Meaning(
        LinkError, Reason("the connection is gone", "it is made again")
    ),
    "NotPermitted": Meaning(BondingError, _UNPAIRED),
    "NotReady": Meaning(AdapterError, SWITCHED_OFF),
}
_OF_DBUS = {
    "AccessDenied": Meaning(AdapterError, NO_RIGHTS),
    "AuthFailed": Meaning(AdapterError, NO_RIGHTS),
    "Disconnected": Meaning(AdapterError, BUS_GONE),
    "NameHasNoOwner": Meaning(AdapterError, NOT_RUNNING),
    "NoReply": Meaning(AdapterError, HANGS),
    "ServiceUnknown": Meaning(AdapterError, NOT_RUNNING),
    "TimedOut": Meaning(AdapterError, HANGS),
    "Timeout": Meaning(AdapterError, HANGS),
    "UnknownMethod": Meaning(None, _UNKNOWN),
    "UnknownObject": Meaning(None, _UNKNOWN),
}
_FAILED = {
    "br-connection-canceled": Meaning(
        LostBondError,
        Reason("the headband has lost its bond", "sleepgate pair it again"),
    ),
    "rfkill": Meaning(AdapterError, BLOCKED),
    "not-powered": Meaning(AdapterError, SWITCHED_OFF),
    "page-timeout": Meaning(LinkError, _SILENT),
    "connection-timeout": Meaning(LinkError, _SILENT),
    "abort-by-local": Meaning(
        LinkError, Reason("the adapter gave the connection up", "it is tried again")
    ),
    "connection-busy": Meaning(AdapterError, _BUSY),
}


def meaning(name: str, text: str) -> Meaning | None:
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
        return Meaning(AdapterError, NOT_RUNNING)  # could not be started on demand
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
    said = f"{name.removeprefix(BLUEZ_ERROR).removeprefix(DBUS_ERROR)}: {text}"
    meant = meaning(name, text)
    if meant is None:
        return otherwise(f"{doing}: {said}")
    return (meant.error or otherwise)(f"{doing}: {meant.reason} ({said})")
