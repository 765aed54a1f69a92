"""Every simulated headband through its driver and the gateway's own link.

Found, shaken hands with, kept awake and streamed; dropped, out of range, rebooted,
bonded, two at a time. A new device joins by its name.
"""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.packets import LinkDown, LinkUp, Notification, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.reconnect import stream
from gateway.errors import BondingError, ConfigError
from sim import devices
from sim.device import DeviceSettings
from sim.devices.npg_lite import LSB_UV
from sim.night.electrodes import electrodes
from sim.night.synthetic_night import synthetic_night
from sim.powered_device import PoweredDevice
from sim.radio.faults import obey
from sim.radio.peripheral import headband
from sim.radio.security import Security
from sim.radio.virtual_link import VirtualLink

NAMES = devices.names()
NIGHT, _ = synthetic_night(1, 1 / 60)  # one minute
ADDRESSES = ("F0:F1:F2:F3:F4:F5", "F0:F1:F2:F3:F4:F6")
MATCHED = 40  # samples that are found in no second place of the night
STEP = {"ganglion": 32}  # counts: its packets carry no lower bits
SAID_BY_NOBODY = {"npg_lite": LSB_UV}


def unit(name, **knobs):
    return PoweredDevice(NIGHT, devices.load(name), DeviceSettings(boot_id=7, **knobs))


def driver_of(name):
    return drivers.calibrated(drivers.load(name), SAID_BY_NOBODY.get(name))


class Session:
    """What one link hears: the packets of each connection, of the first stream."""

    def __init__(self, driver, link):
        self.driver = driver
        self.link = link
        self.connections = []

    async def until(self, kind):
        async for value in self.link:
            if isinstance(value, LinkUp):
                self.info = value.info
                self.decoder = self.driver.decoder(value.info)
                self.connections.append([])
            if isinstance(value, Notification):
                decoded = self.decoder.feed(value)
                self.connections[-1] += [
                    p for p in decoded if isinstance(p, SamplePacket) and not p.stream
                ]
            if isinstance(value, kind):
                return value
        return pytest.fail("the link ended by itself")

    async def listen(self, seconds):
        end = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < end:
            await self.until(Notification)

    async def stream_for(self, seconds):
        up = await self.until(LinkUp)
        await self.listen(seconds)
        return up

    def check(self, night=NIGHT):
        """Compare all samples with the recording; return where each run lies."""
        given = self.given(night)
        return [self._placed(packets, given) for packets in self.connections]

    def given(self, night):
        montage = self.info.montage
        if montage == night.montage:
            return night.counts[0]
        step = STEP.get(self.driver.name, 1)
        return electrodes(night, montage) // step * step

    @staticmethod
    def _placed(packets, given):
        ends = [p.index + p.counts.shape[1] for p in packets]
        assert [p.index for p in packets[1:]] == ends[:-1], "samples are missing"
        arrived = np.concatenate([p.counts for p in packets], axis=1)
        n_places = given.shape[1] - MATCHED
        fits = np.ones(n_places, bool)
        for n in range(MATCHED):
            fits &= (given[:, n : n + n_places] == arrived[:, n, None]).all(axis=0)
        (place,) = np.flatnonzero(fits)
        np.testing.assert_array_equal(
            arrived, given[:, place : place + arrived.shape[1]]
        )
        return int(place), int(place) + arrived.shape[1]


@asynccontextmanager
async def listening(air, name, address=None):
    radio = BleakRadio(backend=backend(air.plug))
    driver = driver_of(name)
    link = stream(
        radio,
        driver,
        address,
        report=lambda _: None,
        clock=asyncio.get_running_loop().time,
        jitter=lambda: 0.0,
    )
    async with aclosing(link):
        yield Session(driver, link)
    await radio.close()


@asynccontextmanager
async def on_air(played, **options):
    air = VirtualLink()
    async with (
        headband(played.device, air.plug(), **options) as band,
        listening(air, played.device.driver) as session,
    ):
        yield air, band, session


def test_every_headband_has_its_driver():
    assert set(NAMES) <= set(drivers.PLUGINS.own_names())


@pytest.mark.parametrize("name", sorted({*drivers.PLUGINS.own_names()} - {*NAMES}))
def test_a_driver_without_a_headband_to_play_says_so(name):
    with pytest.raises(ConfigError, match="cannot be simulated yet"):
        devices.load(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_device_is_of_its_drivers_kind(name):
    device, driver = unit(name).device, drivers.load(name)
    assert (device.driver, device.service) == (name, driver.service)
    assert driver.may_be(device.name, ()) or not driver.prefixes
    assert driver.recognises([attribute.uuid for attribute in device.attributes])


@pytest.mark.parametrize("name", NAMES)
async def test_a_scan_shows_it_by_name_and_service(name):
    air, played = VirtualLink(), unit(name)
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(played.device, air.plug()):
        kinds = [drivers.load(kind) for kind in drivers.names()]
        (seen,) = await radio.scan(kinds, 3.0)
    assert played.device.name.startswith(seen.name)
    assert seen.services == (played.device.service,)
    await radio.close()


@pytest.mark.parametrize("name", NAMES)
async def test_every_sample_arrives_as_it_was_given(name):
    async with on_air(unit(name)) as (_, band, session):
        await session.until(LinkUp)
        await session.until(LinkDown)
        ((first, last),) = session.check()
        sfreq = session.info.montage.streams[0].sfreq
        assert band.ended.is_set()
    assert first <= 8 * sfreq, "a handshake takes no longer"
    assert last >= (NIGHT.duration_s - 3) * sfreq


@pytest.mark.parametrize("name", NAMES)
async def test_a_drop_loses_what_lies_between_and_no_more(name):
    async with on_air(unit(name)) as (_, band, session):
        await session.stream_for(8)
        await band.disconnect()
        assert (await session.until(LinkDown)).reason == "disconnected"
        await session.stream_for(8)
        (_, dropped), (again, _) = session.check()
        sfreq = session.info.montage.streams[0].sfreq
    assert 0 <= again - dropped < 10 * sfreq


@pytest.mark.parametrize("name", NAMES)
async def test_out_of_range_is_lost_and_comes_back_at_its_place(name):
    async with on_air(unit(name)) as (air, _, session):
        await session.stream_for(8)
        outage = asyncio.create_task(air.outage(15))
        await session.until(LinkDown)
        await session.stream_for(8)
        await outage
        (_, lost), (again, _) = session.check()
        sfreq = session.info.montage.streams[0].sfreq
    assert 14 * sfreq < again - lost < 30 * sfreq


@pytest.mark.parametrize("name", NAMES)
async def test_rebooted_it_goes_on_with_the_night(name):
    played = unit(name)
    async with on_air(played) as (_, band, session):
        await session.stream_for(8)
        rebooting = asyncio.create_task(obey("reboot", band, played))
        await session.until(LinkDown)
        session.check()
        session.connections.clear()
        up = await session.stream_for(8)
        await rebooting
        end_s = int(NIGHT.duration_s)
        session.check(NIGHT.between(played.powered_s, end_s))
    assert up.info.boot_id in (8, None)


@pytest.mark.parametrize("name", NAMES)
async def test_kept_awake_it_streams_on(name):
    keep_alive = drivers.load(name).keep_alive
    if keep_alive is None:
        starves_s, listened_s = None, 5
    else:
        starves_s, listened_s = 1.5 * keep_alive.every_s, 5 * keep_alive.every_s
    async with on_air(unit(name, starves_s=starves_s)) as (_, _, session):
        await session.stream_for(listened_s)
        assert len(session.check()) == 1


@pytest.mark.parametrize("other", ["of its kind", "of another"])
@pytest.mark.parametrize("name", NAMES)
async def test_two_at_once_are_kept_apart(name, other):
    air, sessions = VirtualLink(), []
    kinds = (name, name if other == "of its kind" else NAMES[NAMES.index(name) - 1])
    async with AsyncExitStack() as stack:
        for kind, address in zip(kinds, ADDRESSES, strict=True):
            band = headband(unit(kind).device, air.plug(), address=address)
            await stack.enter_async_context(band)
            session = listening(air, kind, address)
            sessions.append(await stack.enter_async_context(session))
        async with asyncio.TaskGroup() as tasks:
            for session in sessions:
                tasks.create_task(session.stream_for(6))
        for session in sessions:
            assert len(session.check()) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_paired_it_streams_and_a_lost_bond_wants_a_person(name):
    air, played, driver = VirtualLink(), unit(name), driver_of(name)
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(
        played.device, air.plug(), security=Security.JUST_WORKS
    ) as band:
        seen = await radio.find(driver)
        with pytest.raises(BondingError):
            async with radio.connect(seen, driver):
                pytest.fail("let in without a bond")
        seen = await radio.find(driver)
        async with radio.connect(seen, driver, bond="if_needed") as connection:
            assert connection.bonded
            await connection.notifications.get(5)
        seen = await radio.find(driver)
        async with radio.connect(seen, driver) as connection:
            await connection.notifications.get(5)
        await band.forget()
        seen = await radio.find(driver)
        with pytest.raises(BondingError):
            async with radio.connect(seen, driver):
                pytest.fail("let in on a bond that is lost")
    await radio.close()
