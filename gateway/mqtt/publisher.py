"""Turns readings into messages, and keeps those a new connection begins with."""

import time
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime

from gateway.formats.epoch_json import Posting, epoch_document, epoch_payload
from gateway.journal.entry import Entry
from gateway.journal.writer import JournalWriter
from gateway.messages.outputs import NightEpochs, Reading, SessionState, SignalBegins
from gateway.mqtt.bridge_payloads import HeadbandEntry
from gateway.mqtt.client_events import Message
from gateway.mqtt.device_publisher import DevicePublisher
from gateway.mqtt.topics import OFFLINE, ONLINE, TopicTree, may_be_published
from gateway.staging.scored_epoch import ScoredEpoch

BELONG = (ScoredEpoch, SessionState)  # to a session that may have begun long ago


class Publisher:
    """Writes messages; what is retained is kept for the next connection.

    Parameters
    ----------
    topics : TopicTree
    lanes : collection of str
        What may be published of a headband beside its availability.

    Attributes
    ----------
    topics : TopicTree
    will : Message
    headbands : dict of str to HeadbandEntry
        Those heard of so far.
    """

    def __init__(self, topics: TopicTree, lanes: Collection[str]) -> None:
        self.topics = topics
        self.will = Message(topics.bridge_state, OFFLINE)
        self.headbands: dict[str, HeadbandEntry] = {}
        self._lanes = frozenset(lanes)
        self._device_publishers: dict[str, DevicePublisher] = {}
        self._states: dict[str, Message] = {}
        self._stages: dict[str, tuple[float, Message]] = {}

    async def write(self, reading: Reading, recorder: JournalWriter) -> list[Message]:
        """Turn `reading` into messages; an epoch goes to the journal first."""
        device, value = reading.device, reading.value
        self.headbands[device] = self._headband(reading)
        if device not in self._device_publishers:
            self._device_publishers[device] = DevicePublisher(device, self.topics)
        device_publisher = self._device_publishers[device]
        if isinstance(value, BELONG) and device_publisher.session != reading.session:
            device_publisher.recall(reading, await recorder.recall(reading.session))
        messages = []
        if isinstance(value, ScoredEpoch):
            messages.append(await self._stage(reading, value, recorder))
        elif isinstance(value, NightEpochs):
            if not value.final:
                for scored in value.epochs:  # what no journal has comes to it now
                    await self._record(reading, scored, recorder)
                documents = [epoch_document(reading, s) for s in value.epochs]
                device_publisher.recall(reading, documents)
            return []
        messages += device_publisher.hear(reading)
        return self._kept(messages)

    def write_entry(self, entry: Entry) -> Message:
        """Turn an entry of the journal into its message."""
        payload = epoch_payload(entry.document, Posting(entry.seq, datetime.now(UTC)))
        return Message(self.topics.epoch(entry.device), payload)

    def telemetry(self) -> list[Message]:
        """Write how every headband's link does."""
        now = datetime.now(UTC)
        return self._kept(
            m for b in self._device_publishers.values() for m in b.telemetry(now)
        )

    def nights_so_far(self) -> list[Message]:
        """Write statistics and pictures of every night that goes on."""
        return self._kept(
            m for b in self._device_publishers.values() for m in b.night_so_far()
        )

    def in_session(self, device: str) -> bool:
        """Tell whether a session of `device` runs, as far as is known here."""
        return (
            device in self._device_publishers
            and self._device_publishers[device].in_session
        )

    def keep(self, message: Message) -> Message:
        """Note a message that every new connection is to begin with."""
        self._states[message.topic.name] = message
        return message

    def standing(self) -> Iterator[Message]:
        """Yield how things stand, stages included that are not stale."""
        yield Message(self.topics.bridge_state, ONLINE)
        yield from self._states.values()
        for t_end, message in self._stages.values():
            left_s = self.topics.stage_expiry_s - round(time.monotonic() - t_end)
            if left_s > 0:
                topic = message.topic._replace(expiry_s=left_s)
                yield Message(topic, message.payload)

    def farewell(self) -> list[Message]:
        """Write what leaves every headband offline."""
        online = [m for m in self._states.values() if m.payload == ONLINE]
        return self._kept(Message(message.topic, OFFLINE) for message in online)

    def _headband(self, reading: Reading) -> HeadbandEntry:
        known = self.headbands.get(reading.device)
        driver, firmware = (known.driver, known.firmware) if known else (None, None)
        if isinstance(reading.value, SignalBegins):
            driver, firmware = reading.value.driver, reading.value.info.firmware
        about = (reading.model, reading.model_digest, reading.channels)
        return HeadbandEntry(*about, driver, firmware)

    def _kept(self, messages: Iterable[Message]) -> list[Message]:
        """Leave out what is not to be published; keep what is retained."""
        lanes = self._lanes
        wanted = [m for m in messages if may_be_published(m.topic.name, lanes)]
        for message in wanted:
            if message.topic.retain and message.topic.expiry_s is None:
                self.keep(message)
        return wanted

    async def _record(
        self, reading: Reading, scored: ScoredEpoch, recorder: JournalWriter
    ) -> int | None:
        if "epoch" not in self._lanes:
            return None
        return await recorder.record(
            device=reading.device,
            session=reading.session,
            epoch=scored.index,
            document=epoch_document(reading, scored),
        )

    async def _stage(
        self, reading: Reading, scored: ScoredEpoch, recorder: JournalWriter
    ) -> Message:
        document = epoch_document(reading, scored)
        seq = await self._record(reading, scored, recorder)
        now_s = time.monotonic()
        posting = Posting(seq, datetime.now(UTC), now_s - scored.t_rx)
        payload = epoch_payload(document, posting)
        message = Message(self.topics.stage(reading.device), payload)
        if "stage" in self._lanes:
            self._stages[reading.device] = now_s, message
        return message
