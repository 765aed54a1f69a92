"""The gateway's own bleak code against a headband on a virtual air."""

import asyncio
import sys
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest
from bumble.att import ATT_Error, ErrorCode
from bumble.transport.common import BaseSource, Transport

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import LinkDown, LinkUp, Notification, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.open_radio import open_radio
from gateway.ble.reconnect import stream
from gateway.errors import (
    AdapterError,
    BondingError,
    ConfigError,
    LinkError,
    MissingExtraError,
)
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

DIY = drivers.load("diy")
LSB_UV = float(np.float32(1e-7)) * 1e6
OTHER = "F0:F1:F2:F3:F4:F6"


def channels(n, bits=16):
    rail = 1 << bits - 1
    return tuple(
        Channel(f"C{i}", Modality.EEG, LSB_UV, 0, -rail, rail - 1) for i in range(n)
    )


POLYGRAPH = Montage((Stream(100.0, channels(3)), Stream(1.0, channels(1))))


def noise(montage, seconds):
    rng = np.random.default_rng(1)
    return [
        rng.integers(-999, 999, (len(s.channels), int(seconds * s.sfreq)))
        for s in montage.streams
    ]


def firmware(seconds=20, boot_id=7):
    return DiyDevice(POLYGRAPH, noise(POLYGRAPH, seconds), boot_id=boot_id)


@asynccontextmanager
async def radio_on(transport):
    radio = BleakRadio(backend=backend(transport))
    try:
        yield radio
    finally:
        await radio.close()


@asynccontextmanager
async def one_headband(played, speed=1.0, mtu=517):
    air = VirtualLink()
    async with (
        headband(played, air.plug(), speed=speed, mtu=mtu) as band,
        radio_on(air.plug) as radio,
    ):
        yield air, band, radio


def listen(radio, address=None, **options):
    options = {
        "report": lambda _: None,
        "jitter": lambda: 0.0,
        "clock": asyncio.get_running_loop().time,
    } | options
    return aclosing(stream(radio, DIY, address, **options))


async def until_link(link, kind):
    """Read on to the next change of the link; return it and what came before."""
    before = []
    async for value in link:
        if isinstance(value, LinkUp | LinkDown):
            assert isinstance(value, kind), value
            return value, before
        before.append(value)
    return pytest.fail("the link ended by itself")


def samples(info, notifications):
    decoder = DIY.decoder(info)
    return [
        value
        for notification in notifications
        for value in decoder.feed(notification)
        if isinstance(value, SamplePacket)
    ]


@pytest.mark.parametrize("mtu", [23, 40, 185, 247, 517])
async def test_every_sample_of_a_recording_arrives_at_any_mtu(mtu):
    recording, played = noise(POLYGRAPH, 20), firmware(20)
    async with (
        one_headband(played, speed=0, mtu=mtu) as (_, band, radio),
        listen(radio) as link,
    ):
        up, _ = await until_link(link, LinkUp)
        assert up.info == played.info
        _, notifications = await until_link(link, LinkDown)
        assert band.ended.is_set()
    assert max(len(n.payload) for n in notifications) <= mtu - 3
    packets = samples(up.info, notifications)
    for position, played in enumerate(recording):
        arrived = [p.counts for p in packets if p.stream == position]
        np.testing.assert_array_equal(np.concatenate(arrived, axis=1), played)


async def test_out_of_range_the_link_falls_and_comes_back_at_its_place():
    recording = noise(POLYGRAPH, 60)
    async with one_headband(firmware(60)) as (air, _, radio), listen(radio) as link:
        up, _ = await until_link(link, LinkUp)
        loop, outages = asyncio.get_running_loop(), []
        loop.call_later(5, lambda: outages.append(loop.create_task(air.outage(8))))
        down, before = await until_link(link, LinkDown)
        assert down.reason == "disconnected"
        again, _ = await until_link(link, LinkUp)
        assert again.info == up.info
        _, after = await until_link(link, LinkDown)
    first, second = samples(up.info, before), samples(up.info, after)
    for packet in first + second:
        played = recording[packet.stream]
        end = packet.index + packet.counts.shape[1]
        np.testing.assert_array_equal(packet.counts, played[:, packet.index : end])
    gap = second[0].index - (first[-1].index + first[-1].counts.shape[1])
    assert 800 < gap < 1000


async def test_a_short_outage_is_a_pause_and_no_loss():
    recording = noise(POLYGRAPH, 20)
    async with one_headband(firmware(20)) as (air, _, radio), listen(radio) as link:
        up, _ = await until_link(link, LinkUp)
        outage = asyncio.create_task(air.outage(0.3))
        _, notifications = await until_link(link, LinkDown)
        await outage
    arrived = [p.counts for p in samples(up.info, notifications) if p.stream == 0]
    np.testing.assert_array_equal(np.concatenate(arrived, axis=1), recording[0])


async def test_a_frozen_headband_is_a_stall_and_is_taken_up_again():
    async with one_headband(firmware(60)) as (_, band, radio), listen(radio) as link:
        await until_link(link, LinkUp)
        asyncio.get_running_loop().call_later(3, band.freeze)
        down, _ = await until_link(link, LinkDown)
        assert down.reason == "nothing received for 2 s"
        band.thaw()
        await until_link(link, LinkUp)
        assert isinstance(await anext(link), Notification)


async def test_a_headband_that_hangs_up_is_found_again():
    async with one_headband(firmware(60)) as (_, band, radio), listen(radio) as link:
        for _ in range(3):
            await until_link(link, LinkUp)
            assert isinstance(await anext(link), Notification)
            await band.disconnect()
            down, _ = await until_link(link, LinkDown)
            assert down.reason == "disconnected"


async def test_leaving_stops_the_stream_and_frees_the_headband():
    async with one_headband(firmware(60)) as (_, band, radio):
        for _ in range(2):
            async with listen(radio) as link:
                await until_link(link, LinkUp)
                await anext(link)
            sent = band.frames_sent
            await asyncio.sleep(5)
            assert band.frames_sent == sent


@pytest.mark.parametrize("address", [OTHER, OTHER.lower()])
async def test_of_two_headbands_the_one_of_the_address_is_taken(address):
    air = VirtualLink()
    async with (
        headband(firmware(boot_id=1), air.plug()),
        headband(firmware(boot_id=2), air.plug(), address=OTHER),
        radio_on(air.plug) as radio,
        listen(radio, address) as link,
    ):
        up, _ = await until_link(link, LinkUp)
        assert up.info.boot_id == 2


async def test_no_headband_in_reach_is_reported_after_the_scan():
    async with radio_on(VirtualLink().plug) as radio:
        with pytest.raises(LinkError, match="no diy headband in reach within 20 s"):
            await radio.find(DIY)
        with pytest.raises(LinkError, match=f"no {OTHER} in reach"):
            await radio.find(DIY, OTHER)


async def connect_once(radio):
    found = await radio.find(DIY)
    async with radio.connect(found, DIY) as connection:
        return connection


async def test_a_headband_that_cannot_serve_the_mtu_refuses_to_start():
    montage = Montage((Stream(256.0, channels(4, bits=24)),))
    played = DiyDevice(montage, noise(montage, 5), boot_id=1)
    async with one_headband(played, mtu=23) as (_, _, radio):
        with pytest.raises(LinkError, match=r"handshake refused: .* 0x81"):
            await connect_once(radio)


def nonsense(*_):
    return b"nonsense"


def unpaired(*_):
    raise ATT_Error(ErrorCode.INSUFFICIENT_ENCRYPTION)


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (nonsense, LinkError, "no diy headband: INFO"),
        (unpaired, BondingError, "Insufficient Encryption"),
    ],
)
async def test_what_goes_wrong_in_the_handshake_is_named(answer, error, message):
    class Odd(DiyDevice):
        read = answer

    odd = Odd(POLYGRAPH, noise(POLYGRAPH, 5), boot_id=1)
    async with one_headband(odd) as (_, _, radio):
        with pytest.raises(error, match=message):
            await connect_once(radio)


async def test_a_headband_that_left_after_the_scan_is_a_link_error():
    async with one_headband(firmware()) as (air, _, radio):
        found = await radio.find(DIY)
        outage = asyncio.create_task(air.outage(60))
        with pytest.raises(LinkError, match="connect"):
            async with radio.connect(found, DIY):
                pytest.fail("connected to one who is out of range")
        await outage
        await connect_once(radio)


async def read_one_second(radio):
    async with radio.connect(await radio.find(DIY), DIY) as connection:
        return [await connection.notifications.get(2) for _ in range(3)]


async def test_a_headband_that_hangs_up_in_the_handshake_is_a_link_error():
    class Shy(DiyDevice):
        def write(self, *request):
            return super().write(*request)._replace(streaming=False, disconnect=True)

    shy = Shy(POLYGRAPH, noise(POLYGRAPH, 5), boot_id=1)
    async with one_headband(shy) as (_, _, radio):
        with pytest.raises(LinkError, match="disconnected"):
            await read_one_second(radio)


async def test_without_a_controller_there_is_no_bluetooth(tmp_path):
    radio = open_radio("simulated", transport=f"unix:{tmp_path}/hci9")
    with pytest.raises(AdapterError, match=r"radio unix:.*hci9: .*nobody serves it"):
        await radio.find(DIY)
    await radio.close()


async def test_a_controller_that_sends_nothing_is_reported():
    async with radio_on(
        lambda: Transport(BaseSource(), VirtualLink().controller())
    ) as radio:
        with pytest.raises(AdapterError, match="nothing answers"):
            await radio.find(DIY)


def test_a_simulated_radio_needs_a_transport():
    with pytest.raises(ConfigError, match="needs one like unix:PATH"):
        open_radio("simulated")


def test_without_bumble_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.delitem(sys.modules, "gateway.ble.bumble.backend")
    monkeypatch.delitem(sys.modules, "gateway.ble.bumble.host", raising=False)
    monkeypatch.setitem(sys.modules, "bumble", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[sim\]'"):
        open_radio("simulated", transport="unix:/run/hci1")


async def test_without_bluez_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")
    for radio in (open_radio("bluez"), open_radio("bluez", adapter="hci1")):
        with pytest.raises(AdapterError, match="apt install bluez dbus"):
            await radio.find(DIY)
        await radio.close()
