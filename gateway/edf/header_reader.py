"""The header of an EDF or BDF file: edfio reads its fields, here they are checked."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.edf.record_reader import RecordReader
from gateway.errors import RecordingError

if TYPE_CHECKING:  # an optional dependency
    import edfio

# first bytes, and how many a sample has
SAMPLE_BYTES = {b"0       ": 2, b"\xffBIOSEMI": 3}
START_DATE, START_TIME = slice(168, 176), slice(176, 184)
HEADER_BYTES = slice(184, 192)
RESERVED = slice(192, 236)
DATA_RECORDS = slice(236, 244)
SIGNALS = slice(252, 256)
ANNOTATIONS = {"EDF Annotations", "BDF Annotations"}
EDF_EPOCH = 85  # two digits of a year before are of the next century
NUMBERS = tuple(
    f"{kind} {end}"
    for kind in ("physical", "digital")
    for end in ("minimum", "maximum")
)
MAX_SFREQ_HZ = 20_000.0


@dataclass(frozen=True, slots=True, eq=False)
class EdfSignal:
    """The header of one signal; `number` is its place among all signals."""

    number: int
    label: str
    dimension: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    sfreq: float


def read_header(path: Path) -> bytes:
    """Return the bytes of the header.

    Raises
    ------
    RecordingError
        If the file is no EDF, or its header gives a wrong length of itself.
    ValueError
        If it ends within its header, or a number in it is none.
    """
    with path.open("rb") as file:
        fixed = file.read(256)
        if fixed[:8] not in SAMPLE_BYTES:
            raise RecordingError(f"{path}: not an EDF file")
        if int(fixed[HEADER_BYTES]) != 256 * (1 + int(fixed[SIGNALS])):
            raise RecordingError(f"{path}: its header gives a wrong length of itself")
        rest = file.read(256 * int(fixed[SIGNALS]))
    if len(rest) < 256 * int(fixed[SIGNALS]):
        raise ValueError("cut short within its header")
    return fixed + rest


def _all_signals(
    source: "edfio.Edf", header: bytes
) -> Iterator["edfio.EdfSignal | None"]:
    """Yield the signals by their place in the file; edfio hides annotations."""
    ordinary = iter(source.signals)
    for label in _labels(header):
        yield None if label in ANNOTATIONS else next(ordinary)


def check_numbers(header: bytes) -> None:
    """Raise `ValueError`, with the channel, if what must be a number is none."""
    labels = _labels(header)
    at = 256 + 104 * len(labels)  # after label, transducer and dimension
    for name in NUMBERS:
        for label in labels:
            text = header[at : at + 8].decode("latin-1").strip()
            try:
                float(text)
            except ValueError:
                raise ValueError(f"channel {label!r}: its {name} is {text!r}") from None
            at += 8
    try:
        int(header[DATA_RECORDS])
    except ValueError:
        text = header[DATA_RECORDS].decode("latin-1").strip()
        raise ValueError(f"its header says {text!r} data records") from None


def _labels(header: bytes) -> list[str]:
    n_signals = len(header) // 256 - 1
    fields = (header[256 + 16 * n : 272 + 16 * n] for n in range(n_signals))
    return [field.decode("latin-1").rstrip() for field in fields]


def records_of(
    path: Path, header: bytes, source: "edfio.Edf"
) -> tuple[RecordReader, list[str]]:
    """Return where the samples are, and notes for people.

    Raises
    ------
    RecordingError
        If the file is shorter than its header says.
    ValueError
        If records have no samples.
    """
    n_signals = len(header) // 256 - 1
    at = 256 + 216 * n_signals  # after eight fields of 216 bytes a signal
    lengths = tuple(int(header[at + 8 * n : at + 8 * n + 8]) for n in range(n_signals))
    if min(lengths, default=0) < 0 or not sum(lengths):
        raise ValueError("data records without samples")
    sample_bytes = SAMPLE_BYTES[header[:8]]
    data_bytes = path.stat().st_size - len(header)
    found, rest = divmod(data_bytes, sum(lengths) * sample_bytes)
    labels = _labels(header)
    records = RecordReader(
        path=path,
        header_bytes=len(header),
        sample_bytes=sample_bytes,
        lengths=lengths,
        n_records=found,
        record_s=float(source.data_record_duration),
        annotations=tuple(n for n, x in enumerate(labels) if x in ANNOTATIONS),
        interrupted=header[RESERVED].startswith((b"EDF+D", b"BDF+D")),
    )
    return records, _length_notes(path, int(header[DATA_RECORDS]), found, rest)


def _length_notes(path: Path, promised: int, found: int, rest: int) -> list[str]:
    if promised > found:
        raise RecordingError(
            f"{path}: {found} data records where its header says {promised}; "
            "copy it again"
        )
    notes = []
    if promised == -1:
        notes.append(f"its recorder never closed it; all {found} data records are used")
    elif promised < found:
        notes.append(
            f"its header says {promised} data records, it holds {found}; "
            "all of them are used"
        )
    if rest:
        notes.append(f"its last data record is cut short; {rest} bytes are left out")
    return notes


def start_of(source: "edfio.Edf", header: bytes, origin_s: float) -> datetime | None:
    """Return when the first record began, `origin_s` after the header's second.

    The local time is read as UTC; None where the date was removed.
    """
    if source.local_recording_identification.startswith("Startdate X"):
        return None
    hours, minutes, seconds = _numbers(header[START_TIME])
    clock = time(hours, minutes, seconds, tzinfo=UTC)
    return datetime.combine(_date(source, header), clock) + timedelta(seconds=origin_s)


def _date(source: "edfio.Edf", header: bytes) -> date:
    day, month, year = _numbers(header[START_DATE])
    legacy = date(year + (1900 if year >= EDF_EPOCH else 2000), month, day)
    if source.local_recording_identification.startswith("Startdate "):
        with suppress(ValueError):  # damaged: the other field has it too
            return source.recording.startdate  # with all digits of the year
    return legacy


def _numbers(field: bytes) -> list[int]:
    return [int(part) for part in re.split(rb"[.:]", field)]


def signals_of(path: Path, source: "edfio.Edf", header: bytes) -> Iterator[EdfSignal]:
    """Yield the ordinary signals; the second of equal labels is ``"LABEL #2"``.

    Raises
    ------
    RecordingError
        If one has no rate or no physical range.
    """
    taken: dict[str, int] = {}
    for number, signal in enumerate(_all_signals(source, header)):
        if signal is None:
            continue
        label = str(signal.label)
        taken[label] = taken.get(label, 0) + 1
        if taken[label] > 1:
            label = f"{label} #{taken[label]}"
        yield _signal(path, number, label, signal)


def _signal(
    path: Path, number: int, label: str, signal: "edfio.EdfSignal"
) -> EdfSignal:
    header = EdfSignal(
        number=number,
        label=label,
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
