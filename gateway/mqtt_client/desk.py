"""Turns readings into messages, and keeps those a new connection begins with."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from gateway.formats.mqtt_payloads import (
    OFFLINE,
    ONLINE,
    Posting,
    epoch_document,
    epoch_payload,
    summary_payload,
)
from gateway.formats.mqtt_topics import TopicTree
from gateway.journal.entry import Entry
from gateway.journal.recorder import Recorder
from gateway.mqtt_client.heard import Message
from gateway.outputs import Availability, Reading
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary


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
