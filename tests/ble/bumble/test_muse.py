"""A Muse on a virtual air: asleep, in its bootloader, of another kind, out of range."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.packets import LinkDown, LinkUp, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.reconnect import stream
from gateway.errors import LinkError
from sim.device import DeviceSettings
from sim.devices.muse_athena import AthenaDevice
from sim.devices.muse_classic import ClassicDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

ATHENA, CLASSIC = map(drivers.load, ("muse_athena", "muse_classic"))
DEVICES = {
    "muse_athena": (AthenaDevice, 8, 16383),
    "muse_classic": (ClassicDevice, 5, 4095),
}


def noise(name, seconds):
    _, n_channels, rail = DEVICES[name]
    dice = np.random.default_rng(3)
    return dice.integers(0, rail, (n_channels, seconds * 256), np.int16, endpoint=True)


@asynccontextmanager
async def streaming(name, seconds, driver=None, **knobs):
    """Put a Muse on the air; yield the air, what it plays and the link to it."""
    counts = noise(name, seconds)
    device = DEVICES[name][0](counts, DeviceSettings(**knobs))
    air = VirtualLink()
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(device, air.plug(), speed=1.0):
        link = stream(
            radio,
            driver or drivers.load(name),
            report=lambda _: None,
            jitter=lambda: 0.0,
            clock=asyncio.get_running_loop().time,
        )
        async with aclosing(link):
            yield air, counts, link
        await radio.close()


async def connections(link, n, seconds):
    """Return the packets of each of `n` connections, or of what `seconds` hold."""
    found, decoder = [], None
    end = asyncio.get_running_loop().time() + seconds
    async for value in link:
        match value:
            case LinkUp():
                (driver,) = (d for d in (ATHENA, CLASSIC) if fits(d, value.info))
                decoder = driver.decoder(value.info)
                found.append([])
            case LinkDown():
                if len(found) == n:
                    return found
            case _:
                packets = decoder.feed(value)
                found[-1] += [p for p in packets if isinstance(p, SamplePacket)]
        if asyncio.get_running_loop().time() > end:
            return found
    return pytest.fail("the link ended by itself")


def fits(driver, info):
    return (driver is ATHENA) == (info.tick_hz is not None)


def laid_out(packets):
    """Return the samples in a row, having checked that none is missing."""
    ends = [p.index + p.counts.shape[1] for p in packets]
    assert [p.index for p in packets[1:]] == ends[:-1]
    return np.concatenate([p.counts for p in packets], axis=1)


def place_of(arrived, counts):
    same = (counts[: len(arrived)] == arrived[:, :1]).all(axis=0)
    (first,) = np.flatnonzero(same)
    return int(first)


@pytest.mark.parametrize("name", DEVICES)
async def test_every_sample_arrives_from_the_first_connection_on(name):
    async with streaming(name, 60) as (_, counts, link):
        (packets,) = await connections(link, 1, 30)
    arrived = laid_out(packets)
    first = place_of(arrived, counts)
    expected = counts[: len(arrived), first : first + arrived.shape[1]]
    np.testing.assert_array_equal(arrived, expected)
    assert arrived.shape[1] > 20 * 256


async def test_kept_awake_a_classic_streams_on():
    async with streaming("muse_classic", 300, starves_s=15.0) as (_, _, link):
        (packets,) = await connections(link, 1, 120)
    assert laid_out(packets).shape[1] > 100 * 256


async def test_a_headband_in_its_bootloader_is_brought_back_without_a_person():
    async with streaming("muse_classic", 120, firmware="bootloader") as (_, _, link):
        (packets,) = await connections(link, 1, 60)
    assert packets


@pytest.mark.parametrize(
    ("name", "driver"), [("muse_classic", ATHENA), ("muse_athena", CLASSIC)]
)
async def test_the_other_kind_is_called_by_its_name(name, driver):
    device = DEVICES[name][0](noise(name, 20), DeviceSettings())
    air = VirtualLink()
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(device, air.plug(), speed=1.0):
        found = await radio.find(driver)
        with pytest.raises(LinkError, match=f"is no {driver.name} headband but {name}"):
            async with radio.connect(found, driver):
                pass
        await radio.close()


@pytest.mark.parametrize("name", DEVICES)
async def test_out_of_range_and_back_it_starts_anew_and_loses_nothing_else(name):
    async with streaming(name, 120) as (air, counts, link):
        loop, outages = asyncio.get_running_loop(), []
        loop.call_later(15, lambda: outages.append(loop.create_task(air.outage(12))))
        before, after = await connections(link, 2, 70)
    first, second = (laid_out(packets) for packets in (before, after))
    places = [place_of(arrived, counts) for arrived in (first, second)]
    assert places[1] > places[0] + first.shape[1]
    for arrived, place in zip((first, second), places, strict=True):
        expected = counts[: len(arrived), place : place + arrived.shape[1]]
        np.testing.assert_array_equal(arrived, expected)
