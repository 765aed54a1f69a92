"""A headband's montage as the signals of an EDF+ or BDF+ file, and back. Pure.

The counts of the headband's converter are stored as they are. What a count means is
said twice: by the physical range, to eight characters, for every reader, and exactly
in the words of the transducer's field, for ours.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.annotations import room
from gateway.edf.fields import SECOND_US, eight
from gateway.edf.header import ANNOTATIONS, CALIBRATION, SignalHeader

INT16 = range(-(2**15), 2**15)
INT24 = range(-(2**23), 2**23)
LONGEST_S = 10  # of a data record: what a crash may take
LABEL_BYTES = 16
WORDS = {
    Modality.EEG: "EEG",
    Modality.EOG: "EOG",
    Modality.EMG: "EMG",
    Modality.ECG: "ECG",
    Modality.REFERENCE: "REF",
    Modality.AUX: "AUX",
}
MODALITIES = {word: modality for modality, word in WORDS.items()}
DIMENSIONS = (("uV", 1.0), ("nV", 1e3), ("mV", 1e-3), ("V", 1e-6))


@dataclass(frozen=True, slots=True, eq=False)
class RecordLayout:
    """Layout of a montage in data records.

    Attributes
    ----------
    montage : Montage
    record_us : int
        Duration of a data record, microseconds, at the nominal rates.
    n_samples : tuple of int
        Of each stream, in a data record.
    wide : bool
        Samples have 24 bits.
    """

    montage: Montage
    record_us: int
    n_samples: tuple[int, ...]
    wide: bool

    @property
    def annotation_bytes(self) -> int:
        """Room for annotations in a data record."""
        streams = self.montage.streams
        return room(sum(len(s.channels) for s in streams), len(streams))

    def signals(self) -> tuple[SignalHeader, ...]:
        """Return the signals of the file, that of the annotations last."""
        container = INT24 if self.wide else INT16
        ordinary = [
            _signal(at, channel, stream, self.n_samples[at])
            for at, stream in enumerate(self.montage.streams)
            for channel in stream.channels
        ]
        annotations = SignalHeader(
            label=ANNOTATIONS[self.wide],
            digital_min=container[0],
            digital_max=container[-1],
            n_samples=self.annotation_bytes // (3 if self.wide else 2),
        )
        return (*ordinary, annotations)

    def labels(self, stream: int) -> tuple[str, ...]:
        """Return the labels of a stream's signals in the file."""
        return tuple(map(label, self.montage.streams[stream].channels))

    def time_us(self, stream: int, sample: int) -> int:
        """Return when `sample` of a stream is, on the file's own clock."""
        n = self.n_samples[stream]
        records, rest = divmod(sample, n)
        return records * self.record_us + round(Fraction(rest * self.record_us, n))


def lay_out(montage: Montage) -> RecordLayout:
    """Decide the duration of data records, and how many bits a sample has.

    One second where all rates are whole numbers; else the shortest whole number of
    seconds up to ten that holds whole numbers of samples; else, of a single stream, as
    many samples as come nearest to a second.

    Raises
    ------
    ValueError
        If the rates of several streams do not fit a record, or only one of two is
        rough: such streams part company in the course of a night.
    """
    streams = montage.streams
    if len({stream.rough_rate for stream in streams}) > 1:
        raise ValueError("streams with rough and with true rates do not fit one file")
    ranges = [(c.digital_min, c.digital_max) for s in streams for c in s.channels]
    wide = any(low not in INT16 or high not in INT16 for low, high in ranges)
    if any(low not in INT24 or high not in INT24 for low, high in ranges):
        raise ValueError("counts of more than 24 bits fit neither EDF+ nor BDF+")
    rates = [Fraction(str(stream.sfreq)) for stream in streams]
    for seconds in range(1, LONGEST_S + 1):
        if all((rate * seconds).denominator == 1 for rate in rates):
            n_samples = tuple(int(rate * seconds) for rate in rates)
            return RecordLayout(montage, seconds * SECOND_US, n_samples, wide)
    if len(rates) > 1:
        listed = ", ".join(f"{stream.sfreq:g}" for stream in streams)
        raise ValueError(f"rates of {listed} Hz have no common record of whole samples")
    n = max(round(rates[0]), 1)
    return RecordLayout(montage, round(n / rates[0] * SECOND_US), (n,), wide)


def label(channel: Channel) -> str:
    """Return a channel's label in the file: its kind, then its site."""
    text = f"{WORDS[channel.modality]} {channel.label}"
    return "".join(c if " " <= c <= "~" else "_" for c in text)[:LABEL_BYTES]


def montage_of(signals: Iterable[SignalHeader], record_us: int) -> Montage:
    """Return the montage that `RecordLayout.signals` described, exactly.

    Raises
    ------
    ValueError
        If a signal is not calibrated in our words.
    """
    streams: dict[str, tuple[float, bool, list[Channel]]] = {}
    for signal in signals:
        if signal.label in ANNOTATIONS.values():
            continue
        found = CALIBRATION.fullmatch(signal.transducer)
        word, _, site = signal.label.partition(" ")
        if found is None or word not in MODALITIES:
            raise ValueError(f"{signal.label!r} was not recorded by sleepgate")
        channel = Channel(
            site,
            MODALITIES[word],
            float(found["lsb"]),
            int(found["zero"]),
            signal.digital_min,
            signal.digital_max,
        )
        sfreq, rough = _rate(signal.n_samples, record_us), found["rough"] is not None
        streams.setdefault(found["stream"], (sfreq, rough, []))[2].append(channel)
    return Montage(
        tuple(
            Stream(sfreq, tuple(channels), rough_rate=rough)
            for sfreq, rough, channels in streams.values()
        )
    )


def _rate(n_samples: int, record_us: int) -> float:
    """Return the nominal rate in Hz, which is a whole number of millihertz."""
    return round(n_samples * SECOND_US / record_us, 3)


def _signal(at: int, channel: Channel, stream: Stream, n_samples: int) -> SignalHeader:
    low, high = channel.digital_min, channel.digital_max
    edges_uv = [(count - channel.zero) * channel.lsb_uv for count in (low, high)]
    dimension, scale = _dimension(max(map(abs, edges_uv)))
    calibration = (
        f"electrode; stream {at}; {channel.lsb_uv!r} uV/count; zero {channel.zero}"
        + ("; rough rate" if stream.rough_rate else "")
    )
    return SignalHeader(
        label=label(channel),
        transducer=calibration,
        dimension=dimension,
        physical_min=eight(edges_uv[0] * scale),
        physical_max=eight(edges_uv[1] * scale),
        digital_min=low,
        digital_max=high,
        n_samples=n_samples,
    )


def _dimension(peak_uv: float) -> tuple[str, float]:
    """Return the unit that shows `peak_uv` best in eight characters, and its scale."""
    for name, scale in DIMENSIONS:
        if 1 <= peak_uv * scale < 1e6:  # noqa: PLR2004 (eight characters, with a sign)
            return name, scale
    return ("V", 1e-6) if peak_uv >= 1 else ("nV", 1e3)
