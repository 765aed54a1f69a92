"""Headers of EDF, EDF+, BDF and BDF+ files. Pure.

`split_header` takes any header apart into its texts; `parse_header` reads what
`Header.encode` wrote, strictly.

Kemp et al. 1992, Electroenceph. clin. Neurophysiol. 82:391 (EDF), Kemp & Olivan 2003,
Clin. Neurophysiol. 114:1755 (EDF+), https://www.edfplus.info/specs; BDF+ is the same
with samples of 24 bits, as EDFbrowser describes it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate

from gateway.edf.fields import (
    NO_DATE,
    SECOND_US,
    date_of,
    number_of,
    seconds_text,
    text_of,
    time_of,
    whole_of,
)

FIXED_BYTES = SIGNAL_BYTES = 256
LONGEST_HEADER = 256 * 1025
MOST_SIGNALS = 9999  # in four characters
LONGEST_US = 10**14
LONGEST_HEADER = 256 * 1025  # bytes
COUNT_AT, COUNT_BYTES = 236, 8  # number of data records

# width and name, in the order of the file
FIXED = (
    (8, "version"),
    (80, "patient"),
    (80, "recording"),
    (8, "start_date"),
    (8, "start_time"),
    (8, "header_bytes"),
    (44, "reserved"),
    (8, "n_records"),
    (8, "record_s"),
    (4, "n_signals"),
)
PER_SIGNAL = (
    (16, "label"),
    (80, "transducer"),
    (8, "dimension"),
    (8, "physical_min"),
    (8, "physical_max"),
    (8, "digital_min"),
    (8, "digital_max"),
    (80, "prefiltering"),
    (8, "n_samples"),
    (32, "reserved"),
)
VERSION = {False: b"0".ljust(8), True: b"\xffBIOSEMI"}
KIND = {False: "EDF+C", True: "BDF+C"}
# the transducer of a channel that Sleepgate recorded: its calibration, exactly
CALIBRATION = re.compile(
    r"electrode; stream (?P<stream>\d+); (?P<lsb>\S+) uV/count; zero (?P<zero>-?\d+)"
    r"(?P<rough>; rough rate)?"
)
ANNOTATIONS = {False: "EDF Annotations", True: "BDF Annotations"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHeader:
    """One signal of a file; fields are those of the header.

    `physical_min` and `physical_max` are the text of the header, so that what is read
    is what was written.
    """

    label: str
    transducer: str = ""
    dimension: str = ""
    physical_min: str = "-1"
    physical_max: str = "1"
    digital_min: int
    digital_max: int
    prefiltering: str = ""
    n_samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Everything before the data records, but for their number.

    Attributes
    ----------
    patient, recording : str
        The subfields of EDF+, 3.3.1 and 3.3.2 of its specification.
    start : datetime
        Local time at the sleeper's bed, whole seconds, naive as in the file.
    record_us : int
        Duration of a data record, microseconds.
    signals : tuple of SignalHeader
        The last one holds the annotations.
    wide : bool
        Samples have 24 bits: the file is a BDF+.
    """

    patient: str
    recording: str
    start: datetime
    record_us: int
    signals: tuple[SignalHeader, ...]
    wide: bool = False

    @property
    def n_bytes(self) -> int:
        """Length of the header."""
        return FIXED_BYTES + SIGNAL_BYTES * len(self.signals)

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return 3 if self.wide else 2

    @property
    def annotation_signals(self) -> tuple[int, ...]:
        """Which signals hold annotations; the first keeps the time of records."""
        return tuple(
            n for n, s in enumerate(self.signals) if s.label in ANNOTATIONS.values()
        )

    @property
    def is_ours(self) -> bool:
        """Whether Sleepgate recorded it: the words of our calibration say so."""
        ordinary = [s for s in self.signals if s.label not in ANNOTATIONS.values()]
        return bool(ordinary) and all(
            CALIBRATION.fullmatch(s.transducer) for s in ordinary
        )

    def columns(self) -> tuple[slice, ...]:
        """Return where the bytes of each signal lie in a data record."""
        ends = [
            self.sample_bytes * n for n in accumulate(s.n_samples for s in self.signals)
        ]
        return tuple(map(slice, [0, *ends], ends))

    @property
    def record_bytes(self) -> int:
        """Length of a data record."""
        return self.sample_bytes * sum(signal.n_samples for signal in self.signals)

    def encode(self, n_records: int) -> bytes:
        """Return the bytes of the header.

        Raises
        ------
        ValueError
            If a text does not fit its field or is not printable ASCII.
        """
        values = {
            "patient": self.patient,
            "recording": self.recording,
            "start_date": f"{self.start:%d.%m.%y}",
            "start_time": f"{self.start:%H.%M.%S}",
            "header_bytes": str(self.n_bytes),
            "reserved": KIND[self.wide],
            "n_records": str(n_records),
            "record_s": seconds_text(self.record_us),
            "n_signals": str(len(self.signals)),
        }
        head = b"".join(_field(values[name], n, name) for n, name in FIXED[1:])
        rows = b"".join(
            _field(str(getattr(signal, name, "")), n, name)
            for n, name in PER_SIGNAL
            for signal in self.signals
        )
        return VERSION[self.wide] + head + rows


@dataclass(frozen=True, slots=True)
class HeaderTexts:
    """The texts of a header, as they are.

    Attributes
    ----------
    wide : bool
        Samples have 24 bits (BDF).
    fixed : mapping of str to str
        By the names of `FIXED`.
    signals : tuple of mapping of str to str
        Of every signal, by the names of `PER_SIGNAL`.
    """

    wide: bool
    fixed: Mapping[str, str]
    signals: tuple[Mapping[str, str], ...]

    @property
    def n_bytes(self) -> int:
        """Length of the header."""
        return FIXED_BYTES + SIGNAL_BYTES * len(self.signals)

    @property
    def interrupted(self) -> bool:
        """Whether there may be pauses between data records (EDF+D)."""
        return self.fixed["reserved"].startswith(("EDF+D", "BDF+D"))


def is_edf(content: bytes) -> bool:
    """Return whether a file that begins so is EDF or BDF."""
    is_16_bit = content[:1] == b"0" and not content[1:8].strip(b" \0")
    return is_16_bit or content[:8] == VERSION[True]


def header_bytes(fixed: bytes) -> int:
    """Return the length of a header from its first 256 bytes.

    Raises
    ------
    ValueError
        If it is no EDF or BDF file, or the length contradicts the number of signals.
    """
    if not is_edf(fixed):
        raise ValueError("not an EDF file, nor BDF")
    if len(fixed) < FIXED_BYTES:
        raise ValueError("cut short within its header")
    n_signals, said = whole_of(text_of(fixed[252:256])), text_of(fixed[184:192])
    if n_signals is None or not 1 <= n_signals <= MOST_SIGNALS:
        raise ValueError(f"its header says {text_of(fixed[252:256])!r} signals")
    n_bytes = FIXED_BYTES + SIGNAL_BYTES * n_signals
    if said and whole_of(said) != n_bytes:
        raise ValueError(
            f"its header gives a wrong length of itself: {said!r}, but {n_signals} "
            f"signals take {n_bytes} bytes"
        )
    return n_bytes


def split_header(content: bytes) -> HeaderTexts:
    """Take a header apart.

    Parameters
    ----------
    content : bytes
        The beginning of a file, at least the whole header.

    Raises
    ------
    ValueError
        As `header_bytes`, and if the file ends within its header.
    """
    n_bytes = header_bytes(content[:FIXED_BYTES])
    if len(content) < n_bytes:
        raise ValueError("cut short within its header")
    n_signals = n_bytes // SIGNAL_BYTES - 1
    fixed, at = {}, 0
    for n, name in FIXED:
        fixed[name] = text_of(content[at : at + n])
        at += n
    columns: dict[str, list[str]] = {}
    for n, name in PER_SIGNAL:
        edges = range(at, at + n * n_signals, n)
        columns[name] = [text_of(content[edge : edge + n]) for edge in edges]
        at += n * n_signals
    rows = zip(*columns.values(), strict=True)
    return HeaderTexts(
        wide=content[:1] != b"0",
        fixed=fixed,
        signals=tuple(dict(zip(columns, row, strict=True)) for row in rows),
    )


def parse_header(content: bytes) -> tuple[Header, int]:
    """Read a header that `Header.encode` wrote, and how many records it promises.

    Parameters
    ----------
    content : bytes
        The beginning of a file, at least the whole header.

    Raises
    ------
    ValueError
        If it is no header of an EDF+C or BDF+C file.
    """
    texts = split_header(content)
    fields = texts.fixed
    if fields["reserved"] != KIND[texts.wide]:
        what = fields["reserved"] or "plain EDF"
        raise ValueError(f"{what!r}, not {KIND[texts.wide]}")
    header = Header(
        patient=fields["patient"],
        recording=fields["recording"],
        start=_start(fields["start_date"], fields["start_time"]),
        record_us=_microseconds(fields["record_s"]),
        signals=tuple(map(_signal, texts.signals)),
        wide=texts.wide,
    )
    if any(signal.n_samples < 1 for signal in header.signals):
        raise ValueError("a signal without samples")
    return header, _whole(fields["n_records"], "number of data records")


def _field(text: str, n_bytes: int, name: str) -> bytes:
    raw = text.encode("ascii", errors="strict")
    if len(raw) > n_bytes or not text.isprintable():
        raise ValueError(f"{name}: {text!r} is not {n_bytes} printable characters")
    return raw.ljust(n_bytes)


def _microseconds(seconds: str) -> int:
    value = (number_of(seconds) or 0.0) * SECOND_US
    if not 1 <= value < LONGEST_US:
        raise ValueError(f"data records of {seconds} s")
    return round(value)


def _start(date: str, time: str) -> datetime:
    day, clock = date_of(date, ""), time_of(time)
    if clock is None:
        raise ValueError(f"start time {time!r}")
    return datetime.combine(day or NO_DATE, clock)


def _signal(texts: Mapping[str, str]) -> SignalHeader:
    where = f"signal {texts['label']!r}: its"
    return SignalHeader(
        label=texts["label"],
        transducer=texts["transducer"],
        dimension=texts["dimension"],
        physical_min=texts["physical_min"],
        physical_max=texts["physical_max"],
        digital_min=_whole(texts["digital_min"], f"{where} digital minimum"),
        digital_max=_whole(texts["digital_max"], f"{where} digital maximum"),
        prefiltering=texts["prefiltering"],
        n_samples=_whole(texts["n_samples"], f"{where} number of samples"),
    )


def _whole(text: str, what: str) -> int:
    value = whole_of(text)
    if value is None:
        raise ValueError(f"{what} is {text!r}")
    return value
