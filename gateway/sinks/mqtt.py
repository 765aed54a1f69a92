"""Stages on an MQTT broker, as they are scored.

Without a broker the night goes on: the newest stage of each headband waits, those
before it are counted, and a hole in ``seq`` tells a consumer so.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import Literal

from gateway.feed import Feed
from gateway.formats.mqtt_payloads import (
    OFFLINE,
    ONLINE,
    Posting,
    epoch_payload,
    summary_payload,
)
from gateway.formats.mqtt_topics import STAGE_EXPIRY_S, TopicTree, base_problem
from gateway.mqtt_client.connection import MqttClient
from gateway.mqtt_client.paho_thread import BrokerAddress, Message
from gateway.outputs import Availability, Reading
from gateway.sinks import Sink
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Options:
    """Section ``outputs.mqtt``.

    Attributes
    ----------
    host : str
    port : int
    username, password : str or None
    base_topic : str
        First levels of every topic.
    keepalive_s : int
    protocol : str
        ``"auto"``, ``"5"`` or ``"3.1.1"``.
    stage_expiry_s : int
        How long the broker keeps the last stage, on MQTT 5.
    """

    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    base_topic: str = "sleepgate"
    keepalive_s: int = 30
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    stage_expiry_s: int = STAGE_EXPIRY_S

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not self.host:
            yield "host: empty; name the broker's machine, e.g. localhost"
        if problem := base_problem(self.base_topic):
            yield problem
        for name, least, most in (
            ("port", 1, 65_535),
            ("keepalive_s", 5, 65_535),
            ("stage_expiry_s", 1, 86_400),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                yield f"{name}: {value}; give {least} to {most}"
        if self.password is not None and self.username is None:
            yield "username: missing, though there is a password"


async def run(options: Options, feed: Feed[Reading]) -> None:
    """Publish what `feed` brings until it ends; see the module for failures."""
    desk = Desk(TopicTree(options.base_topic, options.stage_expiry_s))
    address = BrokerAddress(
        host=options.host,
        port=options.port,
        username=options.username,
        password=options.password,
        keepalive_s=options.keepalive_s,
        protocol=options.protocol,
    )
    async with MqttClient(address, desk.will, desk.standing) as client:
        async for reading in feed:
            message = desk.write(reading)
            if not await client.publish(message):
                desk.hold(reading, message)
        await client.drain()
        for message in desk.farewell():
            await client.publish(message)
    desk.account()


class Desk:
    """Writes messages, and keeps those that a new connection begins with.

    Parameters
    ----------
    topics : TopicTree
    """

    def __init__(self, topics: TopicTree) -> None:
        self._topics = topics
        self._states: dict[str, Message] = {}
        self._held: dict[str, Message] = {}
        self._seq = count()
        self.unpublished = 0
        self.will = Message(topics.bridge_state, OFFLINE)

    def write(self, reading: Reading) -> Message:
        """Turn `reading` into its message."""
        device, value = reading.device, reading.value
        match value:
            case ScoredEpoch():
                now, latency_s = datetime.now(UTC), time.monotonic() - value.t_rx
                posting = Posting(next(self._seq), now, latency_s)
                payload = epoch_payload(reading, value, posting)
                return Message(self._topics.stage(device), payload)
            case Availability(online):
                topic = self._topics.availability(device)
                return self._state(Message(topic, ONLINE if online else OFFLINE))
            case NightSummary():
                topic = self._topics.summary(device)
                payload = summary_payload(reading, value, final=True)
                return self._state(Message(topic, payload))
            case _:
                raise TypeError(f"{type(value).__name__} is not among SINK.wants")

    def hold(self, reading: Reading, message: Message) -> None:
        """Keep a stage that found no broker, in place of the one before it."""
        if not isinstance(reading.value, ScoredEpoch):
            return  # what stands is in every greeting
        if self._held.get(reading.device):
            if not self.unpublished:
                log.warning("without a broker only the newest stage is kept")
            self.unpublished += 1
        self._held[reading.device] = message

    def standing(self) -> Iterator[Message]:
        """Yield how things stand, then the stages that waited."""
        yield Message(self._topics.bridge_state, ONLINE)
        yield from self._states.values()
        held, self._held = self._held, {}
        yield from held.values()

    def farewell(self) -> Iterator[Message]:
        """Yield what leaves every headband offline."""
        for message in list(self._states.values()):
            if message.payload == ONLINE:
                yield self._state(Message(message.topic, OFFLINE))

    def account(self) -> None:
        """Say how many epochs no broker ever had, if any."""
        self.unpublished += len(self._held)
        if self.unpublished:
            log.warning("%d epochs were not published", self.unpublished)

    def _state(self, message: Message) -> Message:
        self._states[message.topic.name] = message
        return message


SINK = Sink(
    name="mqtt",
    options=Options,
    wants=(ScoredEpoch, Availability, NightSummary),
    run=run,
)
