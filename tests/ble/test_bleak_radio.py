"""What bleak and the layers below it throw is translated, once and completely."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)
from dbus_fast.errors import DBusError

from gateway import drivers
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.ble import bleak_scanner
from gateway.ble.bleak_client import LEAVE_S
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.radio import Advertisement
from gateway.drivers import diy
from gateway.errors import AdapterError, BondingError, LinkError, UnfitHeadbandError
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

DIY = drivers.load("diy")
LSB_UV = float(np.float32(1e-7)) * 1e6
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),)),))
OFF = BleakBluetoothNotAvailableReason.POWERED_OFF


@asynccontextmanager
async def radio_whose_client(**methods):
    """A radio in reach of a headband, on a client with other methods."""
    air = VirtualLink()
    firmware = DiyDevice(MONTAGE, [np.zeros((1, 6000), np.int16)], boot_id=1)
    true = backend(air.plug)
    odd = type("OddClient", (true.client,), methods)
    async with headband(firmware, air.plug()):
        radio = BleakRadio(backend=true._replace(client=odd))
        yield radio
        await radio.close()


def raising(error):
    async def fail(*_, **__):
        raise error

    return fail


async def connect(radio):
    async with radio.connect(await radio.find(DIY), DIY):
        pass


@pytest.mark.parametrize(
    ("thrown", "error", "message"),
    [
        (BleakError("br-connection-canceled"), LinkError, "br-connection-canceled"),
        (BleakDBusError("org.bluez.Error.Failed", ["x"]), LinkError, "Failed"),
        (
            BleakDBusError("org.bluez.Error.AuthenticationFailed", ["x"]),
            BondingError,
            "AuthenticationFailed",
        ),
        (BleakGATTProtocolError(0x05), BondingError, "Insufficient Authentication"),
        (BleakGATTProtocolError(0x0E), LinkError, "Unlikely"),
        (BleakBluetoothNotAvailableError("off", OFF), AdapterError, "off"),
        (DBusError("org.freedesktop.DBus.Error.NoReply", "late"), LinkError, "late"),
        (EOFError(), LinkError, "EOFError"),
        (BrokenPipeError(32, "Broken pipe"), LinkError, "Broken pipe"),
        (ConnectionRefusedError(), AdapterError, "D-Bus"),
        (TimeoutError(), LinkError, "no answer in time"),
    ],
)
@pytest.mark.parametrize("method", ["connect", "start_notify", "read_gatt_char"])
async def test_what_is_thrown_below_becomes_an_error_with_a_remedy(
    thrown, error, message, method
):
    async with radio_whose_client(**{method: raising(thrown)}) as radio:
        with pytest.raises(error, match=message) as caught:
            await connect(radio)
        assert type(caught.value) is error


async def test_a_bug_below_is_no_link_error():
    async with radio_whose_client(start_notify=raising(ZeroDivisionError())) as radio:
        with pytest.raises(ZeroDivisionError):
            await connect(radio)


@pytest.mark.parametrize("sfreq", [0.0, 0.99, 20_001.0, 1e300, float("nan")])
async def test_the_rates_of_every_driver_are_bounded(sfreq):
    def handshake():
        yield drivers.Read(diy.INFO)
        streams = (replace(MONTAGE.streams[0], sfreq=sfreq),)
        return HeadbandInfo(Montage(streams))

    async with radio_whose_client() as radio:
        found = await radio.find(DIY)
        with pytest.raises(LinkError, match="1 to 20000 Hz"):
            async with radio.connect(found, replace(DIY, handshake=handshake)):
                pass


async def test_one_that_fits_no_session_is_tried_again_after_a_scan_without_another():
    async with radio_whose_client() as radio:
        found = await radio.find(DIY)
        with pytest.raises(UnfitHeadbandError):
            async with radio.connect(found, DIY):
                raise UnfitHeadbandError("its channels do not fit")
        with pytest.raises(LinkError, match=f"no other .*{found.address}.*do not fit"):
            await radio.find(DIY)
        assert await radio.find(DIY) == found


@pytest.mark.parametrize("method", ["connect", "start_notify", "read_gatt_char"])
async def test_one_who_never_answers_is_given_up(method):
    async def hang(*_, **__):
        await asyncio.Event().wait()

    async with radio_whose_client(**{method: hang}) as radio:
        with pytest.raises(LinkError, match="no answer in time"):
            await connect(radio)


@pytest.mark.parametrize("method", ["connect", "start_notify", "read_gatt_char"])
async def test_a_cancelled_connection_is_cancelled_and_left(method):
    reached = asyncio.Event()

    async def hang(*_, **__):
        reached.set()
        await asyncio.Event().wait()

    async with radio_whose_client(**{method: hang}) as radio:
        connecting = asyncio.create_task(connect(radio))
        await reached.wait()
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        assert connecting.cancelled()


async def test_leaving_one_who_hangs_takes_no_longer_than_it_must():
    async def hang(*_, **__):
        await asyncio.Event().wait()

    async with radio_whose_client(disconnect=hang) as radio:
        loop = asyncio.get_running_loop()
        async with radio.connect(await radio.find(DIY), DIY):
            leaving = loop.time()
        assert loop.time() - leaving == pytest.approx(LEAVE_S)


def never_to_be_asked(_):
    raise AssertionError("BlueZ says 23, and 20 after a bonded reconnection")


async def test_nothing_is_sized_from_what_the_platform_says_of_packets(monkeypatch):
    guess = "max_write_without_response_size"
    forbidden = property(never_to_be_asked)
    monkeypatch.setattr(BleakGATTCharacteristic, guess, forbidden)
    async with radio_whose_client() as radio:
        monkeypatch.setattr(BleakClient, "mtu_size", forbidden)
        async with radio.connect(await radio.find(DIY), DIY) as connection:
            sizes = {
                len((await connection.notifications.get(2)).payload) for _ in range(5)
            }
    assert max(sizes) > 200


@pytest.mark.parametrize("address", [None, "F0:00:00:00:00:01"])
async def test_what_a_killed_gateway_left_connected_is_found_without_a_scan(
    address, monkeypatch
):
    devices = [
        BLEDevice("F0:00:00:00:00:01", "band", {}),
        BLEDevice("F0:00:00:00:00:02", "other", {}),
    ]

    class LeftBehind:
        @classmethod
        async def get(cls, *, bluez):
            assert bluez == {"adapter": "hci1"}
            return cls()

        async def get_connected_devices(self, service_uuids):
            assert service_uuids == [DIY.service]
            return devices

    monkeypatch.setattr(bleak_scanner, "BleakAdapter", LeftBehind)
    monkeypatch.setattr(bleak_scanner, "BleakScanner", None)
    radio = BleakRadio(adapter_name="hci1")
    assert await radio.find(DIY, address) == Advertisement(
        "F0:00:00:00:00:01", "band", services=(DIY.service,), connected=True
    )
