"""The data records of an EDF or BDF file: where they lie and when they were taken."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gateway.edf.fields import SECOND_US
from gateway.edf.samples import Counts, unpack
from gateway.edf.tal import Annotation, parse_annotations
from gateway.errors import RecordingError

AT_ONCE_BYTES = 4_000_000  # read at a time, whatever the length of the night
FURTHEST_S = 24 * 3600.0  # a longer pause parts two nights
SLACK_S = 1e-3  # what rounding may do to the time of a record

Bytes = NDArray[np.uint8]


class RecordRun(NamedTuple):
    """Data records that follow each other without a hole, and when they begin."""

    first_record: int
    n_records: int
    onset_s: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RecordReader:
    """Equal blocks of bytes, each with some samples of every signal in turn.

    Attributes
    ----------
    path : Path
    header_bytes : int
    sample_bytes : int
        2 in EDF, 3 in BDF.
    lengths : tuple of int
        Samples of each signal in a record.
    n_records : int
        Whole ones.
    record_s : float
        What a record lasts; 0 where there is nothing but annotations.
    annotations : tuple of int
        Which signals are lists of annotations.
    interrupted : bool
        Whether the header allows for pauses between records (EDF+D).
    """

    path: Path
    header_bytes: int
    sample_bytes: int
    lengths: tuple[int, ...]
    n_records: int
    record_s: float
    annotations: tuple[int, ...]
    interrupted: bool = False

    @property
    def record_bytes(self) -> int:
        """Length of a record."""
        return sum(self.lengths) * self.sample_bytes

    @property
    def at_once(self) -> int:
        """Return how many records to read at a time."""
        return max(1, AT_ONCE_BYTES // self.record_bytes)

    def read(self, first: int, n: int) -> Bytes:
        """Return `n` records from `first` on, shape (n, record_bytes)."""
        content = np.fromfile(
            self.path,
            dtype=np.uint8,
            count=n * self.record_bytes,
            offset=self.header_bytes + first * self.record_bytes,
        )
        if content.size != n * self.record_bytes:
            raise OSError(f"{self.path} became shorter while it was read")
        return content.reshape(n, self.record_bytes)

    def column(self, content: Bytes, number: int) -> Bytes:
        """Return the bytes of one signal in records, shape (n, n_bytes)."""
        start = sum(self.lengths[:number]) * self.sample_bytes
        return content[:, start : start + self.lengths[number] * self.sample_bytes]

    def samples(self, content: Bytes, number: int) -> Counts:
        """Return one signal's counts in records, shape (n_samples,)."""
        raw = np.ascontiguousarray(self.column(content, number))
        return unpack(raw, wide=self.sample_bytes == 3)  # noqa: PLR2004 (of 24 bits)

    def all_samples(self, number: int) -> Counts:
        """Return all counts of one signal, records end to end."""
        parts = [
            self.samples(self.read(first, min(self.at_once, left)), number)
            for first, left in self._chunks()
        ]
        return cast("Counts", np.concatenate(parts)) if parts else np.zeros(0, "i2")

    def annotated(self) -> list[list[Annotation]]:
        """Return the annotations of every record, in the order of its signals."""
        if not self.annotations:
            return []
        found: list[list[Annotation]] = []
        for first, left in self._chunks():
            content = self.read(first, min(self.at_once, left))
            columns = [self.column(content, number) for number in self.annotations]
            found += [
                [
                    annotation
                    for column in columns
                    for annotation in parse_annotations(column[row].tobytes())
                ]
                for row in range(len(content))
            ]
        return found

    def _chunks(self) -> list[tuple[int, int]]:
        """Return where to read next, and how many records are left there."""
        firsts = range(0, self.n_records, self.at_once)
        return [(first, self.n_records - first) for first in firsts]


def runs_of(
    path: Path, records: RecordReader, annotated: list[list[Annotation]]
) -> tuple[list[RecordRun], list[str]]:
    """Return which records follow each other, by their own clock.

    Parameters
    ----------
    path : Path
        For messages.
    records : RecordReader
    annotated : list of list of Annotation
        Per record; the first of each keeps the time. Empty in plain EDF.

    Returns
    -------
    runs : list of RecordRun
    notes : list of str
        What is odd about them, for people.

    Raises
    ------
    RecordingError
        If a record begins before the one before it ends, or days after.
    """
    if not annotated and records.interrupted:
        raise _timeless(path, 0)
    if not annotated or records.record_s <= 0:
        return [RecordRun(0, records.n_records, 0.0)] * bool(records.n_records), []
    runs: list[RecordRun] = []
    silent = 0
    for number, found in enumerate(annotated):
        is_timed = bool(found) and found[0].is_record_time
        onset_s = found[0].onset_us / SECOND_US if is_timed else None
        if onset_s is None:
            if records.interrupted:
                raise _timeless(path, number)
            silent += 1
            onset_s = _end_s(runs[-1], records) if runs else 0.0
        if not runs:
            runs.append(RecordRun(number, 1, onset_s))
            continue
        ahead_s = onset_s - _end_s(runs[-1], records)
        _check_step(path, number, ahead_s)
        if ahead_s > SLACK_S:
            runs.append(RecordRun(number, 1, onset_s))
        else:
            runs[-1] = runs[-1]._replace(n_records=runs[-1].n_records + 1)
    return runs, _notes(silent, len(runs))


def _end_s(run: RecordRun, records: RecordReader) -> float:
    return run.onset_s + run.n_records * records.record_s


def _timeless(path: Path, number: int) -> RecordingError:
    return RecordingError(
        f"{path}: EDF+D, with interruptions, but data record {number} does not say "
        "when it begins; export it again"
    )


def _check_step(path: Path, number: int, ahead_s: float) -> None:
    if ahead_s < -SLACK_S:
        raise RecordingError(
            f"{path}: data record {number} begins {-ahead_s:g} s before the one before "
            "it ends; export it again, in the order of time"
        )
    if ahead_s > FURTHEST_S:
        raise RecordingError(
            f"{path}: nothing for {ahead_s / 3600:.0f} hours before data record "
            f"{number}: export the two recordings apart"
        )


def _notes(silent: int, n_runs: int) -> list[str]:
    notes = []
    if silent:
        notes.append(
            f"{silent} data records do not say when they begin; each is taken to "
            "follow the one before"
        )
    if n_runs > 1:
        notes.append(
            f"interrupted {n_runs - 1} times; what lies between counts as missing"
        )
    return notes
