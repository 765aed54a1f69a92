"""A real broker, somebody who listens, and readings to publish."""

import asyncio
import json
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
import pytest_asyncio
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from gateway.errors import ConfigError
from gateway.messages.outputs import Reading
from gateway.preprocessing.signal_quality import Quality
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal, Stage
from sim.local_broker import LocalBroker

VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
PATIENCE_S = 10
NIGHT = datetime(2026, 2, 12, 23, 1, tzinfo=UTC)


class Heard(NamedTuple):
    topic: str
    payload: bytes
    retained: bool
    t: float

    @property
    def document(self):
        return json.loads(self.payload)


class Listener:
    """A subscriber with a thread of its own; `port` may be the path of a socket."""

    def __init__(self, port, pattern, protocol="5", password=None):
        self.heard = []
        self.ready = False
        self._marker = f"marker/{id(self)}"
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2,
            protocol=VERSIONS[protocol],
            transport="tcp" if isinstance(port, int) else "unix",
        )
        if password:
            self._client.username_pw_set("listener", password)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(pattern, 1), (self._marker, 1)]
        )
        self._client.on_subscribe = lambda client, *_: client.publish(self._marker)
        self._client.reconnect_delay_set(0.1, 0.2)
        host, port = ("127.0.0.1", port) if isinstance(port, int) else (port, 1)
        self._client.connect_async(host, port)
        self._client.loop_start()

    def _hear(self, _client, _userdata, message):
        if message.topic == self._marker:
            self.ready = True  # whatever was retained has come before
        else:
            now = time.monotonic()
            self.heard.append(
                Heard(message.topic, message.payload, message.retain, now)
            )

    def on(self, leaf):
        return [heard for heard in self.heard if heard.topic.endswith(leaf)]

    def stages(self):
        return [heard.document for heard in self.on("/stage")]

    def epochs(self):
        return [heard.document for heard in self.on("/epoch")]

    async def catch_up(self):
        """Hear all that the broker has taken so far, if there is a broker."""
        self.ready = False
        if self._client.is_connected():
            self._client.publish(self._marker)
            await until(
                lambda: self.ready or not self._client.is_connected(), "the marker"
            )

    async def until(self, reached, what):
        await until(reached, what)

    def stop(self):
        self._client.disconnect()
        self._client.loop_stop()


async def until(reached, what, patience_s=PATIENCE_S):
    for _ in range(patience_s * 100):
        if reached():
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"in vain: {what}")


@asynccontextmanager
async def listening(broker, pattern="sleepgate/#", **options):
    listener = Listener(broker.port, pattern, **options)
    await until(lambda: listener.ready, "a subscription")
    try:
        yield listener
        await listener.catch_up()
    finally:
        await asyncio.to_thread(listener.stop)


@pytest_asyncio.fixture
async def broker():
    try:
        async with LocalBroker() as broker:
            yield broker
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture(name="until")
def _until():
    return until


@pytest.fixture(name="listening")
def _listening():
    return listening


@pytest.fixture
def reading():
    def wrap(value, device="bedroom", session="20260212T230100-1f3a"):
        return Reading(
            device=device,
            session=session,
            model="ulw-sleepnet-3ch-v1",
            model_digest="9f2c41d07a6b",
            channels=("EEG Fpz-Cz",),
            value=value,
        )

    return wrap


@pytest.fixture
def scored(reading):
    def score(index, stage=Stage.N2, **where):
        has_stage = not isinstance(stage, Refusal)
        value = ScoredEpoch(
            index=index,
            start_utc=NIGHT + timedelta(seconds=30 * index),
            stage=stage,
            hypnodensity=(0.02, 0.05, 0.84, 0.06, 0.03) if has_stage else (),
            quality=(Quality(frozenset(), 0.0, 1.0),),
            asleep=True,
            t_rx=time.monotonic(),
        )
        return reading(value, **where)

    return score
