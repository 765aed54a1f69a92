"""Headers of EDF+ and BDF+ files. Pure.

Kemp et al. 1992, Electroenceph. clin. Neurophysiol. 82:391 (EDF), Kemp & Olivan 2003,
Clin. Neurophysiol. 114:1755 (EDF+), https://www.edfplus.info/specs; BDF+ is the same
with samples of 24 bits, as EDFbrowser describes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.edf.fields import CLIP_YEARS, SECOND_US, seconds_text

FIXED_BYTES = SIGNAL_BYTES = 256
LONGEST_US = 10**14
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
    versions = {version: wide for wide, version in VERSION.items()}
    if content[:8] not in versions:
        raise ValueError("not an EDF or BDF file")
    wide, fields = versions[content[:8]], {}
    at = 8
    for n, name in FIXED[1:]:
        fields[name] = content[at : at + n].decode("ascii").rstrip()
        at += n
    if fields["reserved"] != KIND[wide]:
        raise ValueError(f"{fields['reserved'] or 'plain EDF'!r}, not {KIND[wide]}")
    n_signals = int(fields["n_signals"])
    if len(content) < FIXED_BYTES + SIGNAL_BYTES * n_signals or n_signals < 1:
        raise ValueError(f"{n_signals} signals in a header of {len(content)} bytes")
    header = Header(
        patient=fields["patient"],
        recording=fields["recording"],
        start=_start(fields["start_date"], fields["start_time"]),
        record_us=_microseconds(fields["record_s"]),
        signals=tuple(_signals(content[at:], n_signals)),
        wide=wide,
    )
    if any(signal.n_samples < 1 for signal in header.signals):
        raise ValueError("a signal without samples")
    return header, int(fields["n_records"])


def _field(text: str, n_bytes: int, name: str) -> bytes:
    raw = text.encode("ascii", errors="strict")
    if len(raw) > n_bytes or not text.isprintable():
        raise ValueError(f"{name}: {text!r} is not {n_bytes} printable characters")
    return raw.ljust(n_bytes)


def _microseconds(seconds: str) -> int:
    value = float(seconds) * SECOND_US
    if not 1 <= value < LONGEST_US:
        raise ValueError(f"data records of {seconds} s")
    return round(value)


def _start(date: str, time: str) -> datetime:
    day, month, year = map(int, date.split("."))
    hour, minute, second = map(int, time.split("."))
    century = 1900 if year >= CLIP_YEARS[0] % 100 else 2000
    return datetime(century + year, month, day) + timedelta(  # noqa: DTZ001 (local)
        hours=hour, minutes=minute, seconds=second
    )


def _signals(rows: bytes, n_signals: int) -> Iterator[SignalHeader]:
    columns: dict[str, list[str]] = {}
    at = 0
    for n, name in PER_SIGNAL:
        columns[name] = [
            rows[at + n * i : at + n * (i + 1)].decode("ascii").rstrip()
            for i in range(n_signals)
        ]
        at += n * n_signals
    for i in range(n_signals):
        yield SignalHeader(
            label=columns["label"][i],
            transducer=columns["transducer"][i],
            dimension=columns["dimension"][i],
            physical_min=columns["physical_min"][i],
            physical_max=columns["physical_max"][i],
            digital_min=int(columns["digital_min"][i]),
            digital_max=int(columns["digital_max"][i]),
            prefiltering=columns["prefiltering"][i],
            n_samples=int(columns["n_samples"][i]),
        )
