"""The simulated headband over GATT: its table, its pace, its end."""

import asyncio
import contextlib
import math
from contextlib import asynccontextmanager

import numpy as np
import pytest
from bumble import hci
from bumble.core import UUID, AdvertisingData
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.transport.common import BaseSource, Transport

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.ble.bumble.host import advertised
from gateway.drivers import diy
from gateway.errors import AdapterError, ConfigError
from sim.device import assigned
from sim.devices.diy import DiyDevice
from sim.radio.gatt_table import advertisement
from sim.radio.peripheral import ADDRESS, headband
from sim.radio.virtual_controller import VirtualController
from sim.radio.virtual_link import VirtualLink

LSB_UV = float(np.float32(1e-7)) * 1e6
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),)),))
START = b"\x01\x01\x00\x00\x00"
START_TIME = 0.2  # for a write and its answer, at most, on the virtual air


def firmware(seconds=30, **options):
    night = np.arange(int(seconds * 100), dtype=np.int32)[None] % 1000
    return DiyDevice(MONTAGE, [night], boot_id=3, **options)


@asynccontextmanager
async def central(air):
    plug = air.plug()
    config = DeviceConfiguration(name="c", address=hci.Address("C0:00:00:00:00:02"))
    device = Device.from_config_with_hci(config, plug.source, plug.sink)
    await device.power_on()
    yield device
    await device.power_off()


class Listener:
    """A connection that decodes what it is told, with times of arrival."""

    def __init__(self, connection, played):
        self.connection = connection
        self.info = played.info
        self.packets = []
        self.battery = []
        self.lost = asyncio.Event()
        connection.on("disconnection", lambda _: self.lost.set())

    async def open(self):
        self.peer = Peer(self.connection)
        await self.peer.request_mtu(517)
        await self.peer.discover_all()
        await self.char(diy.DATA).subscribe(self.on_data)
        await self.char(diy.STATUS).subscribe(
            lambda value: self.battery.append(diy.decode_status(value))
        )

    def char(self, uuid):
        (char,) = self.peer.get_characteristics_by_uuid(UUID(uuid))
        return char

    def on_data(self, value):
        t_rx = asyncio.get_running_loop().time()
        self.packets.append(diy.decode(self.info, value, t_rx))

    async def control(self, request):
        await self.char(diy.CONTROL).write_value(request, with_response=True)

    def counts(self):
        return np.concatenate([p.counts for p in self.packets], axis=1)


async def listen(device, played):
    connection = await device.connect(hci.Address(ADDRESS))
    listener = Listener(connection, played)
    await listener.open()
    return listener


@asynccontextmanager
async def playing(played, **options):
    air = VirtualLink()
    async with (
        headband(played, air.plug(), **options) as band,
        central(air) as device,
    ):
        listener = await listen(device, played)
        yield band, device, listener


@pytest.mark.parametrize(
    "name", ["band", "12345678", "Sleepgate simulator", "Schläfer", "MuseS-5A1C"]
)
@pytest.mark.parametrize("service", [diy.SERVICE, assigned(0xFE8D)])
def test_an_advertisement_fits_and_names_service_and_headband(name, service):
    raw = advertisement(name, service)
    assert len(raw) <= 31
    shown, services = advertised(AdvertisingData.from_bytes(raw))
    assert services == [service]
    assert name.startswith(shown)
    short = service != diy.SERVICE or len(name.encode()) <= 8
    assert (shown == name) == short


async def test_the_standard_services_say_battery_and_model():
    async with playing(firmware()) as (_, _, listener):
        values = {
            uuid: await listener.char(uuid).read_value()
            for uuid in ("2A19", "2A24", "2A29")
        }
        assert values == {
            "2A19": b"\x64",
            "2A24": b"OSB 1 simulator",
            "2A29": b"Sleepgate",
        }


async def test_nothing_is_sent_before_it_is_asked_for():
    async with playing(firmware()) as (_, _, listener):
        await asyncio.sleep(10)
        assert listener.packets == []
        await listener.control(START)
        await asyncio.sleep(2)
        assert listener.packets[0].index == 0


@pytest.mark.parametrize("speed", [1.0, 8.0])
async def test_samples_come_when_they_exist_and_hardly_later(speed):
    async with playing(firmware(30), speed=speed) as (band, _, listener):
        began = asyncio.get_running_loop().time()
        await listener.control(START)
        await band.ended.wait()
        np.testing.assert_array_equal(listener.counts()[0], np.arange(3000) % 1000)
        for packet in listener.packets:
            exists_s = (packet.index + packet.counts.shape[1] - 1) / 100 / speed
            assert 0 <= packet.t_rx - began - exists_s + 1e-6 < START_TIME


async def test_a_crystal_too_fast_is_that_much_early():
    async with playing(firmware(600, drift_ppm=1000.0)) as (band, _, listener):
        await listener.control(START)
        await band.ended.wait()
        first, last = listener.packets[0], listener.packets[-1]
        nominal_s = (last.index - first.index) / 100
        assert last.t_rx - first.t_rx == pytest.approx(nominal_s / 1.001, abs=0.05)


@pytest.mark.parametrize("speed", [0, math.inf])
async def test_at_unlimited_speed_everything_arrives_and_the_queue_stays_short(speed):
    async with playing(firmware(3600), speed=speed) as (band, _, listener):
        queue = listener_queue(band)
        longest = 0

        async def watch():
            nonlocal longest
            while True:
                longest = max(longest, queue.pending)
                await asyncio.sleep(0)

        watching = asyncio.create_task(watch())
        await listener.control(START)
        await band.ended.wait()
        watching.cancel()
        await asyncio.sleep(1)
        assert listener.counts().shape == (1, 360_000)
        assert 0 < longest < 150


def listener_queue(band):
    host = band._host  # noqa: SLF001 - the queue is nobody's business else
    (handle,) = host.connections
    return host.host.get_data_packet_queue(handle)


async def test_the_night_goes_on_while_nobody_is_connected():
    played = firmware(60)
    async with playing(played) as (band, device, listener):
        await listener.control(START)
        await asyncio.sleep(10)
        await band.disconnect()
        await listener.lost.wait()
        await asyncio.sleep(20)
        again = await listen(device, played)
        await again.control(START)
        await band.ended.wait()
        first, second = listener.counts(), again.counts()
        assert first.shape[1] == pytest.approx(1000, abs=101)
        assert again.packets[0].index == pytest.approx(3000, abs=100)
        at = again.packets[0].index
        np.testing.assert_array_equal(second[0], np.arange(at, 6000) % 1000)


async def test_a_night_that_ends_unpublished_has_ended():
    async with playing(firmware(20)) as (band, _, listener):
        await listener.control(START)
        await asyncio.sleep(5)
        await band.disconnect()
        await asyncio.sleep(10)
        assert not band.ended.is_set()
        await asyncio.sleep(10)
        assert band.ended.is_set()


async def test_a_skipped_beginning_keeps_its_place():
    async with playing(firmware(30, skip_s=12.345)) as (band, _, listener):
        await listener.control(START)
        await band.ended.wait()
        assert listener.packets[0].index == 1235
        assert listener.packets[0].ticks == round(12.35 * 32768)


async def test_stop_is_stop_and_start_is_now():
    async with playing(firmware(60)) as (_, _, listener):
        await listener.control(START)
        await asyncio.sleep(5)
        await listener.control(b"\x02")
        await asyncio.sleep(0.1)
        before = len(listener.packets)
        await asyncio.sleep(5)
        assert len(listener.packets) == before
        await listener.control(START)
        await asyncio.sleep(2)
        assert listener.packets[before].index == pytest.approx(1010, abs=20)


async def test_a_frozen_headband_stays_connected_and_loses_what_it_did_not_send():
    async with playing(firmware(60)) as (band, _, listener):
        await listener.control(START)
        await asyncio.sleep(5)
        band.freeze()
        await asyncio.sleep(1)
        before = len(listener.packets)
        await asyncio.sleep(10)
        assert len(listener.packets) == before
        assert not listener.lost.is_set()
        band.thaw()
        await asyncio.sleep(2)
        last, following = listener.packets[before - 1 : before + 1]
        gap = following.index - last.index - last.counts.shape[1]
        assert gap == pytest.approx(1100, abs=110)


async def test_control_answers_who_asks_for_answers():
    async with playing(firmware()) as (_, _, listener):
        answers = asyncio.Queue()
        await listener.char(diy.CONTROL).subscribe(
            answers.put_nowait, prefer_notify=False
        )
        await listener.control(b"\x08")
        assert await answers.get() == b"\x88\x00"


async def test_the_battery_is_reported_while_streaming():
    async with playing(firmware(35)) as (band, _, listener):
        await listener.control(START)
        await band.ended.wait()
        assert [battery.percent for battery in listener.battery] == [100] * 4


async def outlive_the_air(path):
    async with contextlib.AsyncExitStack() as air:
        await air.enter_async_context(VirtualLink().serve(f"unix-server:{path}"))
        async with headband(firmware(), f"unix:{path}") as band:
            await air.aclose()
            await asyncio.wait_for(band.ended.wait(), 10)


@pytest.mark.integration
async def test_a_headband_whose_air_is_gone_says_so(tmp_path):
    with pytest.raises(AdapterError, match="transport of the simulated headband"):
        await outlive_the_air(tmp_path / "hci0")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("unix:/nowhere/hci0", AdapterError),
        ("usb:99", AdapterError),
        ("nonsense", ConfigError),
    ],
)
async def test_a_controller_that_is_not_there_is_named(name, error):
    with pytest.raises(error, match=f"radio {name}"):
        async with headband(firmware(), name):
            pytest.fail("advertises on nothing")


async def test_a_controller_that_sends_nothing_is_reported():
    deaf = Transport(BaseSource(), VirtualController("deaf"))
    with pytest.raises(AdapterError, match="no Bluetooth controller answers"):
        async with headband(firmware(), deaf):
            pytest.fail("advertises on nothing")
