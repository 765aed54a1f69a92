"""Gateway, headband and air apart, each behind a socket that can break."""

import asyncio
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import LinkDown, LinkUp, Notification, SamplePacket
from gateway.ble.link_state import LinkState
from gateway.ble.open_radio import open_radio
from gateway.ble.reconnect import stream
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

pytestmark = pytest.mark.integration

DIY = drivers.load("diy")
LSB_UV = float(np.float32(1e-7)) * 1e6
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),)),))
NIGHT = [np.arange(360_000, dtype=np.int32)[None] % 1000]


@pytest.fixture
def served(tmp_path):
    return [f"unix-server:{tmp_path}/hci{n}" for n in range(2)]


@pytest.fixture
def opened(tmp_path):
    return [f"unix:{tmp_path}/hci{n}" for n in range(2)]


def band(transport, skip_s=0.0):
    return headband(
        DiyDevice(MONTAGE, NIGHT, boot_id=5, skip_s=skip_s), transport, speed=9
    )


@asynccontextmanager
async def listening(transport, report=lambda _: None):
    radio = open_radio("simulated", transport=transport)
    link = stream(radio, DIY, report=report, jitter=lambda: 0.0)
    try:
        async with aclosing(link), asyncio.timeout(20):
            yield link
    finally:
        await radio.close()


async def first(link, kind):
    async for value in link:
        if isinstance(value, kind):
            return value
    return pytest.fail("the link ended by itself")


async def first_samples(link, info):
    decoder = DIY.decoder(info)
    while True:
        for value in decoder.feed(await first(link, Notification)):
            if isinstance(value, SamplePacket):
                return value


async def test_a_simulator_that_is_killed_and_comes_back_is_the_same_night(
    served, opened
):
    async with VirtualLink().serve(*served), listening(opened[1]) as link:
        async with band(opened[0]):
            up = await first(link, LinkUp)
            await first(link, Notification)
        down = await first(link, LinkDown)
        assert down.reason == "disconnected"
        async with band(opened[0], skip_s=1000.0):
            again = await first(link, LinkUp)
            assert again.info == up.info
            samples = await first_samples(link, again.info)
            assert samples.index == 100_000


async def test_the_gateway_may_go_and_come_back_too(served, opened):
    async with VirtualLink().serve(*served), band(opened[0]):
        for _ in range(2):
            async with listening(opened[1]) as link:
                await first(link, Notification)


async def test_an_adapter_that_comes_late_or_goes_and_returns_is_used_again(
    served, opened
):
    waiting = asyncio.Event()

    def report(now):
        if now.state is LinkState.WAITING:
            waiting.set()

    async with listening(opened[1], report) as link:
        late = asyncio.create_task(first(link, LinkUp))
        await waiting.wait()
        for _ in range(2):
            async with VirtualLink().serve(*served), band(opened[0]):
                await late
                await first(link, Notification)
            down = await first(link, LinkDown)
            assert down.reason == "disconnected"
            late = asyncio.create_task(first(link, LinkUp))
        late.cancel()
        with pytest.raises(asyncio.CancelledError):
            await late
