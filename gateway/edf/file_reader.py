"""EDF, EDF+ and BDF files: headers by edfio, data records by their own clock.

edfio lays the records of an interrupted file (EDF+D) end to end and reads a BDF file
whole; here each record stands where its time-keeping annotation says, and only what
is asked for is read.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.edf.header_reader import (
    EdfSignal,
    check_numbers,
    read_header,
    records_of,
    signals_of,
    start_of,
)
from gateway.edf.record_reader import RecordReader, RecordRun, runs_of
from gateway.edf.tal import EdfAnnotation
from gateway.errors import MissingExtraError, RecordingError

if TYPE_CHECKING:  # an optional dependency
    import edfio

__all__ = ["EdfAnnotation", "EdfFile", "EdfSignal", "read_edf"]

# all that edfio was seen to raise over broken headers
BROKEN = (
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    NameError,
)


@dataclass(frozen=True, slots=True, eq=False)
class EdfFile:
    """An EDF, EDF+ or BDF file whose header can be trusted.

    Attributes
    ----------
    path : Path
    start_utc : datetime or None
        The file's local time read as UTC; None where it was removed.
    signals : tuple of EdfSignal
        Without annotations.
    annotations : tuple of EdfAnnotation
        In the order of time.
    header : bytes
    records : RecordReader
        Where the samples are.
    runs : tuple of RecordRun
        Data records that follow each other without a hole.
    notes : tuple of str
        What is odd about the file and what was done about it, for people.
    """

    path: Path
    start_utc: datetime | None
    signals: tuple[EdfSignal, ...]
    annotations: tuple[EdfAnnotation, ...]
    header: bytes
    records: RecordReader
    runs: tuple[RecordRun, ...]
    notes: tuple[str, ...]

    def digital(self, signal: EdfSignal) -> NDArray[np.int16] | NDArray[np.int32]:
        """Return all counts of `signal`, shape (n_samples,), records end to end."""
        with self.reading():
            return self.records.all_samples(signal.number)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Translate what reading may raise."""
        with _translated(self.path):
            yield


def read_edf(path: Path) -> EdfFile:
    """Read and check the header and the annotations of `path`.

    Raises
    ------
    RecordingError
        If it is no EDF file, broken, cut short, or its records go back in time.
    MissingExtraError
        If edfio is not installed.
    """
    try:
        reader = import_module("edfio")
    except ImportError as error:
        raise MissingExtraError("edf", "reading an EDF file") from error
    with _translated(path):
        header = read_header(path)
        check_numbers(header)
        read = reader.read_edf if header.startswith(b"0") else reader.read_bdf
        source: edfio.Edf = read(header, header_encoding="latin-1")
        records, notes = records_of(path, header, source)
        signals = tuple(signals_of(path, source, header))
        said = records.texts()
        runs, odd = runs_of(path, records, said)
        origin_s = runs[0].onset_s if runs else 0.0
        return EdfFile(
            path=path,
            start_utc=start_of(source, header, origin_s),
            signals=signals,
            annotations=_annotations(said, origin_s),
            header=header,
            records=records,
            runs=tuple(r._replace(onset_s=r.onset_s - origin_s) for r in runs),
            notes=(*notes, *odd),
        )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they tell is checked here
        try:
            yield
        except OSError as error:
            raise RecordingError(f"{path}: {error.strerror or error}") from error
        except BROKEN as error:
            what = error if isinstance(error, ValueError) else "its header is nonsense"
            raise RecordingError(
                f"{path}: broken EDF file ({what}); copy or export it again"
            ) from error


def _annotations(
    said: list[list[EdfAnnotation]], origin_s: float
) -> tuple[EdfAnnotation, ...]:
    found = [
        annotation._replace(onset_s=annotation.onset_s - origin_s)
        for record in said
        for annotation in record
        if annotation.text
    ]
    return tuple(sorted(found, key=lambda annotation: annotation.onset_s))
