"""Session writer: data records and annotations of one session. Pure.

The texts are those of the EDF+ standard where it has one: ``Sleep stage N2``,
``Lights off``. Spans that an analysis should leave out begin with ``BAD_``.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import SampleBlock
from gateway.edf.annotations import UNSCORED, AnnotationCounts
from gateway.edf.fields import SECOND_US
from gateway.edf.record_writer import GAP, UNRECORDED, RecordWriter
from gateway.epoch_length import EPOCH_S
from gateway.formats.json_fields import utc_text
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Output,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.signal_quality import Flaw
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

CLOCK_EVERY = 10  # epochs: five minutes
HEADBAND_OFF = "BAD_off_head"
ARTEFACTS = (Flaw.FLAT, Flaw.RAILED, Flaw.WILD)
LINK_UP, LINK_LOST = "Link up", "Link lost"
TOLD = {
    EventKind.LIGHTS_OFF: "Lights off",
    EventKind.LIGHTS_ON: "Lights on",
    EventKind.SESSION_RESUMED: "Session resumed",
}
SCORED_UNTIL = "Scored until here"
MARKER = "Marker: "


class ClockReading(NamedTuple):
    """Wall-clock reading of a moment of the file, by the headband's fitted clock."""

    file_us: int
    utc: datetime


class SessionWriter:
    """Turn a session's outputs into data records.

    Parameters
    ----------
    records : RecordWriter
    channels : sequence of str
        The model's inputs, in the order of every `ScoredEpoch.quality`.

    Attributes
    ----------
    tally : LossCounts
        The last one.
    clock : ClockReading or None
        At the beginning of the last epoch.
    session : SessionState or None
    """

    def __init__(self, records: RecordWriter, channels: Sequence[str]) -> None:
        self.records = records
        self.tally = LossCounts()
        self.clock: ClockReading | None = None
        self.session: SessionState | None = None
        self._channels = channels
        rates = [stream.sfreq for stream in records.layout.montage.streams]
        self._fastest = rates.index(max(rates))
        self._second: tuple[int, int, int] | None = None  # number, first sample, size
        self._scored_until: int | None = None
        self._link_returns = False
        self._missing = GAP

    @property
    def account(self) -> AnnotationCounts:
        """Annotations so far."""
        return self.records.account

    def missed(self, why: str) -> None:
        """Take what is missing from here to the next output for not recorded."""
        self._missing = UNRECORDED
        self.records.annotate(self.records.end_us, why)

    def introduce(self, begins: SignalBegins, facts: Sequence[str]) -> None:
        """Say at the start what a reader may want to know of the file.

        A session begins with its first sample: what came before the file was begun
        came, and was not recorded.
        """
        self._missing = UNRECORDED
        start_us = self.records.time_us(0, 0)
        clock = (
            "clock synchronised" if begins.synchronised else "clock NOT synchronised"
        )
        texts = [*facts, f"Start {utc_text(begins.start_utc)}, {clock}"]
        texts.append(f"Mains {begins.mains_hz:g} Hz")
        texts += [
            f"Input {label}: {' | '.join(made_of) or 'absent'}"
            for label, made_of in begins.derivations.items()
        ]
        for text in texts:
            self.records.annotate(start_us, text)

    def push(self, value: Output) -> Iterator[bytes]:
        """Yield the data records that `value` completes."""
        match value:
            case SampleBlock():
                yield from self._block(value)
            case ScoredEpoch():
                yield from self._epoch(value)
            case NightEpochs(epochs, final=False):
                yield from self._resume(epochs)
            case Availability(online, reason):
                self._link_returns = online
                if not online:
                    self.records.annotate(self.records.end_us, f"{LINK_LOST}: {reason}")
            case SleepEvent():
                self._happened(value)
            case SessionState():
                self.session = value
            case LossCounts():
                self.tally = value
            case _:
                pass

    def close(self) -> Iterator[bytes]:
        """Yield what is left."""
        stream = self.records.layout.montage.streams[self._fastest]
        if self._scored_until is not None and stream.rough_rate:
            self.records.annotate(self._scored_until, SCORED_UNTIL)
            self._scored_until = None
        yield from self.records.close()

    @property
    def ended(self) -> bool:
        """Whether the session is over."""
        return self.session is not None and self.session.state is RecordingState.ENDED

    def _block(self, block: SampleBlock) -> Iterator[bytes]:
        at = self._fastest
        present, first = block.present[at], block.first[at]
        self._second = block.second, first, present.size
        if self._link_returns and present.any():
            self._link_returns = False
            returned = first + int(np.argmax(present))
            self.records.annotate(self.records.time_us(at, returned), LINK_UP)
        missing, self._missing = self._missing, GAP
        yield from self.records.push(block, missing)

    def _epoch(self, scored: ScoredEpoch) -> Iterator[bytes]:
        """Write a stage beside its own samples, at once."""
        onset_us = self.records.time_us(self._fastest, scored.span[self._fastest].start)
        last_us = self.account.last_epoch_us
        if last_us is not None and onset_us <= last_us:
            return  # the file has it
        end = tuple(span.stop for span in scored.span)
        yield from self.records.advance(end, self._missing)
        duration_us = EPOCH_S * SECOND_US
        self._scored_until = self.records.time_us(self._fastest, end[self._fastest])
        self.clock = ClockReading(onset_us, scored.start_utc)
        for text in self._verdict(scored):
            self.records.annotate(onset_us, text, duration_us)
        if scored.index % CLOCK_EVERY == 0:
            self.records.annotate(onset_us, f"Clock {utc_text(scored.start_utc)}")
        yield from self.records.flush()

    def _resume(self, epochs: Sequence[ScoredEpoch]) -> Iterator[bytes]:
        """Write what a crash took of the file, and say what it took of the scoring."""
        missing, self._missing = self._missing, UNRECORDED
        for scored in epochs:
            yield from self._epoch(scored)
        self._missing = missing
        if epochs:
            self.records.keep([span.stop for span in epochs[-1].span])

    def _verdict(self, scored: ScoredEpoch) -> Iterator[str]:
        if isinstance(scored.stage, Refusal):
            yield UNSCORED
            yield f"Not scored: {scored.stage.value}"
            if scored.stage is Refusal.OFF_HEAD:
                yield HEADBAND_OFF
        else:
            yield scored.stage.edf_annotation
        for channel, quality in zip(self._channels, scored.quality, strict=True):
            for flaw in ARTEFACTS:
                if flaw in quality.flaws:
                    yield f"BAD_{flaw.value} {channel}"

    def _happened(self, event: SleepEvent) -> None:
        text = TOLD.get(event.what)
        if event.what is EventKind.MARKER:
            # never a text of ours: "Sleep stage N3" as a marker is no stage
            text = f"{MARKER}{event.text or ''}"
        elif event.step_s is not None:
            text = f"Clock set by {event.step_s:+.3f} s"
        if text is not None:
            self.records.annotate(self._time_us(event.second), text)

    def _time_us(self, second: float | None) -> int:
        """Return the file's time of a moment on the session's seconds."""
        if second is None or self._second is None:
            return self.records.time_us(self._fastest, 0)
        number, first, size = self._second
        sample = first + (second - number) * size
        return self.records.time_us(self._fastest, round(sample))
