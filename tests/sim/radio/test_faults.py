"""Faults on demand, through the gateway's own link; what is lost is what was away."""

import asyncio
import io
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.packets import LinkDown, LinkUp, Notification, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.reconnect import stream
from gateway.errors import ConfigError, RecordingError
from sim import devices
from sim.device import DeviceSettings
from sim.night.synthetic_night import synthetic_night
from sim.powered_device import PoweredDevice
from sim.radio.faults import FAULTS, known, obey
from sim.radio.peripheral import headband
from sim.radio.security import Security
from sim.radio.virtual_link import VirtualLink
from sim.stdin_lines import typed

DIY = drivers.load("diy")
NIGHT, _ = synthetic_night(1, 1 / 30)


def unit(**knobs):
    return PoweredDevice(NIGHT, devices.load("diy"), DeviceSettings(boot_id=7, **knobs))


class Ear:
    """The gateway's link, read to the change that a test waits for."""

    def __init__(self, link):
        self.link = link
        self.packets = []

    async def until(self, kind):
        async for value in self.link:
            if isinstance(value, LinkUp):
                self.decoder = DIY.decoder(value.info)
            if isinstance(value, Notification):
                self.packets += [
                    packet
                    for packet in self.decoder.feed(value)
                    if isinstance(packet, SamplePacket) and packet.stream == 0
                ]
            if isinstance(value, kind):
                return value
        return pytest.fail("the link ended by itself")

    async def listen(self, seconds):
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await self.until(Notification)

    def gap(self):
        """Return the samples missing between the two halves of what was heard."""
        ends = [p.index + p.counts.shape[1] for p in self.packets]
        starts = [p.index for p in self.packets[1:]]
        gaps = [start - end for start, end in zip(starts, ends, strict=False)]
        return max(gaps)


@asynccontextmanager
async def heard(played, **options):
    air = VirtualLink()
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(played.device, air.plug(), **options) as band:
        link = stream(
            radio,
            DIY,
            report=lambda _: None,
            clock=asyncio.get_running_loop().time,
            jitter=lambda: 0.0,
        )
        async with aclosing(link):
            yield band, Ear(link)
    await radio.close()


async def test_dropped_it_is_found_again_at_once():
    played = unit()
    async with heard(played) as (band, ear):
        await ear.until(LinkUp)
        await ear.listen(5)
        await obey("drop", band, played)
        assert (await ear.until(LinkDown)).reason == "disconnected"
        await ear.until(LinkUp)
        await ear.listen(5)
        assert 0 < ear.gap() < 500


async def test_away_it_is_lost_for_so_long_and_the_night_goes_on():
    played = unit()
    async with heard(played) as (band, ear):
        await ear.until(LinkUp)
        await ear.listen(5)
        away = asyncio.create_task(obey("away 20", band, played))
        assert (await ear.until(LinkDown)).reason == "disconnected"
        await ear.until(LinkUp)
        await ear.listen(5)
        await away
        assert 2000 < ear.gap() < 2500
        for packet in ear.packets:
            end = packet.index + packet.counts.shape[1]
            expected = NIGHT.counts[0][:, packet.index : end]
            np.testing.assert_array_equal(packet.counts, expected)


async def test_frozen_it_sends_nothing_until_it_thaws():
    played = unit()
    async with heard(played) as (band, ear):
        await ear.until(LinkUp)
        await obey("freeze", band, played)
        assert (await ear.until(LinkDown)).reason == "nothing received for 2 s"
        await obey("thaw", band, played)
        await ear.until(LinkUp)
        await ear.listen(2)


async def test_rebooted_it_counts_anew_from_where_the_night_is():
    played = unit()
    async with heard(played) as (band, ear):
        assert (await ear.until(LinkUp)).info.boot_id == 7
        await ear.listen(10)
        rebooting = asyncio.create_task(obey("reboot", band, played))
        await ear.until(LinkDown)
        ear.packets.clear()
        assert (await ear.until(LinkUp)).info.boot_id == 8
        await ear.listen(5)
        await rebooting
        first = ear.packets[0]
        assert first.index < 500
        assert 12 <= played.powered_s <= 15  # ten seconds heard, two without power
        at = played.powered_s * 100 + first.index
        expected = NIGHT.counts[0][:, at : at + first.counts.shape[1]]
        np.testing.assert_array_equal(first.counts, expected)
        await asyncio.wait_for(band.ended.wait(), NIGHT.duration_s)


async def test_a_forgotten_bond_is_gone(tmp_path):
    played, keystore = unit(), tmp_path / "bonds.json"
    keystore.write_text('{"F0:F1:F2:F3:F4:F5": {"C0:00:00:00:00:01": {}}}')
    async with headband(
        played.device,
        VirtualLink().plug(),
        security=Security.JUST_WORKS,
        keystore=keystore,
    ) as band:
        await obey("forget", band, played)
    assert "C0" not in keystore.read_text()


async def test_what_cannot_be_done_is_reported_with_what_can():
    played = unit()
    async with headband(played.device, VirtualLink().plug()) as band:
        for line in ("explode", "away", "away soon", "away -1", "away nan"):
            with pytest.raises(ConfigError, match=r"drop|seconds"):
                await obey(line, band, played)
    assert set(known().replace(" SECONDS", "").split(", ")) == set(FAULTS)


def test_a_reboot_after_the_night_is_refused():
    played = unit()
    with pytest.raises(RecordingError, match="is over"):
        played.reboot(NIGHT.duration_s)


def test_reboots_add_up():
    played = unit()
    played.reboot(30.2)
    second = played.reboot(10.0)
    rest = list(play_all(second))
    expected = NIGHT.counts[0][:, 4100:]
    np.testing.assert_array_equal(np.concatenate(rest, axis=1), expected)
    assert second.info.boot_id == 9


def play_all(device):
    device.write(drivers.diy.CONTROL, b"\x01\x01\x00\x00\x00", 517, 0.0)
    decoder = DIY.decoder(device.info)
    for frame in device.frames(0.0, 517):
        for value in decoder.feed(Notification(frame.char, frame.payload, 0.0)):
            if isinstance(value, SamplePacket):
                yield value.counts


async def test_what_is_typed_arrives_line_by_line():
    source = io.StringIO("drop\n\n  away 3 \n")
    assert [line async for line in typed(source)] == ["drop", "away 3"]
