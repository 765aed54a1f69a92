"""What goes out about one headband beside its stages."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkState
from gateway.ble.link_stats import LinkReading, LinkStats
from gateway.epoch_length import EPOCH_S
from gateway.formats.epoch_json import read_document
from gateway.formats.mqtt_signal import signal_payload
from gateway.formats.summary_json import summary_payload
from gateway.messages.outputs import (
    Availability,
    Output,
    Reading,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.mqtt.client_events import Message
from gateway.mqtt.payloads import (
    LinkReport,
    event_payload,
    hypnogram_payload,
    phase_of,
    phase_payload,
    session_payload,
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

NOTHING_YET = Availability(online=False, reason="nothing was received yet")


class DevicePublisher:
    """Collects what is heard of one headband and writes it out in its turn.

    Parameters
    ----------
    device : str
        Its name in the configuration.
    topics : TopicTree
    """

    def __init__(self, device: str, topics: TopicTree) -> None:
        self._device = device
        self._topics = topics
        self._availability = NOTHING_YET
        self._link = LinkReading(LinkState.IDLE, LinkStats())
        self._battery: Battery | None = None
        self._tally = LossCounts()
        self._session: SessionState | None = None
        self._phase: str | None = None
        self._night = Hypnogram()
        self._reading: Reading | None = None  # the first of its session
        self._start: datetime | None = None  # of its session's first epoch
        self._firmware: str | None = None

    @property
    def in_session(self) -> bool:
        """Whether a session runs, also one that waits for its first sample."""
        session = self._session
        return session is not None and session.state is not RecordingState.ENDED

    @property
    def session(self) -> str | None:
        """The session that was heard of last."""
        return None if self._reading is None else self._reading.session

    def recall(self, reading: Reading, documents: Iterable[bytes]) -> None:
        """Take up the session of `reading` where another run of this output left it.

        Parameters
        ----------
        reading : Reading
        documents : iterable of bytes
            Of the session's epochs so far, oldest first; none for one that begins.
        """
        self._reading, self._start, self._phase = reading, None, None
        stages: list[Stage | Refusal] = []
        for at, start_utc, stage, asleep in map(read_document, documents):
            stages += [Refusal.GAP] * (at + 1 - len(stages))
            stages[at] = stage
            self._start = _began(start_utc, at)
            phase = phase_of(stage, asleep=asleep)
            self._phase = phase or self._phase
        self._night = Hypnogram(stages)

    def hear(self, reading: Reading) -> Iterator[Message]:
        """Yield what is to be published at once."""
        topics, device = self._topics, self._device
        match reading.value:
            case Availability() as availability:
                self._availability = availability
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
                yield from self._session_changed(reading, session)
            case NightSummary() as night:
                payload = summary_payload(reading, night, final=True, start=self._start)
                yield Message(topics.summary(device), payload)
            case other:
                self._remember(other)

    def telemetry(self, now: datetime) -> Iterator[Message]:
        """Yield how the link does."""
        link = LinkReport(
            state=self._link,
            reason=self._availability.reason,
            battery=self._battery,
            tally=self._tally,
            elapsed_s=(now - self._start).total_seconds() if self._start else 0.0,
            firmware=self._firmware,
        )
        payload = telemetry_payload(self._device, link, now)
        yield Message(self._topics.telemetry(self._device), payload)

    def night_so_far(self) -> Iterator[Message]:
        """Yield statistics and pictures of a night that goes on."""
        if self._reading is not None and self._start is not None:
            stages = self._night.stages
            lights = Lights() if self._session is None else self._session.lights
            summary = summarise(stages, lights.in_bed(stages))
            payload = summary_payload(
                self._reading, summary, final=False, start=self._start
            )
            yield Message(self._topics.summary(self._device), payload)
            yield from self._pictures()

    def _remember(self, value: Output) -> None:
        match value:
            case LinkReading() as link:
                self._link = link
            case Battery() as battery:
                self._battery = battery
            case LossCounts() as tally:
                self._tally = tally
            case SignalBegins() as begins:
                self._firmware = begins.info.firmware
            case other:
                raise TypeError(f"{type(other).__name__} is not among SINK.wants")

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
        self, reading: Reading, session: SessionState
    ) -> Iterator[Message]:
        was = None if self._session is None else self._session.state
        self._session = session
        payload = session_payload(reading, session)
        yield Message(self._topics.session(self._device), payload)
        what, moment = None, None
        if session.state is RecordingState.RECORDING and was is RecordingState.IDLE:
            what, moment = EventKind.SESSION_STARTED, session.started_utc
        elif session.state is RecordingState.ENDED and was is RecordingState.RECORDING:
            what, moment = EventKind.SESSION_STOPPED, session.ended_utc
            yield from self._pictures()
        if what is not None and moment is not None:
            payload = event_payload(reading, SleepEvent(what, moment))
            yield Message(self._topics.event(self._device), payload)

    def _pictures(self) -> Iterator[Message]:
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
