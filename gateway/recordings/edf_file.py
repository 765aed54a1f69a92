"""What edfio reads, checked, and what it complains of, translated."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.errors import MissingExtraError, RecordingError

if TYPE_CHECKING:  # an optional dependency
    import edfio

MAGIC = b"0       "
HEADER_BYTES = slice(184, 192)
DATA_RECORDS = slice(236, 244)
SIGNALS = slice(252, 256)
MAX_SFREQ_HZ = 20_000.0

# all that edfio was seen to raise over broken headers
BROKEN = (
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    NameError,
)


class EdfAnnotation(NamedTuple):
    """Something that happened, seconds after the file's start."""

    onset_s: float
    duration_s: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class EdfSignal:
    """The header of one signal; `number` is its place among the ordinary signals."""

    number: int
    label: str
    dimension: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    sfreq: float


@dataclass(frozen=True, slots=True, eq=False)
class EdfFile:
    """An EDF or EDF+ file that is whole.

    Attributes
    ----------
    path : Path
    start_utc : datetime or None
        The file's local time read as UTC; None where it was removed.
    signals : tuple of EdfSignal
        Without annotations.
    annotations : tuple of EdfAnnotation
    """

    path: Path
    start_utc: datetime | None
    signals: tuple[EdfSignal, ...]
    annotations: tuple[EdfAnnotation, ...]
    source: "edfio.Edf"

    def digital(self, signal: EdfSignal) -> NDArray[np.int16]:
        """Return the counts of `signal`, shape (n_samples,)."""
        with _translated(self.path):
            counts = self.source.signals[signal.number].digital
            return np.ascontiguousarray(counts, dtype=np.int16)


def read_edf(path: Path) -> EdfFile:
    """Read and check `path`.

    Raises
    ------
    RecordingError
        If it is no EDF file, broken, cut short or discontinuous.
    MissingExtraError
        If edfio is not installed.
    """
    try:
        reader = import_module("edfio")
    except ImportError as error:
        raise MissingExtraError("edf", "reading an EDF file") from error
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if not content.startswith(MAGIC):
        raise RecordingError(f"{path}: not an EDF file")
    with _translated(path):
        source: edfio.Edf = reader.read_edf(content, header_encoding="latin-1")
        _check(path, content, source)
        return EdfFile(
            path=path,
            start_utc=_start(source),
            signals=tuple(_signal(path, n, s) for n, s in enumerate(source.signals)),
            annotations=tuple(
                EdfAnnotation(float(a.onset), float(a.duration or 0), a.text)
                for a in source.annotations
            ),
            source=source,
        )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they tell is checked here
        try:
            yield
        except BROKEN as error:
            what = error if isinstance(error, ValueError) else "its header is nonsense"
            raise RecordingError(
                f"{path}: broken EDF file ({what}); copy or export it again"
            ) from error


def _check(path: Path, content: bytes, source: "edfio.Edf") -> None:
    if int(content[HEADER_BYTES]) != 256 * (1 + int(content[SIGNALS])):
        raise RecordingError(f"{path}: its header gives a wrong length of itself")
    promised, found = int(content[DATA_RECORDS]), int(source.num_data_records)
    if promised not in (-1, found):  # -1: the recorder never came to close it
        raise RecordingError(
            f"{path}: {found} data records where its header says {promised}; "
            "copy it again"
        )
    if not source.is_continuous:
        raise RecordingError(
            f"{path}: EDF+D, with interruptions; export it as continuous EDF"
        )


def _start(source: "edfio.Edf") -> datetime | None:
    if source.local_recording_identification.startswith("Startdate X"):
        return None
    return source.startdatetime.replace(tzinfo=UTC)


def _signal(path: Path, number: int, signal: "edfio.EdfSignal") -> EdfSignal:
    header = EdfSignal(
        number=number,
        label=str(signal.label),
        dimension=str(signal.physical_dimension),
        physical_min=float(signal.physical_min),
        physical_max=float(signal.physical_max),
        digital_min=int(signal.digital_min),
        digital_max=int(signal.digital_max),
        sfreq=float(signal.sampling_frequency),
    )
    if not 0 < header.sfreq <= MAX_SFREQ_HZ:
        raise RecordingError(
            f"{path}: channel {header.label!r} at {header.sfreq:g} Hz; export it again"
        )
    if not (isfinite(header.physical_min) and isfinite(header.physical_max)):
        raise RecordingError(
            f"{path}: channel {header.label!r} has no physical range; export it again"
        )
    return header
