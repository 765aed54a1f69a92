"""How long after a fault is over the headband streams again; in virtual time."""

import asyncio
import statistics
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

import numpy as np
from rows import Row

from gateway import drivers
from gateway.acquisition.packets import Input, LinkDown, LinkUp, Notification
from gateway.ble.adapter import Adapter, UnmanagedAdapter
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.reconnect import stream
from gateway.recordings.recording import Recording
from sim import devices
from sim.device import DeviceSettings
from sim.radio.headband import SimulatedHeadband
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink
from sim.virtual_time import VirtualTimeLoop

DIY = drivers.load("diy")
STALL_S = 5.0
STEADY_S = 35.0
DICE = np.random.default_rng(1)


class Watched(UnmanagedAdapter):
    """Tells the radio of the end of bluetoothd, as the watch on D-Bus does."""

    def __init__(self) -> None:
        self.lost: Callable[[str], None] = lambda _: None

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Keep whom to tell."""
        self.lost = lost


class Scene(NamedTuple):
    """Who takes part in a fault."""

    air: VirtualLink
    band: SimulatedHeadband
    watched: Watched
    adapter: Adapter


async def hang_up(scene: Scene) -> None:
    """Have the headband drop the link."""
    await scene.band.disconnect()


async def out_of_range(scene: Scene) -> None:
    """Send the sleeper to the kitchen."""
    await scene.air.outage(float(DICE.uniform(1, 120)))


async def freeze(scene: Scene) -> None:
    """Hang the headband with its connection up, until that is given up."""
    scene.band.freeze()
    await asyncio.sleep(STALL_S + 1)
    scene.band.thaw()


async def bluetoothd_dies(scene: Scene) -> None:
    """Lose every connection, which only the watch on D-Bus notices."""
    scene.watched.lost("bluetoothd went away")


async def controller_restarts(scene: Scene) -> None:
    """Close and open the host's transport."""
    await scene.adapter.power_cycle()


FAULTS: dict[str, Callable[[Scene], Awaitable[None]]] = {
    "headband hangs up": hang_up,
    "out of range, 1-120 s": out_of_range,
    f"headband frozen (stall after {STALL_S:g} s)": freeze,
    "bluetoothd dies": bluetoothd_dies,
    "adapter power-cycled": controller_restarts,
}


async def again_s(recording: Recording, fault: str, n: int) -> list[float]:
    """Let `fault` happen `n` times; return the seconds from its end to a sample."""
    loop = asyncio.get_running_loop()
    took = []
    async with _streaming(recording) as (scene, news):
        for _ in range(n):
            await _next_sample(news)
            await asyncio.sleep(STEADY_S + float(DICE.uniform(0, 1)))
            while not news.empty():
                news.get_nowait()
            await FAULTS[fault](scene)
            over_s = loop.time()
            while not isinstance(await news.get(), LinkUp):
                pass
            await _next_sample(news)
            took.append(max(0.0, loop.time() - over_s))
    return took


@asynccontextmanager
async def _streaming(
    recording: Recording,
) -> AsyncIterator[tuple[Scene, asyncio.Queue[Input]]]:
    loop, air = asyncio.get_running_loop(), VirtualLink()
    news: asyncio.Queue[Input] = asyncio.Queue()
    device = devices.load("diy")(recording, DeviceSettings())
    there, watched = backend(air.plug), Watched()
    radio = BleakRadio(backend=there, adapter=watched)

    async def listen() -> None:
        link = stream(
            radio, DIY, report=lambda _: None, stall_s=STALL_S, clock=loop.time
        )
        async with aclosing(link):
            async for value in link:
                if isinstance(value, LinkDown | LinkUp) or (
                    isinstance(value, Notification) and value.char == DIY.notify[0]
                ):
                    news.put_nowait(value)

    async with headband(device, air.plug()) as band:
        listening = asyncio.create_task(listen())
        yield Scene(air, band, watched, there.adapter), news
        listening.cancel()
        await asyncio.wait({listening})
    await there.adapter.close()


async def _next_sample(news: asyncio.Queue[Input]) -> None:
    while not isinstance(await news.get(), Notification):
        pass


def rows(recording: Recording, n: int) -> Iterator[Row]:
    """Measure every fault."""
    for fault in FAULTS:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            took = runner.run(again_s(recording, fault, n))
        what = f"streaming again: {fault}"
        yield Row(f"{what}: median of {n}", statistics.median(took), "s (sim)")
        yield Row(f"{what}: max", max(took), "s (sim)")
