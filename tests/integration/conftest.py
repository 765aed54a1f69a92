"""The whole chain: firmware, radio, daemon, broker, subscriber."""

import asyncio
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from paho.mqtt import publish

from gateway.config.schema import BleConfig, Config, DeviceConfig
from gateway.daemon.build import run_daemon
from gateway.models.load import read_model
from gateway.offline.score_recording import score
from gateway.session.pipeline import Night
from gateway.staging.scored_epoch import ScoredEpoch
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink
from tests.support.mqtt_contract import check_all

DEVICE = "bedroom"


class Chain:
    """A daemon with a broker, somebody who listens, and an air to play on."""

    def __init__(self, air, broker, listener, until):
        self.air = air
        self._broker = broker
        self.listener = listener
        self._until = until

    @asynccontextmanager
    async def headband(self, recording, *, speed=0.0, mtu=517, **knobs):
        """Play `recording`; a knob goes to the device."""
        firmware = DiyDevice(
            recording.montage, recording.counts, **{"boot_id": 1, **knobs}
        )
        async with headband(firmware, self.air.plug(), speed=speed, mtu=mtu) as band:
            yield band

    async def play(self, recording, **knobs):
        """Play `recording` to its end; return the epochs a subscriber got."""
        async with self.headband(recording, **knobs) as band:
            await self.ended(band)
        return self.listener.stages()

    async def ended(self, band):
        """Wait for the end of the recording, and for the daemon to notice."""
        await asyncio.wait_for(band.ended.wait(), 300)
        before = self._said("offline")
        await band.disconnect()
        await self.availability("offline", times=before + 1)

    async def availability(self, word, times=1):
        """Wait until the headband was said to be `word` so many times."""
        await self._until(lambda: self._said(word) >= times, f"{word} on the topic")

    async def request(self, leaf, payload):
        """Publish a request as anybody would."""
        await asyncio.to_thread(
            publish.single,
            f"sleepgate/{leaf}",
            payload,
            qos=1,
            hostname=self._broker.host,
            port=self._broker.port,
        )

    def _said(self, word):
        payloads = [h.payload for h in self.listener.on(f"{DEVICE}/availability")]
        return payloads.count(word.encode())


@pytest.fixture
def chain(broker, listening, until):
    @asynccontextmanager
    async def running(stall_s=5.0):
        async with AsyncExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            radio = f"{folder}/hci"
            air = VirtualLink()
            await stack.enter_async_context(air.serve(f"unix-server:{radio}"))
            listener = await stack.enter_async_context(listening(broker))
            config = Config(
                devices=(DeviceConfig(name=DEVICE, stall_s=stall_s),),
                ble=BleConfig(backend="simulated", transport=f"unix:{radio}"),
                outputs={"mqtt": {"host": broker.host, "port": broker.port}},
            )
            stop = asyncio.Event()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(run_daemon(config, stop))
                yield Chain(air, broker, listener, until)
                stop.set()
            await listener.catch_up()
            check_all(listener.heard)

    return running


@pytest.fixture(scope="session")
def offline_hypnodensities():
    scorer = read_model("default")

    def hypnodensities(recording, *, alone=False):
        night = Night(scorer, {}, 50)
        return [
            value.raw_hypnodensity if alone else value.hypnodensity
            for value in score(recording, night)
            if isinstance(value, ScoredEpoch)
        ]

    return hypnodensities
