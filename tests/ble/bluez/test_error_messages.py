"""What bluetoothd refuses becomes an error of the right class, with a next step."""

import pytest

from gateway.ble.bluez.error_messages import refusal
from gateway.errors import AdapterError, BondingError, LinkError, LostBondError

BLUEZ = "org.bluez.Error"
DBUS = "org.freedesktop.DBus.Error"


@pytest.mark.parametrize(
    ("name", "text", "error", "says"),
    [
        (f"{BLUEZ}.InProgress", "Operation already in progress", AdapterError, "busy"),
        (f"{BLUEZ}.NotReady", "Resource Not Ready", AdapterError, "power on"),
        (f"{BLUEZ}.Blocked", "Blocked through rfkill", AdapterError, "rfkill unblock"),
        (f"{BLUEZ}.Failed", "br-connection-canceled", LostBondError, "pair it again"),
        (f"{BLUEZ}.Failed", "le-connection-abort-by-local", LinkError, "tried again"),
        (f"{BLUEZ}.Failed", "br-connection-page-timeout", LinkError, "nearer"),
        (f"{BLUEZ}.Failed", "br-connection-not-powered", AdapterError, "power on"),
        (f"{BLUEZ}.AuthenticationFailed", "", BondingError, "mind the passkey"),
        (f"{BLUEZ}.AuthenticationRejected", "", BondingError, "pairing mode"),
        (f"{BLUEZ}.AuthenticationTimeout", "", BondingError, "in time"),
        (f"{BLUEZ}.AuthenticationCanceled", "", BondingError, "pair it again"),
        (f"{BLUEZ}.NotPermitted", "Not paired", BondingError, "paired first"),
        (f"{DBUS}.ServiceUnknown", "no provider", AdapterError, "systemctl enable"),
        (f"{DBUS}.NameHasNoOwner", "", AdapterError, "systemctl enable"),
        (f"{DBUS}.Spawn.ChildExited", "", AdapterError, "systemctl enable"),
        ("org.freedesktop.systemd1.NoSuchUnit", "", AdapterError, "systemctl enable"),
        (f"{DBUS}.NoReply", "", AdapterError, "systemctl restart"),
        (f"{DBUS}.AccessDenied", "Rejected", AdapterError, "usermod -aG bluetooth"),
    ],
)
def test_a_refusal_names_what_helps(name, text, error, says):
    refused = refusal("connect", name, text)
    assert type(refused) is error
    assert says in str(refused)
    assert str(refused).startswith("connect: ")


@pytest.mark.parametrize("kind", [LinkError, AdapterError])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        (f"{BLUEZ}.Failed", "Input/output error"),
        (f"{BLUEZ}.Unheard", "of"),
        (f"{DBUS}.UnknownObject", "no such object"),
        ("com.example.Odd", "odd"),
    ],
)
def test_what_says_not_whose_fault_it_is_is_of_the_callers_class(name, text, kind):
    refused = refusal("scan", name, text, kind)
    assert type(refused) is kind
    assert text in str(refused)
