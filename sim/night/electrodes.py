"""A recording laid on a headband's electrodes, through its converter. Pure."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import ceil
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage, Stream
from gateway.errors import ConfigError, RecordingError
from gateway.preprocessing.derivation import resolve
from gateway.recordings.recording import Counts, Recording
from sim.night.resampling import Signals, resampled

MILLIHERTZ = 1000
FRONTAL, PARIETAL = "EEG Fpz-Cz", "EEG Pz-Oz"
EYES, CHIN = "EOG horizontal", "EMG submental"

Sites = Mapping[str, Mapping[str, float]]
NOTHING: Mapping[str, float] = MappingProxyType({})

# What each electrode carries, as weights of the recording's signals; one that is not
# here carries nothing. On a Muse that is the inverse of what its drivers derive:
# AF7 - AF8 is the EOG again, forehead against ears Fpz-Cz; each carries half of it, as
# an ear without any signal would be one that has come off.
SITES: Sites = MappingProxyType(
    {
        "AF7": {FRONTAL: 0.5, EYES: 0.5},
        "AF8": {FRONTAL: 0.5, EYES: -0.5},
        "TP9": {FRONTAL: -0.5},
        "TP10": {FRONTAL: -0.5},
        "AUX": {CHIN: 1.0},
        "CH1": {FRONTAL: 1.0},
        "CH2": {PARIETAL: 1.0},
        "CH3": {EYES: 1.0},
        "CH4": {CHIN: 1.0},
    }
)


class _Source(NamedTuple):
    """Signals of one stream of a recording, in microvolts."""

    labels: tuple[str, ...]
    uv: NDArray[np.float32]
    sfreq: Fraction


def electrodes(
    recording: Recording,
    montage: Montage,
    sfreq_hz: float | None = None,
    sites: Sites = SITES,
) -> Counts:
    """Return what the first stream of `montage` would have recorded.

    Parameters
    ----------
    recording : Recording
        Its signals are found as the model's inputs are found among a headband's
        channels: the EEG by name, EOG and EMG also as the only one. An electrode
        whose signals it does not have carries nothing.
    montage : Montage
        Of the device; samples are clipped to its rails.
    sfreq_hz : float or None
        True rate of this unit; None: that of `montage`.
    sites : mapping of str to mapping of str to float
        By channel label: the weights of signals, by the model's name for them.

    Returns
    -------
    counts : ndarray of int16, or of int32 where the rails need it
        Shape (n_channels, n_samples), as long as the recording; sample `i` was taken
        at ``i / sfreq_hz``.

    Raises
    ------
    RecordingError
        If it has none of the signals that these electrodes could carry.
    ConfigError
        If `sfreq_hz` is not a whole number of millihertz.
    """
    stream = montage.streams[0]
    rate = _millihertz(stream.sfreq if sfreq_hz is None else sfreq_hz)
    carried = [sites.get(channel.label, NOTHING) for channel in stream.channels]
    sources = _found(recording, tuple(dict.fromkeys(s for c in carried for s in c)))
    labels = [label for source in sources for label in source.labels]
    weights = np.array([[c.get(label, 0.0) for label in labels] for c in carried])
    n_samples = min(ceil(s.uv.shape[1] * rate / s.sfreq) for s in sources)
    counts = _blank(stream, n_samples)
    at = 0
    for piece in _together([resampled(s.uv, rate / s.sfreq) for s in sources]):
        there = counts[:, at : at + piece.shape[1]]
        there[:] = _converted(stream, weights @ piece)[:, : there.shape[1]]
        at += piece.shape[1]
    return counts


def _millihertz(sfreq_hz: float) -> Fraction:
    rate = Fraction(round(sfreq_hz * MILLIHERTZ), MILLIHERTZ)
    if rate <= 0 or abs(float(rate) - sfreq_hz) > 1e-9 * sfreq_hz:
        raise ConfigError([f"sfreq_hz {sfreq_hz}: give whole millihertz, like 256.26"])
    return rate


def _found(recording: Recording, wanted: tuple[str, ...]) -> list[_Source]:
    montager = resolve(wanted, {}, recording.montage)
    sources = []
    found = {
        label: placed[0]
        for label, placed in zip(wanted, montager.alternatives, strict=True)
        if placed
    }
    for number, stream in enumerate(recording.montage.streams):
        here = {x: placed for x, placed in found.items() if placed.stream == number}
        if here:
            uv = stream.to_microvolts(recording.counts[number].astype(np.int32))
            rows = np.stack([placed.weights for placed in here.values()])
            rate = Fraction(stream.sfreq).limit_denominator(MILLIHERTZ)
            sources.append(_Source(tuple(here), rows @ uv, rate))
    if not sources:
        has = [c.label for s in recording.montage.streams for c in s.channels]
        raise RecordingError(
            f"{recording.name}: none of {', '.join(wanted)} among its channels "
            f"{', '.join(has)}; name them, e.g. --channel '{wanted[0]}={has[0]}'"
        )
    return sources


def _together(parts: list[Iterator[Signals]]) -> Iterator[Signals]:
    """Stack pieces of all `parts`, cut alike, as long as all of them last."""
    held = [next(part, None) for part in parts]
    while all(piece is not None for piece in held):
        pieces = [piece for piece in held if piece is not None]
        n = min(piece.shape[1] for piece in pieces)
        yield np.concatenate([piece[:, :n] for piece in pieces])
        held = [
            piece[:, n:] if piece.shape[1] > n else next(part, None)
            for piece, part in zip(pieces, parts, strict=True)
        ]


def _converted(stream: Stream, uv: Signals) -> Signals:
    """Return counts, within the rails."""
    for row, channel in zip(uv, stream.channels, strict=True):
        np.rint(row / channel.lsb_uv + channel.zero, out=row)
        np.clip(row, channel.digital_min, channel.digital_max, out=row)
    return uv


def _blank(stream: Stream, n_samples: int) -> Counts:
    rails = [rail for c in stream.channels for rail in (c.digital_min, c.digital_max)]
    shape, small = (len(stream.channels), n_samples), np.iinfo(np.int16)
    if small.min <= min(rails) and max(rails) <= small.max:
        return np.empty(shape, np.int16)
    return np.empty(shape, np.int32)
