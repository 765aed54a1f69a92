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

NOT_RUNNING = (
    "bluetoothd is not running: sudo systemctl enable --now bluetooth (after sudo "
    "apt install bluez, if there is no such service)"
)
HANGS = "bluetoothd does not answer: sudo systemctl restart bluetooth"
NO_RIGHTS = (
    "this user may not talk to bluetoothd: sudo usermod -aG bluetooth USER, then log "
    "in anew or restart the service"
)
BLOCKED = "Bluetooth is blocked by rfkill: sudo rfkill unblock bluetooth"
SWITCHED_OFF = "the Bluetooth adapter is switched off: bluetoothctl power on"


class _Meaning(NamedTuple):
    """Whose fault it is, None if that depends on what was being done; and a remedy."""

    error: type[LinkError] | None
    sentence: str


_OF_BLUEZ = {
    "AlreadyConnected": _Meaning(LinkError, "it is connected already"),
    "AlreadyExists": _Meaning(BondingError, "there is a bond already: unpair it first"),
    "AuthenticationCanceled": _Meaning(
        BondingError, "pairing was cancelled: pair it again, and answer in time"
    ),
    "AuthenticationFailed": _Meaning(
        BondingError,
        "pairing failed: the passkey was wrong, or the headband is not in pairing "
        "mode; pair it again",
    ),
    "AuthenticationRejected": _Meaning(
        BondingError, "pairing was refused: put the headband in pairing mode"
    ),
    "AuthenticationTimeout": _Meaning(
        BondingError, "nobody answered the pairing in time: pair it again"
    ),
    "Blocked": _Meaning(AdapterError, BLOCKED),
    "ConnectionAttemptFailed": _Meaning(
        LinkError, "the headband did not answer: bring it nearer, charge it"
    ),
    "DoesNotExist": _Meaning(LinkError, "bluetoothd does not know it: scan again"),
    "InProgress": _Meaning(
        AdapterError, "the adapter is busy with an earlier request, or another program"
    ),
    "NotAuthorized": _Meaning(BondingError, "the headband wants to be paired first"),
    "NotAvailable": _Meaning(LinkError, "the headband does not offer that"),
    "NotConnected": _Meaning(LinkError, "the connection is gone"),
    "NotPermitted": _Meaning(BondingError, "the headband wants to be paired first"),
    "NotReady": _Meaning(AdapterError, SWITCHED_OFF),
}
_OF_DBUS = {
    "AccessDenied": _Meaning(AdapterError, NO_RIGHTS),
    "AuthFailed": _Meaning(AdapterError, NO_RIGHTS),
    "Disconnected": _Meaning(AdapterError, "the D-Bus system bus went away"),
    "NameHasNoOwner": _Meaning(AdapterError, NOT_RUNNING),
    "NoReply": _Meaning(AdapterError, HANGS),
    "ServiceUnknown": _Meaning(AdapterError, NOT_RUNNING),
    "TimedOut": _Meaning(AdapterError, HANGS),
    "Timeout": _Meaning(AdapterError, HANGS),
    "UnknownMethod": _Meaning(None, "bluetoothd does not know it any more"),
    "UnknownObject": _Meaning(None, "bluetoothd does not know it any more"),
}
_FAILED = {
    "br-connection-canceled": _Meaning(
        LostBondError, "the headband has lost its bond: pair it again"
    ),
    "rfkill": _Meaning(AdapterError, BLOCKED),
    "not-powered": _Meaning(AdapterError, SWITCHED_OFF),
    "page-timeout": _Meaning(
        LinkError, "the headband did not answer: bring it nearer, charge it"
    ),
    "connection-timeout": _Meaning(
        LinkError, "the headband did not answer: bring it nearer, charge it"
    ),
    "abort-by-local": _Meaning(
        LinkError, "the adapter gave the connection up: it is tried again"
    ),
    "connection-busy": _Meaning(
        AdapterError, "the adapter is busy with an earlier request, or another program"
    ),
}


def refusal(
    doing: str, name: str, text: str, otherwise: type[LinkError] = LinkError
) -> LinkError:
    """Return the gateway's error for an error reply from D-Bus.

    Parameters
    ----------
    doing : str
        What was being done.
    name : str
        Of the error, e.g. ``"org.bluez.Error.NotReady"``.
    text : str
        What came with it.
    otherwise : type
        The class where neither says whose fault it is.
    """
    said = f"{name.removeprefix(BLUEZ_ERROR).removeprefix(DBUS_ERROR)}: {text}"
    meaning = _meaning(name, text)
    if meaning is None:
        return otherwise(f"{doing}: {said}")
    return (meaning.error or otherwise)(f"{doing}: {meaning.sentence} ({said})")


def _meaning(name: str, text: str) -> _Meaning | None:
    if name == f"{BLUEZ_ERROR}Failed":
        return next((_FAILED[mark] for mark in _FAILED if mark in text), None)
    if name.startswith((f"{DBUS_ERROR}Spawn.", SYSTEMD_ERROR)):
        return _Meaning(AdapterError, NOT_RUNNING)  # could not be started on demand
    if name.startswith(BLUEZ_ERROR):
        return _OF_BLUEZ.get(name.removeprefix(BLUEZ_ERROR))
    return _OF_DBUS.get(name.removeprefix(DBUS_ERROR))
