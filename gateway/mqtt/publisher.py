"""Publisher of all headbands: readings in, messages out, and what is retained."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from gateway.formats.epoch_json import Posting, epoch_document, epoch_payload
from gateway.formats.json_fields import json_bytes
from gateway.journal.entry import Entry
from gateway.journal.writer import JournalWriter
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import NightEpochs, Reading, SessionState
from gateway.mqtt.client_events import Message
from gateway.mqtt.device_publisher import DevicePublisher
from gateway.mqtt.payloads import HeadbandEntry
from gateway.mqtt.topics import OFFLINE, ONLINE, TopicTree, may_be_published
from gateway.staging.scored_epoch import ScoredEpoch

OF_A_SESSION = (ScoredEpoch, SessionState)  # it may have begun before this process


class Publisher:
    """Makes messages; retained ones are kept for the next connection.

    Parameters
    ----------
    topics : TopicTree
    published : collection of str
        What may be published of a headband beside its availability.

    Attributes
    ----------
    topics : TopicTree
    will : Message
    headbands : dict of str to HeadbandEntry
        Those that have sent a reading.
    """

    def __init__(self, topics: TopicTree, published: Collection[str]) -> None:
        self.topics = topics
        self.will = Message(topics.bridge_state, OFFLINE)
        self.headbands: dict[str, HeadbandEntry] = {}
        self._published = frozenset(published)
        self._device_publishers: dict[str, DevicePublisher] = {}
        self._states: dict[str, Message] = {}
        self._stages: dict[str, tuple[float, Message]] = {}

    async def publish_reading(
        self, reading: Reading, journal: JournalWriter
    ) -> list[Message]:
        """Return the messages of `reading`; an epoch goes to the journal first."""
        device, value = reading.device, reading.value
        if device not in self._device_publishers:
            self._device_publishers[device] = DevicePublisher(device, self.topics)
        publisher = self._device_publishers[device]
        if isinstance(value, OF_A_SESSION) and publisher.session != reading.session:
            rows = await journal.recall(reading.session)
            publisher.resume_session(reading, map(json.loads, rows))
        caused = list(publisher.add_reading(reading))
        self.headbands[device] = _headband_entry(publisher.state)
        if isinstance(value, NightEpochs):
            await self._resume_night(publisher, reading, value, journal)
        if isinstance(value, ScoredEpoch):
            caused = [await self._stage(reading, value, journal), *caused]
        return self._kept(caused)

    def entry_message(self, entry: Entry) -> Message:
        """Turn an entry of the journal into its message."""
        posting = Posting(entry.seq, datetime.now(UTC))
        payload = epoch_payload(json.loads(entry.document), posting)
        return Message(self.topics.epoch(entry.device), payload)

    def telemetry(self) -> list[Message]:
        """Write how every headband's link does."""
        now = datetime.now(UTC)
        return self._kept(
            each.telemetry(now) for each in self._device_publishers.values()
        )

    def nights_so_far(self) -> list[Message]:
        """Write statistics and pictures of every night that goes on."""
        return self._kept(
            m for b in self._device_publishers.values() for m in b.night_so_far()
        )

    def in_session(self, device: str) -> bool:
        """Tell whether a session of `device` runs, as far as is known here."""
        publisher = self._device_publishers.get(device)
        return publisher is not None and publisher.state.running_session is not None

    def keep(self, message: Message) -> Message:
        """Note a message that every new connection is to begin with."""
        self._states[message.topic.name] = message
        return message

    def retained_messages(self) -> Iterator[Message]:
        """Yield how things stand, stages included that are not stale."""
        yield Message(self.topics.bridge_state, ONLINE)
        yield from self._states.values()
        for t_end, message in self._stages.values():
            left_s = self.topics.stage_expiry_s - round(time.monotonic() - t_end)
            if left_s > 0:
                topic = message.topic._replace(expiry_s=left_s)
                yield Message(topic, message.payload)

    def offline_messages(self) -> list[Message]:
        """Write what leaves every headband offline."""
        online = [m for m in self._states.values() if m.payload == ONLINE]
        return self._kept(Message(message.topic, OFFLINE) for message in online)

    def _kept(self, messages: Iterable[Message]) -> list[Message]:
        """Leave out what is not to be published; keep what is retained."""
        wanted = [
            m for m in messages if may_be_published(m.topic.name, self._published)
        ]
        for message in wanted:
            if message.topic.retain and message.topic.expiry_s is None:
                self.keep(message)
        return wanted

    async def _resume_night(
        self,
        publisher: DevicePublisher,
        reading: Reading,
        night: NightEpochs,
        journal: JournalWriter,
    ) -> None:
        """Journal what no journal has yet of a session that is taken up again."""
        if night.final:
            return
        documents = [epoch_document(reading, scored) for scored in night.epochs]
        for document in documents:
            await self._record(document, journal)
        publisher.resume_session(reading, documents)

    async def _record(
        self, document: Mapping[str, Any], journal: JournalWriter
    ) -> int | None:
        if "epoch" not in self._published:
            return None
        return await journal.record(
            device=document["device"],
            session=document["session"],
            epoch=document["epoch"],
            document=json_bytes(document),
        )

    async def _stage(
        self, reading: Reading, scored: ScoredEpoch, journal: JournalWriter
    ) -> Message:
        document = epoch_document(reading, scored)
        seq = await self._record(document, journal)
        now_s = time.monotonic()
        posting = Posting(seq, datetime.now(UTC), now_s - scored.t_rx)
        payload = epoch_payload(document, posting)
        message = Message(self.topics.stage(reading.device), payload)
        if "stage" in self._published:
            self._stages[reading.device] = now_s, message
        return message


def _headband_entry(state: DeviceState) -> HeadbandEntry:
    return HeadbandEntry(
        model=state.model,
        model_digest=state.model_digest,
        channels=state.channels,
        driver=state.driver,
        firmware=state.firmware,
    )
