"""EDF, EDF+, BDF and BDF+ files of any program: header, annotations, data records.

Each data record stands where its time-keeping annotation says, and only what is asked
for is read. What is odd about a file and can be read all the same is said in `notes`;
a signal that cannot be used says why in `flaw`, and spoils none of the others.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import NamedTuple

from gateway.edf.fields import (
    NO_DATE,
    SECOND_US,
    date_of,
    number_of,
    time_of,
    whole_of,
)
from gateway.edf.header import (
    ANNOTATIONS,
    FIXED_BYTES,
    HeaderTexts,
    is_edf,
    split_header,
)
from gateway.edf.header import header_bytes as length_of_header
from gateway.edf.record_reader import RecordReader, RecordRun, runs_of
from gateway.edf.samples import Counts
from gateway.edf.tal import Annotation
from gateway.errors import RecordingError

MAX_SFREQ_HZ = 20_000.0


class EdfAnnotation(NamedTuple):
    """Something that happened, seconds after the file's first record began.

    `duration_s` is None where the file says none.
    """

    onset_s: float
    duration_s: float | None
    text: str


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EdfSignal:
    """The header of one signal.

    Attributes
    ----------
    number : int
        Its place among all signals of the file.
    label : str
        The second of equal labels is ``"LABEL #2"``.
    dimension : str
        As in the file, Latin-1.
    physical_min, physical_max : float
        NaN where the file says none.
    digital_min, digital_max : int
        0 where the file says none.
    sfreq : float
        In Hz; 0 without samples.
    flaw : str
        Why its samples have no meaning; empty where they have one.
    """

    number: int
    label: str
    dimension: str
    physical_min: float
    physical_max: float
    digital_min: int
    digital_max: int
    sfreq: float
    flaw: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class EdfFile:
    """An EDF, EDF+ or BDF file whose layout can be trusted.

    Attributes
    ----------
    path : Path
    start_utc : datetime or None
        The file's local time read as UTC; None where the date was removed.
    time_of_day : time or None
        When the first record began, also where the date was removed.
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
    is_short : bool
        It holds fewer data records than its header promises.
    """

    path: Path
    start_utc: datetime | None
    time_of_day: time | None
    signals: tuple[EdfSignal, ...]
    annotations: tuple[EdfAnnotation, ...]
    header: bytes
    records: RecordReader
    runs: tuple[RecordRun, ...]
    notes: tuple[str, ...]
    is_short: bool

    def digital(self, signal: EdfSignal) -> Counts:
        """Return all counts of `signal`, shape (n_samples,), records end to end."""
        with self.reading():
            return self.records.all_samples(signal.number)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Raise `RecordingError` for what reading may raise."""
        with _translated(self.path):
            yield


def read_edf(path: Path) -> EdfFile:
    """Read the header and the annotations of `path`.

    Raises
    ------
    RecordingError
        If it is no EDF file, its layout cannot be known, or its records go back in
        time.
    """
    with _translated(path):
        header = _header(path)
        texts = split_header(header)
        records, notes = _records(path, texts)
        annotated = records.annotated()
        runs, odd = runs_of(path, records, annotated)
    origin_us = round(runs[0].onset_s * SECOND_US) if runs else 0
    start_utc, time_of_day = _start(texts, origin_us)
    if start_utc is None:
        odd = [*odd, "no date: times count from the start"]
    return EdfFile(
        path=path,
        start_utc=start_utc,
        time_of_day=time_of_day,
        signals=tuple(_signals(texts, records.record_s)),
        annotations=_annotations(annotated, origin_us),
        header=header,
        records=records,
        runs=tuple(r._replace(onset_s=r.onset_s - origin_us / SECOND_US) for r in runs),
        notes=(*notes, *odd),
        is_short=records.n_records < (whole_of(texts.fixed["n_records"]) or 0),
    )


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise RecordingError(
            f"{path}: broken EDF file ({error}); copy or export it again"
        ) from error


def _header(path: Path) -> bytes:
    with path.open("rb") as file:
        fixed = file.read(FIXED_BYTES)
        if not is_edf(fixed):
            raise RecordingError(f"{path}: not an EDF file, nor BDF")
        return fixed + file.read(length_of_header(fixed) - FIXED_BYTES)


def _records(path: Path, texts: HeaderTexts) -> tuple[RecordReader, list[str]]:
    """Return where the samples are, and notes for people.

    Raises
    ------
    ValueError
        If the header does not say how long records are, in samples or in seconds.
    RecordingError
        If there is not one whole record.
    """
    lengths = tuple(_length(signal) for signal in texts.signals)
    if not sum(lengths):
        raise ValueError("data records without samples")
    labels = [signal["label"] for signal in texts.signals]
    annotations = tuple(n for n, x in enumerate(labels) if x in ANNOTATIONS.values())
    record_s = number_of(texts.fixed["record_s"])
    is_timeless = all(n in annotations or not x for n, x in enumerate(lengths))
    if record_s is None or not (record_s > 0 or (is_timeless and record_s == 0)):
        raise ValueError(f"data records of {texts.fixed['record_s']!r} s")
    sample_bytes = 3 if texts.wide else 2
    data_bytes = path.stat().st_size - texts.n_bytes
    found, rest = divmod(data_bytes, sum(lengths) * sample_bytes)
    records = RecordReader(
        path=path,
        header_bytes=texts.n_bytes,
        sample_bytes=sample_bytes,
        lengths=lengths,
        n_records=found,
        record_s=record_s,
        annotations=annotations,
        interrupted=texts.interrupted,
    )
    return records, _length_notes(path, texts.fixed["n_records"], found, rest)


def _length(signal: Mapping[str, str]) -> int:
    length = whole_of(signal["n_samples"])
    if length is None or length < 0:
        raise ValueError(
            f"channel {signal['label']!r}: {signal['n_samples']!r} samples in a data "
            "record"
        )
    return length


def _length_notes(path: Path, promised: str, found: int, rest: int) -> list[str]:
    n_promised = whole_of(promised)
    if not found and n_promised != 0:
        raise RecordingError(
            f"{path}: 0 whole data records where its header says {promised}; "
            "copy it again"
        )
    notes = []
    if n_promised == -1:
        notes.append(f"its recorder never closed it; all {found} data records are used")
    elif n_promised != found:
        notes.append(
            f"its header says {promised or 'no number of'} data records, it holds "
            f"{found}; all of them are used"
        )
    if rest:
        notes.append(f"its last data record is cut short; {rest} bytes are left out")
    return notes


def _start(texts: HeaderTexts, origin_us: int) -> tuple[datetime | None, time | None]:
    """Return when the first record began, `origin_us` after the header's second."""
    day = date_of(texts.fixed["start_date"], texts.fixed["recording"])
    clock = time_of(texts.fixed["start_time"])
    if clock is None:
        return None, None
    began = datetime.combine(day or NO_DATE, clock, tzinfo=UTC)
    began += timedelta(microseconds=origin_us)
    return (None if day is None else began), began.time()


def _signals(texts: HeaderTexts, record_s: float) -> Iterator[EdfSignal]:
    """Yield the ordinary signals."""
    taken: dict[str, int] = {}
    for number, signal in enumerate(texts.signals):
        label = signal["label"]
        if label in ANNOTATIONS.values():
            continue
        taken[label] = taken.get(label, 0) + 1
        if taken[label] > 1:
            label = f"{label} #{taken[label]}"
        yield _signal(number, label, signal, record_s)


def _signal(
    number: int, label: str, texts: Mapping[str, str], record_s: float
) -> EdfSignal:
    sfreq = _length(texts) / record_s if record_s else 0.0
    physical = [number_of(texts[f"physical_{end}"]) for end in ("min", "max")]
    digital = [whole_of(texts[f"digital_{end}"]) for end in ("min", "max")]
    low, high = (float("nan") if value is None else value for value in physical)
    lowest, highest = (value or 0 for value in digital)
    flaw = ""
    if not sfreq:
        flaw = "it has no samples"
    elif sfreq > MAX_SFREQ_HZ:
        flaw = f"it has {sfreq:g} samples a second"
    elif None in physical or low == high:
        ends = f"{texts['physical_min']!r} to {texts['physical_max']!r}"
        flaw = f"its physical range is {ends}"
    elif None in digital or lowest >= highest:
        ends = f"{texts['digital_min']!r} to {texts['digital_max']!r}"
        flaw = f"its digital range is {ends}"
    return EdfSignal(
        number=number,
        label=label,
        dimension=texts["dimension"],
        physical_min=low,
        physical_max=high,
        digital_min=lowest,
        digital_max=highest,
        sfreq=sfreq,
        flaw=flaw,
    )


def _annotations(
    annotated: list[list[Annotation]], origin_us: int
) -> tuple[EdfAnnotation, ...]:
    found = [
        EdfAnnotation(
            (annotation.onset_us - origin_us) / SECOND_US,
            None
            if annotation.duration_us is None
            else annotation.duration_us / SECOND_US,
            text,
        )
        for record in annotated
        for annotation in record
        for text in annotation.texts
        if text
    ]
    return tuple(sorted(found, key=lambda annotation: annotation.onset_s))
