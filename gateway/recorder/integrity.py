"""What there is of a recording that may have been cut off."""

import os
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
        Whole data records in a row, each of which says its own time.
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
    n_promised: int
    n_bytes: int
    offset_us: int
    last: tuple[NDArray[np.int32], ...]
    account: AnnotationCounts

    @property
    def whole_bytes(self) -> int:
        """Where the last whole record ends."""
        return self.header.n_bytes + self.n_records * self.header.record_bytes

    @property
    def is_whole(self) -> bool:
        """Whether nothing has to be mended."""
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
    account, offset_us, n_records = AnnotationCounts(), 0, 0
    for said in _annotated(fd, header, n_bytes):
        began = said[0]
        if not n_records:
            offset_us = began.onset_us
        if began.onset_us != offset_us + n_records * header.record_us:
            break
        for annotation in said[1:]:
            account.add(annotation)
        n_records += 1
    return IntegrityCheck(
        header=header,
        n_records=n_records,
        n_promised=n_promised,
        n_bytes=n_bytes,
        offset_us=offset_us,
        last=_samples(fd, header, n_records - 1) if n_records else (),
        account=account,
    )


def annotations(path: Path) -> Iterator[Annotation]:
    """Yield what a recording says, but for the records' own times.

    Raises
    ------
    RecordingError
        As `survey` does.
    """
    found = survey(path)
    with path.open("rb") as file:
        whole = _annotated(file.fileno(), found.header, found.whole_bytes)
        for said in whole:
            yield from said[1:]


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
    """Yield the annotations of each whole record, to the first that has no time."""
    last = header.signals[-1].n_samples * header.sample_bytes
    start = header.n_bytes + header.record_bytes - last
    for at in range(start, n_bytes - last + 1, header.record_bytes):
        said = list(parse_annotations(os.pread(fd, last, at)))
        if not said or said[0].texts != ("",):
            return
        yield said


def _samples(fd: int, header: Header, record: int) -> tuple[NDArray[np.int32], ...]:
    at = header.n_bytes + record * header.record_bytes
    raw = os.pread(fd, header.record_bytes, at)
    found, start = [], 0
    for signal in header.signals[:-1]:
        end = start + signal.n_samples * header.sample_bytes
        found.append(unpack(raw[start:end], wide=header.wide).astype(np.int32))
        start = end
    return tuple(found)


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
            for signal in header.signals[:-1]
        ],
        "epochs": {"total": account.n_epochs, "scored": account.n_scored},
        "annotated": annotated(account),
        "beside": seen.document,
    }
