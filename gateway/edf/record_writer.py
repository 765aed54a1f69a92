"""Record writer: the data records of a night that is going on, one at a time. Pure.

A sample stands where the session's grid has it, so that what was lost keeps its length:
the last sample is held, and an annotation says so.
"""

from collections.abc import Iterable, Iterator, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.packets import SampleBlock
from gateway.edf.annotations import AnnotationCounts, Annotations
from gateway.edf.fields import SECOND_US
from gateway.edf.samples import pack
from gateway.edf.signals import RecordLayout
from gateway.edf.tal import OF_CHANNEL, Annotation

GAP = "BAD_gap"  # lost on the way from the headband
START = "BAD_start"  # before the first sample
END = "BAD_end"  # after the last one, to the end of its record
UNRECORDED = "BAD_unrecorded"  # received, but there was no disk for it
KEPT = "Recorded, not scored"  # of the epoch in which the daemon was killed
NEAR = 1e-6  # of a sample: what a float may be off

SampleSpan = tuple[int, int]  # samples from ... to before ... of a stream


class RecordWriter:
    """Lay blocks on data records; holds less than two of them.

    Parameters
    ----------
    layout : RecordLayout
    offset_us : int
        What the header's whole second leaves of the session's beginning.
    n_written : int
        Data records that the file has already.
    held : sequence of ndarray of int32, shape (n_channels,), or None
        The last count of every channel, one array per stream; None where there is
        nothing yet.
    account : AnnotationCounts or None
        What the annotations in the file come to.
    """

    def __init__(
        self,
        layout: RecordLayout,
        offset_us: int,
        n_written: int = 0,
        held: Sequence[NDArray[np.int32]] | None = None,
        account: AnnotationCounts | None = None,
    ) -> None:
        self.layout = layout
        self._offset_us = offset_us
        self._next = n_written
        self._annotations = Annotations(layout.annotation_bytes, account)
        self._complete: bytes | None = None
        streams = layout.montage.streams
        if held is None:
            held = [np.array([c.zero for c in s.channels], np.int32) for s in streams]
        self._held = [np.asarray(counts)[:, None] for counts in held]
        self._open = [counts[:, :0] for counts in self._held]

    @property
    def reached(self) -> tuple[int, ...]:
        """The first sample of each stream that was not laid down yet."""
        return tuple(
            self._next * n + counts.shape[1]
            for n, counts in zip(self.layout.n_samples, self._open, strict=True)
        )

    @property
    def account(self) -> AnnotationCounts:
        """Counts of all annotations, those that wait included."""
        return self._annotations.account

    @property
    def end_us(self) -> int:
        """Position in the file's time, of the stream that is ahead."""
        return max(self.time_us(at, n) for at, n in enumerate(self.reached))

    def time_us(self, stream: int, sample: int) -> int:
        """Return the file's time at which `sample` of the session is."""
        return self._offset_us + self.layout.time_us(stream, sample)

    def unwritten(self) -> list[Annotation]:
        """Return what was annotated and is lost if the disk refused a record."""
        return self._annotations.unwritten()

    def add(self, annotation: Annotation) -> None:
        """Have `annotation` written in the next record that has room."""
        self._annotations.add(annotation)

    def annotate(
        self, onset_us: int, text: str, duration_us: int | None = None
    ) -> None:
        """Have something written in the next record that has room."""
        self.add(Annotation(onset_us, duration_us, (text,)))

    def push(self, block: SampleBlock, text: str = GAP) -> Iterator[bytes]:
        """Yield the data records that are complete before `block`'s last is.

        Samples that were laid down already are passed over; what is missing before
        it is held, and annotated as `text`.
        """
        yield from self.advance(block.first, text)
        before = self.reached
        starts: list[list[SampleSpan]] = []
        gaps: list[list[SampleSpan]] = []
        for at, first in enumerate(block.first):
            skip = before[at] - first
            present = block.present[at][skip:]
            stream = self.layout.montage.streams[at]
            counts = stream.to_counts(block.uv[at][:, skip:])
            self._append(at, counts, present)
            began = self._began(at, block) if not before[at] else 0
            holes = [(before[at] + a, before[at] + b) for a, b in _holes(present)]
            starts.append([(0, began)] if began else [])
            gaps.append([(max(a, began), b) for a, b in holes if b > began])
        self._annotate_missing(starts, START)
        self._annotate_missing(gaps, GAP)
        yield from self._emit()

    def advance(self, to: Sequence[int], text: str = GAP) -> Iterator[bytes]:
        """Yield records of held samples as far as the samples `to`.

        What is missing there is annotated in the first of them, all at once.
        """
        reached = self.reached
        self._annotate_missing(
            [[(a, b)] if a < b else [] for a, b in zip(reached, to, strict=True)], text
        )
        # Why record by record: a gap of hours must not be in memory as a whole
        record = self._next
        while any(a < b for a, b in zip(self.reached, to, strict=True)):
            record += 1
            for at, (a, b) in enumerate(zip(self.reached, to, strict=True)):
                end = min(b, record * self.layout.n_samples[at])
                held = np.repeat(self._held[at], max(end - a, 0), axis=1)
                self._open[at] = np.concatenate([self._open[at], held], axis=1)
            yield from self._emit()

    def keep(self, since: Sequence[int]) -> None:
        """Annotate what the file has of the samples from `since` on.

        Whoever takes a session up again knows nothing of them, and counts them as
        lost.
        """
        ends = zip(since, self.reached, strict=True)
        self._annotate_missing(
            [self._there(at, *each) for at, each in enumerate(ends)], KEPT
        )

    def flush(self) -> Iterator[bytes]:
        """Yield the record that is complete, so that its annotations reach the disk."""
        if self._complete is not None:
            yield self._release(self._complete)
            self._complete = None

    def close(self) -> Iterator[bytes]:
        """Yield what is left: the record begun, and records for annotations left."""
        if any(counts.shape[1] for counts in self._open):
            yield from self.advance(self._record_end(), END)
        yield from self.flush()
        while n_left := len(self._annotations):
            yield from self.advance(self._record_end(), END)
            yield from self.flush()
            if len(self._annotations) >= n_left:
                # Why several at once: each record's own END took the room of a long
                # text; of these only the first has one, and each of the others holds
                # an annotation at least
                yield from self.advance(self._record_end(n_left + 1), END)
                yield from self.flush()

    def _began(self, at: int, block: SampleBlock) -> int:
        """Return the first sample of a stream after the first of any stream."""
        rates = [stream.sfreq for stream in self.layout.montage.streams]
        began_s = min(
            (
                (first + int(np.argmax(present))) / rate
                for first, present, rate in zip(
                    block.first, block.present, rates, strict=True
                )
                if present.any()
            ),
            default=0.0,
        )
        return ceil(began_s * rates[at] - NEAR)

    def _there(self, at: int, since: int, end: int) -> list[SampleSpan]:
        """Return what of a stream's samples was not said to be missing."""
        said = {GAP, UNRECORDED}
        said |= {f"{x}{OF_CHANNEL}{y}" for x in said for y in self.layout.labels(at)}
        there = np.ones(max(end - since, 0), np.bool_)
        for annotation in self.account.missing_last:
            if said & set(annotation.texts):
                times_us = (annotation.onset_us, annotation.end_us)
                edges = (self._sample(at, us) - since for us in times_us)
                there[slice(*(max(edge, 0) for edge in edges))] = False
        return [(since + a, since + b) for a, b in _holes(~there)]

    def _sample(self, at: int, time_us: int) -> int:
        sfreq = self.layout.montage.streams[at].sfreq
        return round((time_us - self._offset_us) * sfreq / SECOND_US)

    def _record_end(self, n_records: int = 1) -> tuple[int, ...]:
        return tuple((self._next + n_records) * n for n in self.layout.n_samples)

    def _append(
        self, at: int, counts: NDArray[np.int32], present: NDArray[np.bool_]
    ) -> None:
        if not present.all():
            # Why the last sample is held, and no zero written: a reader's filter rings
            # at every jump, and zero is a value that an electrode can have.
            latest = np.maximum.accumulate(
                np.where(present, np.arange(present.size), -1)
            )
            held = self._held[at]
            counts = np.where(latest < 0, held, counts[:, np.maximum(latest, 0)])
        if counts.shape[1]:
            self._held[at] = counts[:, -1:]
        self._open[at] = np.concatenate([self._open[at], counts], axis=1)

    def _emit(self) -> Iterator[bytes]:
        sizes = self.layout.n_samples
        while all(c.shape[1] >= n for c, n in zip(self._open, sizes, strict=True)):
            # Why one complete record waits: the stage of an epoch is known only after
            # its last sample, and belongs into the record beside it.
            yield from self.flush()
            self._complete = b"".join(
                pack(counts[:, :n], wide=self.layout.wide)
                for counts, n in zip(self._open, sizes, strict=True)
            )
            self._open = [c[:, n:] for c, n in zip(self._open, sizes, strict=True)]
            self._next += 1

    def _release(self, samples: bytes) -> bytes:
        onset_us = self._offset_us + (self._next - 1) * self.layout.record_us
        return samples + self._annotations.fill(onset_us)

    def _annotate_missing(
        self, runs: Sequence[Iterable[SampleSpan]], text: str
    ) -> None:
        """Annotate what is missing, by channel where only some streams miss it."""
        missing: dict[tuple[int, int], list[int]] = {}
        for at, holes in enumerate(runs):
            for first, end in holes:
                onset_us, end_us = self.time_us(at, first), self.time_us(at, end)
                missing.setdefault((onset_us, end_us - onset_us), []).append(at)
        for (onset_us, duration_us), streams in sorted(missing.items()):
            texts: tuple[str, ...] = (text,)
            if len(streams) < len(self._open):
                labels = [x for at in streams for x in self.layout.labels(at)]
                texts = tuple(f"{text}{OF_CHANNEL}{label}" for label in labels)
            annotation = Annotation(onset_us, duration_us, texts)
            self._annotations.add(annotation, urgent=True)


def _holes(present: NDArray[np.bool_]) -> Iterator[SampleSpan]:
    edges = np.flatnonzero(np.diff(present, prepend=True, append=True))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
