"""A recorded night that is read while it is scored."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage, Stream
from gateway.acquisition.packets import SamplePacket
from gateway.edf.file_reader import EdfFile, EdfSignal
from gateway.edf.record_reader import RecordRun
from gateway.edf.session_reader import SessionFields
from gateway.edf.tal import OF_CHANNEL
from gateway.errors import RecordingError
from gateway.recordings.recording import Counts, Recording, stacked

# samples that a recorder held because none arrived, or it was not running; and those
# that are there, but were lost to the scoring of the night
HELD = ("BAD_gap", "BAD_unrecorded", "BAD_start", "BAD_end")
LOST = (*HELD, "Recorded, not scored")
# the standard's texts, and what else laboratories write
LIGHTS = re.compile(r"\s*lights?[\s_-]*((?P<off>off|out)|on)\s*(@@.*)?", re.IGNORECASE)


class ChannelSource(NamedTuple):
    """The signal of a channel, and whether the file has it upside down."""

    signal: EdfSignal
    inverted: bool


class Span(NamedTuple):
    """Seconds since the recording began."""

    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EdfNight:
    """A night in a file; a few seconds of it are in memory at a time.

    Attributes
    ----------
    name : str
    montage : Montage
    start_utc : datetime or None
        Of the first data record. Files name no time zone: what they say is read as
        UTC.
    edf : EdfFile
    sources : tuple of tuple of ChannelSource
        The channels of every stream of `montage`.
    session : SessionFields or None
        How it was recorded and scored, where Sleepgate wrote it.
    derivations : mapping of str to tuple of str
        What each of the model's inputs is made of, the best first, where that is known.
    left_out : tuple of str
        Signals that were not taken, and why, for people.
    """

    name: str
    montage: Montage
    start_utc: datetime | None
    edf: EdfFile
    sources: tuple[tuple[ChannelSource, ...], ...]
    session: SessionFields | None = None
    derivations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on what is odd about the file and what was done about it."""
        return (*self.edf.notes, *self.left_out)

    @property
    def duration_s(self) -> float:
        """Seconds from the first record's begin to the last one's end."""
        last = self.edf.runs[-1]
        return last.onset_s + last.n_records * self.edf.records.record_s

    @property
    def lights(self) -> list[tuple[float, bool]]:
        """Times of lights off (True) or on, seconds since the recording began."""
        marks = ((a.onset_s, LIGHTS.fullmatch(a.text)) for a in self.edf.annotations)
        marked = [(at, m["off"] is not None) for at, m in marks if m]
        return list(dict.fromkeys(marked))  # of every channel, the same is said once

    def missing(self, stream: int) -> list[Span]:
        """Return what the recorder marked as lost of a stream, in the order of time.

        Channels of a stream are sampled together: what one lost all have lost.
        """
        labels = {"", *(source.signal.label for source in self.sources[stream])}
        marks = [(a, a.text.partition(OF_CHANNEL)) for a in self.edf.annotations]
        return [
            Span(a.onset_s, a.onset_s + (a.duration_s or 0.0))
            for a, (text, _, label) in marks
            if text in LOST and label in labels
        ]

    def packets(self) -> Iterator[SamplePacket]:
        """Yield the samples that were recorded, second by second, stream by stream.

        Seconds between data records, and those marked as lost, are left out.
        `t_rx` is what a headband with a perfect clock and no radio would give.
        """
        missing = [self.missing(at) for at in range(len(self.sources))]
        for run in self.edf.runs:
            for first in range(0, run.n_records, self.edf.records.at_once):
                left = min(self.edf.records.at_once, run.n_records - first)
                yield from self._chunk(run, first, left, missing)

    def load(self) -> Recording:
        """Read all of it.

        Raises
        ------
        RecordingError
            If there are interruptions, which a `Recording` cannot say.
        """
        if len(self.edf.runs) > 1:
            raise RecordingError(
                f"{self.edf.path}: EDF+D, with interruptions; it can be scored, but to "
                "be played it must be exported as continuous EDF"
            )
        counts = tuple(
            stacked([_upright(self.edf.digital(s.signal), s) for s in sources])
            for sources in self.sources
        )
        return Recording(
            name=self.name,
            montage=self.montage,
            counts=counts,
            start_utc=self.start_utc,
        )

    def _chunk(
        self, run: RecordRun, first: int, n_records: int, missing: list[list[Span]]
    ) -> Iterator[SamplePacket]:
        records = self.edf.records
        onset_s = run.onset_s + first * records.record_s
        end_s = onset_s + n_records * records.record_s
        with self.edf.reading():
            content = records.read(run.first_record + first, n_records)
            stretches = [
                _Stretch(
                    stream,
                    at,
                    round(run.onset_s * stream.sfreq)
                    + first * records.lengths[sources[0].signal.number],
                    stacked(
                        [
                            _upright(records.samples(content, s.signal.number), s)
                            for s in sources
                        ]
                    ),
                )
                for at, (stream, sources) in enumerate(
                    zip(self.montage.streams, self.sources, strict=True)
                )
            ]
        present = [stretch.present(missing[stretch.at]) for stretch in stretches]
        for second in range(int(onset_s), int(np.ceil(end_s)) + 1):
            for stretch, there in zip(stretches, present, strict=True):
                yield from stretch.packets(second, there)


class _Stretch(NamedTuple):
    """Samples of one stream that follow each other; `start` is the first's index."""

    stream: Stream
    at: int
    start: int
    counts: Counts

    def present(self, missing: list[Span]) -> NDArray[np.bool_]:
        """Return False for every sample that was marked as lost."""
        there = np.ones(self.counts.shape[1], np.bool_)
        for span in missing:
            low = round(span.start_s * self.stream.sfreq) - self.start
            high = round(span.stop_s * self.stream.sfreq) - self.start
            there[max(low, 0) : max(high, 0)] = False
        return there

    def packets(self, second: int, there: NDArray[np.bool_]) -> Iterator[SamplePacket]:
        """Yield what was recorded of one second, a packet for every unbroken piece."""
        low = max(self.stream.first_sample(second) - self.start, 0)
        high = max(self.stream.first_sample(second + 1) - self.start, 0)
        edges = np.flatnonzero(np.diff(there[low:high], prepend=False, append=False))
        for begin, end in edges.reshape(-1, 2) + low:
            stop = self.start + int(end)
            yield SamplePacket(
                self.at,
                self.start + int(begin),
                self.counts[:, begin:end].astype(np.int32),
                stop / self.stream.sfreq,
            )


def _upright(counts: Counts, source: ChannelSource) -> Counts:
    return ~counts if source.inverted else counts
