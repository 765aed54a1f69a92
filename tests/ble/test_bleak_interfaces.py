"""What we rely on in the installed bleak, so that an upgrade that moves it says so."""

import inspect
import sys
from importlib import import_module

import bleak
import pytest
from bleak import exc
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from gateway.ble.bleak_errors import FOREIGN
from gateway.ble.bumble.backend import BumbleClient, BumbleScanner


def parameters(function):
    return set(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (bleak.BleakScanner.__init__, {"backend", "bluez", "service_uuids"}),
        (bleak.BleakScanner.__init__, {"detection_callback"}),
        (
            bleak.BleakClient.__init__,
            {"address_or_ble_device", "disconnected_callback", "timeout", "backend"},
        ),
        (bleak.BleakClient.start_notify, {"char_specifier", "callback"}),
        (bleak.BleakClient.write_gatt_char, {"char_specifier", "data", "response"}),
        (bleak.BleakAdapter.get, {"bluez"}),
        (bleak.BleakAdapter.get_connected_devices, {"service_uuids"}),
    ],
)
def test_bleak_takes_what_we_give(function, wanted):
    assert wanted <= parameters(function)


@pytest.mark.parametrize(
    "error",
    [
        exc.BleakBluetoothNotAvailableError,
        exc.BleakCharacteristicNotFoundError,
        exc.BleakDBusError,
        exc.BleakDeviceNotFoundError,
        exc.BleakGATTProtocolError,
    ],
)
def test_all_that_bleak_raises_is_translated(error):
    assert issubclass(error, FOREIGN)


@pytest.mark.parametrize(
    ("ours", "base"),
    [(BumbleClient, BaseBleakClient), (BumbleScanner, BaseBleakScanner)],
)
def test_our_backend_fills_in_all_that_bleak_leaves_open(ours, base):
    assert issubclass(ours, base)
    assert not inspect.isabstract(ours)


@pytest.mark.parametrize(
    "method", sorted(BaseBleakClient.__abstractmethods__ - {"is_connected", "mtu_size"})
)
def test_our_client_takes_what_bleak_gives(method):
    theirs = inspect.signature(getattr(BaseBleakClient, method)).parameters.values()
    ours = inspect.signature(getattr(BumbleClient, method)).parameters.values()
    takes_any = any(p.kind is p.VAR_KEYWORD for p in ours)
    named = {p.name for p in ours}
    for parameter in theirs:
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            assert parameter.name in named or takes_any


@pytest.mark.skipif(sys.platform != "linux", reason="that backend is Linux's")
def test_bleak_still_keeps_its_connection_to_bluetoothd_where_we_end_it():
    manager = import_module("bleak.backends.bluezdbus.manager")
    assert "_bus" in vars(manager.BlueZManager())
    assert inspect.iscoroutinefunction(manager.get_global_bluez_manager)


def test_an_advertisement_still_has_the_fields_we_fill_in():
    assert AdvertisementData._fields == (
        "local_name",
        "manufacturer_data",
        "service_data",
        "service_uuids",
        "tx_power",
        "rssi",
        "platform_data",
    )
