"""Publisher of one headband: all its messages but the stages."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.epoch_length import EPOCH_S
from gateway.formats.epoch_json import recall_epoch
from gateway.formats.summary_json import summary_payload
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import (
    Availability,
    Reading,
    RecordingState,
    SessionState,
)
from gateway.mqtt.client_events import Message
from gateway.mqtt.payloads import (
    event_payload,
    hypnogram_payload,
    phase_of,
    phase_payload,
    session_payload,
    signal_payload,
    telemetry_payload,
)
from gateway.mqtt.topics import OFFLINE, ONLINE, TopicTree
from gateway.preprocessing.headband_fit import Contacts
from gateway.reports.hypnogram_svg import draw_svg
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.lights import Lights
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary, summarise
from gateway.staging.stage import Refusal, Stage


class DevicePublisher:
    """Publishes the messages of one headband, but for its stages.

    Parameters
    ----------
    device : str
        Its name in the configuration.
    topics : TopicTree

    Attributes
    ----------
    state : DeviceState
        Last known state.
    """

    def __init__(self, device: str, topics: TopicTree) -> None:
        self.state = DeviceState(device=device)
        self._device = device
        self._topics = topics
        self._phase: str | None = None
        self._night = Hypnogram()
        self._reading: Reading | None = None  # the first of its session
        self._start: datetime | None = None  # of its session's first epoch

    @property
    def session(self) -> str | None:
        """Session whose epochs are collected here."""
        return None if self._reading is None else self._reading.session

    def resume_session(
        self, reading: Reading, documents: Iterable[Mapping[str, Any]]
    ) -> None:
        """Collect the session of `reading` from where an earlier run stopped.

        Parameters
        ----------
        reading : Reading
        documents : iterable of mapping
            The session's epochs so far, oldest first; none for one that begins.
        """
        self._reading, self._start, self._phase = reading, None, None
        stages: list[Stage | Refusal] = []
        for at, start_utc, stage, asleep in map(recall_epoch, documents):
            stages += [Refusal.GAP] * (at + 1 - len(stages))
            stages[at] = stage
            self._start = _began(start_utc, at)
            phase = phase_of(stage, asleep=asleep)
            self._phase = phase or self._phase
        self._night = Hypnogram(stages)

    def add_reading(self, reading: Reading) -> Iterator[Message]:
        """Add `reading` to the state and yield the messages that it causes at once."""
        before, self.state = self.state, self.state.add(reading)
        topics, device = self._topics, self._device
        match reading.value:
            case Availability() as availability:
                payload = ONLINE if availability.online else OFFLINE
                yield Message(topics.availability(device), payload)
            case Contacts() as contacts:
                payload = signal_payload(reading, contacts, datetime.now(UTC))
                yield Message(topics.signal(device), payload)
            case ScoredEpoch() as scored:
                yield from self._scored(reading, scored)
            case SleepEvent() as event:
                yield Message(topics.event(device), event_payload(reading, event))
            case SessionState() as session:
                yield from self._session_changed(reading, before.session_state, session)
            case NightSummary() as night:
                payload = summary_payload(reading, night, final=True, start=self._start)
                yield Message(topics.summary(device), payload)

    def telemetry(self, now: datetime) -> Message:
        """Return the telemetry of the link."""
        elapsed_s = (now - self._start).total_seconds() if self._start else 0.0
        payload = telemetry_payload(self.state, now, elapsed_s)
        return Message(self._topics.telemetry(self._device), payload)

    def night_so_far(self) -> Iterator[Message]:
        """Yield statistics and hypnogram of a night that goes on."""
        if self._reading is not None and self._start is not None:
            stages = self._night.stages
            session = self.state.session_state
            lights = Lights() if session is None else session.lights
            summary = summarise(stages, lights.in_bed(stages), self._night.hypnodensity)
            payload = summary_payload(
                self._reading, summary, final=False, start=self._start
            )
            yield Message(self._topics.summary(self._device), payload)
            yield from self._hypnogram()

    def _scored(self, reading: Reading, scored: ScoredEpoch) -> Iterator[Message]:
        if self._start is None:
            self._start = _began(scored.start_utc, scored.index)
        self._night.add(scored)
        phase = phase_of(scored.stage, asleep=scored.asleep)
        if phase is not None and phase != self._phase:
            self._phase = phase
            payload = phase_payload(reading, phase, scored.start_utc)
            yield Message(self._topics.phase(self._device), payload)

    def _session_changed(
        self, reading: Reading, before: SessionState | None, session: SessionState
    ) -> Iterator[Message]:
        was = None if before is None else before.state
        payload = session_payload(reading, session)
        yield Message(self._topics.session(self._device), payload)
        what, moment = None, None
        if session.state is RecordingState.RECORDING and was is RecordingState.IDLE:
            what, moment = EventKind.SESSION_STARTED, session.started_utc
        elif session.state is RecordingState.ENDED and was is RecordingState.RECORDING:
            what, moment = EventKind.SESSION_STOPPED, session.ended_utc
            yield from self._hypnogram()
        if what is not None and moment is not None:
            payload = event_payload(reading, SleepEvent(what, moment))
            yield Message(self._topics.event(self._device), payload)

    def _hypnogram(self) -> Iterator[Message]:
        if self._reading is None or self._start is None:
            return
        payload = hypnogram_payload(self._reading, self._night, self._start)
        yield Message(self._topics.hypnogram(self._device), payload)
        local = self._start.astimezone()
        title = f"{self._device}, {local:%Y-%m-%d}"
        picture = draw_svg(self._night, local, title)
        yield Message(self._topics.hypnogram_svg(self._device), picture)


def _began(start_utc: datetime, index: int) -> datetime:
    return start_utc - timedelta(seconds=EPOCH_S * index)
