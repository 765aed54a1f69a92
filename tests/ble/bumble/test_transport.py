"""A controller that is not there is named, with what to do about it."""

from importlib.util import find_spec

import pytest

from gateway.ble.bumble.transport import PLACES, check_name, open_hci
from gateway.errors import AdapterError, ConfigError


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "no such transport; give unix:PATH"),
        ("pigeon:1", "no such transport; give unix:PATH"),
        ("unx:/run/hci1", "no such transport; unix\\?"),
        ("tcp-cleint:x:1", "tcp-client\\?"),
        ("unix", "give unix:PATH"),
        ("unix:", "give unix:PATH"),
        ("tcp-client:localhost", "give tcp-client:HOST:PORT"),
        ("tcp-client:localhost:http", "give tcp-client:HOST:PORT"),
        ("usb", "give usb:N"),
        ("usb:first", "give usb:N"),
        ("serial:", "give serial:DEVICE"),
        ("hci-socket:hci1", "give hci-socket:N"),
    ],
)
async def test_a_name_that_is_none_is_a_mistake_in_the_configuration(name, message):
    with pytest.raises(ConfigError, match=message):
        check_name(name)
    with pytest.raises(ConfigError, match=message):
        await open_hci(name)


@pytest.mark.parametrize(
    "name",
    [
        *("unix:/run/hci1", "tcp-client:127.0.0.1:7001", "tcp-client:[::1]:7001"),
        *("usb:0", "usb:0A12:0001", "serial:/dev/ttyACM0,1000000", "hci-socket:1"),
        *("vhci", "pty", "ws-client:ws://127.0.0.1:7300/v1/websocket/bt"),
        "udp:0.0.0.0:9000,127.0.0.1:9001",
    ],
)
def test_what_can_be_a_name_is_let_through(name):
    check_name(name)


@pytest.mark.parametrize("scheme", sorted(PLACES.keys() - {"unix-server"}))
def test_bumble_knows_every_scheme_that_is_offered(scheme):
    assert find_spec(f"bumble.transport.{scheme.replace('-', '_')}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unix:/nowhere/hci0", "nobody serves it yet"),
        ("tcp-client:127.0.0.1:1", "nobody serves it yet"),
        ("serial:/dev/nowhere", "nowhere"),
        ("usb:99", "radio usb:99"),
    ],
)
async def test_what_cannot_be_opened_is_named_with_the_next_step(name, message):
    with pytest.raises(AdapterError, match=message):
        await open_hci(name)


async def test_a_python_without_bluetooth_sockets_says_so(monkeypatch):
    monkeypatch.delattr("socket.AF_BLUETOOTH", raising=False)
    with pytest.raises(AdapterError, match="this Python has no Bluetooth sockets"):
        await open_hci("hci-socket:0")
