"""Integrity check of a recording that may have been cut off or damaged."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.edf.annotations import AnnotationCounts
from gateway.edf.fields import SECOND_US
from gateway.edf.header import KIND, LONGEST_HEADER, Header, parse_header
from gateway.edf.samples import unpack
from gateway.edf.tal import Annotation, parse_annotations
from gateway.errors import RecordingError
from gateway.recorder.listing import ListedRecording, row
from gateway.recorder.sidecar import annotated


@dataclass(frozen=True, slots=True, eq=False)
class IntegrityCheck:
    """A recording as it lies on the disk.

    Attributes
    ----------
    header : Header
    n_records : int
        Whole data records. Of a recording of ours, up to the last one that says its
        own time: what follows was cut off while it was written.
    n_damaged : int
        Those among them that do not say their own time.
    n_promised : int
        What the header says.
    n_bytes : int
        Of the file.
    offset_us : int
        Of the first record, after the second in the header.
    last : tuple of ndarray of int32, shape (n_samples,)
        Every signal's samples in the last record; none if there is no record.
    account : AnnotationCounts
        What the annotations come to.
    """

    header: Header
    n_records: int
    n_damaged: int
    n_promised: int
    n_bytes: int
    offset_us: int
    last: tuple[NDArray[np.int32], ...]
    account: AnnotationCounts

    @property
    def whole_bytes(self) -> int:
        """End of the last whole record, bytes."""
        return self.header.n_bytes + self.n_records * self.header.record_bytes

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut off while it was written."""
        return self.n_promised == self.n_records and self.n_bytes == self.whole_bytes


def survey(path: Path) -> IntegrityCheck:
    """Read a recording from end to end, one record at a time.

    Raises
    ------
    RecordingError
        If it is no EDF+ or BDF+ file, or not even its header is whole.
    """
    try:
        with path.open("rb") as file:
            return survey_open(file.fileno())
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error


def survey_open(fd: int) -> IntegrityCheck:
    """Do the same for an open file; raises `ValueError` for a bad header."""
    header, n_promised = parse_header(os.pread(fd, LONGEST_HEADER, 0))
    n_bytes = os.fstat(fd).st_size
    annotated = list(_annotated(fd, header, n_bytes))
    # a record's place follows from its number (EDF+C): one that is damaged neither
    # ends the file nor moves what follows it
    origins = [_origin_us(found, n, header) for n, found in enumerate(annotated)]
    known = Counter(us for us in origins if us is not None).most_common(1)
    offset_us = known[0][0] if known else 0
    timed = [us is not None and us == offset_us for us in origins]
    if header.is_ours:
        n_records = max((n + 1 for n, good in enumerate(timed) if good), default=0)
    else:
        n_records = len(annotated)
    account = AnnotationCounts()
    for found in annotated[:n_records]:
        for annotation in found:
            if not annotation.is_record_time:
                account.add(annotation)
    return IntegrityCheck(
        header=header,
        n_records=n_records,
        n_damaged=timed[:n_records].count(False),
        n_promised=n_promised,
        n_bytes=n_bytes,
        offset_us=offset_us,
        last=_samples(fd, header, n_records - 1) if n_records else (),
        account=account,
    )


def _origin_us(found: list[Annotation], number: int, header: Header) -> int | None:
    """Return when the first record began, by the time of record `number`."""
    if not found or not found[0].is_record_time:
        return None
    return found[0].onset_us - number * header.record_us


def annotations(path: Path) -> Iterator[Annotation]:
    """Yield what a recording says, but for the records' own times.

    Raises
    ------
    RecordingError
        As `survey` does.
    """
    found = survey(path)
    with path.open("rb") as file:
        for each in _annotated(file.fileno(), found.header, found.whole_bytes):
            yield from (a for a in each if not a.is_record_time)


def samples(path: Path) -> Iterator[tuple[NDArray[np.int32], ...]]:
    """Yield the counts of every signal, one data record after the other.

    Raises
    ------
    RecordingError
        As `survey` does.
    """
    found = survey(path)
    with path.open("rb") as file:
        for record in range(found.n_records):
            yield _samples(file.fileno(), found.header, record)


def _annotated(fd: int, header: Header, n_bytes: int) -> Iterator[list[Annotation]]:
    """Yield the annotations of each whole record, that of its own time first."""
    columns = header.columns()
    lists = [columns[n] for n in header.annotation_signals]
    n_records = max(n_bytes - header.n_bytes, 0) // header.record_bytes
    for record in range(n_records):
        at = header.n_bytes + record * header.record_bytes
        yield [
            annotation
            for each in lists
            for annotation in parse_annotations(
                os.pread(fd, each.stop - each.start, at + each.start)
            )
        ]


def _samples(fd: int, header: Header, record: int) -> tuple[NDArray[np.int32], ...]:
    at = header.n_bytes + record * header.record_bytes
    raw = os.pread(fd, header.record_bytes, at)
    return tuple(
        unpack(raw[column], wide=header.wide).astype(np.int32)
        for n, column in enumerate(header.columns())
        if n not in header.annotation_signals
    )


def details(seen: ListedRecording, known: IntegrityCheck) -> dict[str, Any]:
    """Return everything there is to know of a recording, read from end to end."""
    header, account = known.header, known.account
    seconds = header.record_us / SECOND_US
    return {
        **row(seen),
        "format": KIND[header.wide],
        "patient": header.patient,
        "recording": header.recording,
        "duration_s": known.n_records * seconds,
        "data_records": known.n_records,
        "record_s": seconds,
        "whole": known.is_whole,
        "recorded_by_sleepgate": header.is_ours,
        "damaged_records": known.n_damaged,
        "signals": [
            {
                "label": signal.label,
                "sfreq_hz": signal.n_samples / seconds,
                "physical_min": float(signal.physical_min),
                "physical_max": float(signal.physical_max),
                "dimension": signal.dimension,
                "digital_min": signal.digital_min,
                "digital_max": signal.digital_max,
            }
            for n, signal in enumerate(header.signals)
            if n not in header.annotation_signals
        ],
        "epochs": {"total": account.n_epochs, "scored": account.n_scored},
        "annotated": annotated(account),
        "beside": seen.document,
    }
