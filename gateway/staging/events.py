"""Events of a night: sleep onset, awakenings, REM, markers. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from gateway.epoch_length import EPOCH_S
from gateway.staging.sleep_wake import TO_TURN
from gateway.staging.stage import Refusal, Stage

if TYPE_CHECKING:
    from gateway.staging.scored_epoch import ScoredEpoch

UNSTABLE = 4  # epochs refused in a row: two minutes


class EventKind(Enum):
    """Kinds of event; the value is the name in messages."""

    SLEEP_ONSET = "sleep_onset"
    AWAKENING = "awakening"
    N3_START = "n3_start"
    REM_START = "rem_start"
    REM_END = "rem_end"
    FINAL_WAKE = "final_wake"
    UNSTABLE_SIGNAL = "unstable_signal"
    HEADBAND_OFF = "headband_off"
    SESSION_STARTED = "session_started"
    SESSION_STOPPED = "session_stopped"
    LIGHTS_OFF = "lights_off"
    LIGHTS_ON = "lights_on"
    MARKER = "marker"
    CLOCK_STEP = "clock_step"
    SESSION_RESUMED = "session_resumed"
    RECORDING_PAUSED = "recording_paused"
    RECORDING_GOES_ON = "recording_goes_on"


MARK = EventKind.MARKER


@dataclass(frozen=True, slots=True)
class SleepEvent:
    """An event of the night.

    Attributes
    ----------
    what : EventKind
    utc : datetime
        When it happened: start of the epoch it shows in first, or when it was marked.
    epoch : int or None
        That epoch; for a mark the one it falls into. None before the first sample.
    confidence : float or None
        Of that epoch's stage; None for what was marked.
    second : float or None
        When it happened, seconds since the session began, on its sample grid.
    text : str or None
        Text of a marker, or the reason why recording pauses; one line.
    step_s : float or None
        By how much this machine's clock was set, and all times with it; `utc` is by
        the new one.
    """

    what: EventKind
    utc: datetime
    epoch: int | None = None
    confidence: float | None = None
    second: float | None = None
    text: str | None = None
    step_s: float | None = None


class SleepEvents:
    """Detector of events in the stages of a running night.

    A stage counts once two scored epochs in a row show it (`TO_TURN`, as for
    `ScoredEpoch.asleep`), so an event is known one epoch after it began. Refused
    epochs neither count nor interrupt.

    - Sleep onset occurs once a night, an awakening each time sleep ends.
    - The final awakening is only known at the end: `final_events` yields it.
    - Four refused epochs in a row make the signal unstable, two with the headband
      off the head make it off; each is reported once until an epoch is scored again.
    """

    def __init__(self) -> None:
        self._asleep: bool | None = None
        self._slept = False
        self._steady: Stage | None = None
        self._candidate: ScoredEpoch | None = None
        self._turned: ScoredEpoch | None = None  # first scored epoch against `asleep`
        self._last_asleep: ScoredEpoch | None = None
        self._refused = self._off = 0

    def add_epoch(self, scored: "ScoredEpoch") -> Iterator[SleepEvent]:
        """Add the next epoch; yield the events that it completes."""
        if isinstance(scored.stage, Refusal):
            yield from self._refuse(scored, scored.stage)
            return
        self._refused = self._off = 0
        yield from self._turn(scored, scored.stage)
        yield from self._steady_stage(scored, scored.stage)

    def final_events(self) -> Iterator[SleepEvent]:
        """Yield the final awakening, if the night ended awake after sleep."""
        last = self._last_asleep
        if last is not None and self._asleep is False:
            end = last.start_utc + timedelta(seconds=EPOCH_S)
            n_epochs = last.index + 1
            second = float(n_epochs * EPOCH_S)
            yield SleepEvent(EventKind.FINAL_WAKE, end, n_epochs, second=second)

    def _refuse(self, scored: "ScoredEpoch", why: Refusal) -> Iterator[SleepEvent]:
        self._refused += 1
        self._off = self._off + 1 if why is Refusal.OFF_HEAD else 0
        if self._off == TO_TURN:
            yield _event(EventKind.HEADBAND_OFF, scored)
        elif self._refused == UNSTABLE and self._off < TO_TURN:
            yield _event(EventKind.UNSTABLE_SIGNAL, scored)

    def _turn(self, scored: "ScoredEpoch", stage: Stage) -> Iterator[SleepEvent]:
        if stage is not Stage.W:
            self._last_asleep = scored
        was, self._asleep = self._asleep, scored.asleep
        if (stage is not Stage.W) == was:
            self._turned = None
        elif self._turned is None:
            self._turned = scored
        if scored.asleep == was or self._turned is None:
            return
        began, self._turned = self._turned, None
        if scored.asleep and not self._slept:
            self._slept = True
            yield _event(EventKind.SLEEP_ONSET, began)
        elif was and not scored.asleep:
            yield _event(EventKind.AWAKENING, began)

    def _steady_stage(
        self, scored: "ScoredEpoch", stage: Stage
    ) -> Iterator[SleepEvent]:
        first, self._candidate = self._candidate, scored
        if first is None or first.stage is not stage or stage is self._steady:
            return
        was, self._steady = self._steady, stage
        if was is Stage.R:
            yield _event(EventKind.REM_END, first)
        if stage is Stage.R:
            yield _event(EventKind.REM_START, first)
        elif stage is Stage.N3:
            yield _event(EventKind.N3_START, first)


def _event(what: EventKind, scored: "ScoredEpoch") -> SleepEvent:
    second = float(scored.index * EPOCH_S)
    return SleepEvent(what, scored.start_utc, scored.index, scored.confidence, second)
