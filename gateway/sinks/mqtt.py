"""Stages on an MQTT broker, as they are scored, and every epoch sooner or later.

Two lanes: ``stage`` carries the newest epoch and nothing older; ``epoch`` carries all
of them in order, from a journal on disk, also those that no broker heard when they
were scored.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from gateway.errors import JournalError
from gateway.feed import Feed
from gateway.formats.mqtt_payloads import (
    OFFLINE,
    ONLINE,
    Posting,
    epoch_document,
    epoch_payload,
    summary_payload,
)
from gateway.formats.mqtt_requests import Request
from gateway.formats.mqtt_topics import STAGE_EXPIRY_S, TopicTree, base_problem
from gateway.journal.entry import Bounds, Entry
from gateway.journal.journal import Journal
from gateway.journal.options import JournalOptions
from gateway.journal.recorder import Recorder
from gateway.mqtt_client.connection import MqttClient
from gateway.mqtt_client.heard import BrokerAddress, Connection, Message
from gateway.mqtt_client.journal_lane import JournalLane
from gateway.mqtt_client.requests import Serve, serve_requests
from gateway.outputs import Availability, Reading
from gateway.sinks import Sink
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary

log = logging.getLogger(__name__)

FAREWELL_S = 5.0
PRUNE_S = 3600.0


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
    journal : JournalOptions
    """

    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    base_topic: str = "sleepgate"
    keepalive_s: int = 30
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    stage_expiry_s: int = STAGE_EXPIRY_S
    journal: JournalOptions = field(default_factory=JournalOptions)

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
    asked = (desk.topics.bridge_requests,)
    async with (
        Journal(options.journal.file) as journal,
        MqttClient(address, desk.will, desk.standing, asked) as client,
    ):
        lane = JournalLane(journal, client, desk.write_entry)
        recorder = Recorder(journal)
        async with asyncio.TaskGroup() as tasks:
            background = (
                tasks.create_task(lane.run(), name="journal-lane"),
                tasks.create_task(_prune(journal, options.journal.bounds)),
                tasks.create_task(
                    serve_requests(client, desk.topics, verbs(journal)),
                    name="mqtt-requests",
                ),
            )
            async for reading in feed:
                await client.publish(await desk.write(reading, recorder))
            if client.connection is Connection.ONLINE:
                await lane.drained(FAREWELL_S)
            for task in background:
                task.cancel()
        for message in desk.farewell():
            await client.publish(message)


def verbs(journal: Journal) -> Mapping[str, Serve]:
    """Return what can be asked of the gateway over MQTT."""

    async def replay(request: Request) -> Mapping[str, object]:
        since = request.whole_number("from")
        contents = await journal.contents()
        until = request.whole_number("to", contents.next_seq)
        n = await journal.replay(since, until)
        return {"epochs": n, "first_seq": contents.first_seq}

    return {"replay": replay}


async def _prune(journal: Journal, bounds: Bounds) -> None:
    while True:
        try:
            await journal.prune(bounds)
        except JournalError as error:
            log.debug("pruning: %s", error)
        await asyncio.sleep(PRUNE_S)


class Desk:
    """Writes messages, and keeps those that a new connection begins with.

    Parameters
    ----------
    topics : TopicTree

    Attributes
    ----------
    topics : TopicTree
    will : Message
    """

    def __init__(self, topics: TopicTree) -> None:
        self.topics = topics
        self._states: dict[str, Message] = {}
        self._stages: dict[str, tuple[float, Message]] = {}
        self.will = Message(topics.bridge_state, OFFLINE)

    async def write(self, reading: Reading, recorder: Recorder) -> Message:
        """Turn `reading` into its message; an epoch goes to the journal first."""
        device, value = reading.device, reading.value
        match value:
            case ScoredEpoch():
                return await self._stage(reading, value, recorder)
            case Availability(online):
                topic = self.topics.availability(device)
                return self._state(Message(topic, ONLINE if online else OFFLINE))
            case NightSummary():
                topic = self.topics.summary(device)
                payload = summary_payload(reading, value, final=True)
                return self._state(Message(topic, payload))
            case _:
                raise TypeError(f"{type(value).__name__} is not among SINK.wants")

    def write_entry(self, entry: Entry) -> Message:
        """Turn an entry of the journal into its message."""
        payload = epoch_payload(entry.document, Posting(entry.seq, datetime.now(UTC)))
        return Message(self.topics.epoch(entry.device), payload)

    def standing(self) -> Iterator[Message]:
        """Yield how things stand, stages included that are not stale."""
        yield Message(self.topics.bridge_state, ONLINE)
        yield from self._states.values()
        for t_end, message in self._stages.values():
            left_s = self.topics.stage_expiry_s - round(time.monotonic() - t_end)
            if left_s > 0:
                topic = message.topic._replace(expiry_s=left_s)
                yield Message(topic, message.payload)

    def farewell(self) -> Iterator[Message]:
        """Yield what leaves every headband offline."""
        for message in list(self._states.values()):
            if message.payload == ONLINE:
                yield self._state(Message(message.topic, OFFLINE))

    async def _stage(
        self, reading: Reading, scored: ScoredEpoch, recorder: Recorder
    ) -> Message:
        document = epoch_document(reading, scored)
        seq = await recorder.record(
            device=reading.device,
            session=reading.session,
            epoch=scored.index,
            document=document,
        )
        now_s = time.monotonic()
        posting = Posting(seq, datetime.now(UTC), now_s - scored.t_rx)
        payload = epoch_payload(document, posting)
        message = Message(self.topics.stage(reading.device), payload)
        self._stages[reading.device] = now_s, message
        return message

    def _state(self, message: Message) -> Message:
        self._states[message.topic.name] = message
        return message


SINK = Sink(
    name="mqtt",
    options=Options,
    wants=(ScoredEpoch, Availability, NightSummary),
    run=run,
)
