"""Electrode contact, from a few seconds of the electrode's own signal. Pure.

The limits are conservative: a good electrode may be called fair, a bad one is not
called good. They come from recordings of a Muse S Athena: off the head about 40 % of
an electrode's samples lie at the converter's rails, because it picks up mains beyond
the range; on the head, ears with poor contact show 27 to 540 uV of mains, a forehead
that sits well 10 to 30 uV of everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Modality, Stream
from gateway.epoch_length import EPOCH_S
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.signal_quality import FLAT_UV, WILD_UV, railed_fraction

RAILED_OFF = 0.2  # half of what an electrode in the air shows
RAILED_FAIR = 0.01
MAINS_FAIR_UV = 25.0  # just below the least seen at ears with poor contact
LOUD_FAIR_UV = 100.0  # blinks and eye movements included, a scalp shows less
LOWEST_HZ = 0.5  # below lies the drift of the electrode's own potential
MAINS_WIDTH_HZ = 1.0  # to each side: of the mains, and of a rough sampling rate
SHORTEST_S = 1.0  # of signal, for a verdict
SLOWEST_HZ = 20.0  # an envelope, sampled slower, says nothing about its electrode
MAINS_HZ = 50.0  # where no other is configured
N_WINDOWS = 3  # of an epoch, for `is_off_head`
MOST_WINDOWS = 0.5  # of the windows in which anything arrived


@dataclass(frozen=True, slots=True)
class Contact:
    """Contact of one electrode, or of a derivation of several.

    Attributes
    ----------
    state : ContactState
        OFF as well where too little arrived to decide.
    rms_uv : float
        Root mean square above 0.5 Hz, microvolts, mains included.
    mains_ratio : float
        Share of that power within 1 Hz of the mains or of its harmonics, 0 to 1.
    railed : float
        Fraction of samples at the converter's rails.
    """

    state: ContactState
    rms_uv: float
    mains_ratio: float
    railed: float

    @property
    def mains_uv(self) -> float:
        """Root mean square of the mains, microvolts."""
        return self.rms_uv * float(np.sqrt(self.mains_ratio))

    @property
    def quality(self) -> float:
        """From 1 down to 0, which is OFF; 0.5 is where GOOD ends.

        Of what comes nearest to its limit or exceeds it most: mains, loudness, rails.
        """
        if self.state is ContactState.OFF:
            return 0.0
        worst = max(
            self.mains_uv / MAINS_FAIR_UV,
            self.rms_uv / LOUD_FAIR_UV,
            self.railed / RAILED_FAIR,
        )
        return 1 / (1 + worst**2)


def judge_contact(
    uv: NDArray[np.float32],
    present: NDArray[np.bool_],
    *,
    railed: float,
    sfreq: float,
    mains_hz: float,
) -> Contact | None:
    """Judge the last seconds of one electrode or derivation.

    Returns None where the sampling is too slow to decide.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_samples,)
        Unfiltered, microvolts.
    present : ndarray of bool, shape (n_samples,)
        False where a sample was lost.
    railed : float
        Fraction of samples at the rails, from `railed_fraction`.
    sfreq : float
        Sampling frequency, Hz.
    mains_hz : float
    """
    if sfreq < SLOWEST_HZ:
        return None
    if np.count_nonzero(present) < SHORTEST_S * sfreq:
        return Contact(ContactState.OFF, 0.0, 0.0, railed)
    rms_uv, mains_ratio = _loudness(uv, present, sfreq, mains_hz)
    spread_uv = float(np.subtract(*np.percentile(uv[present], [90, 10])))
    mains_uv = rms_uv * np.sqrt(mains_ratio)
    if railed > RAILED_OFF or spread_uv > WILD_UV or rms_uv < FLAT_UV:
        state = ContactState.OFF
    elif railed > RAILED_FAIR or mains_uv > MAINS_FAIR_UV or rms_uv > LOUD_FAIR_UV:
        state = ContactState.FAIR
    else:
        state = ContactState.GOOD
    return Contact(state, rms_uv, mains_ratio, railed)


def judge_channels(
    uv: NDArray[np.float32],
    present: NDArray[np.bool_],
    stream: Stream,
    mains_hz: float,
) -> tuple[Contact | None, ...]:
    """Judge each channel of a stream, as `judge_contact` does.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
    present : ndarray of bool, shape (n_samples,)
    stream : Stream
    mains_hz : float
    """
    one_by_one = np.eye(len(stream.channels), dtype=np.float32)
    return tuple(
        judge_contact(
            row,
            present,
            railed=railed_fraction(uv[:, present], stream, only),
            sfreq=stream.sfreq,
            mains_hz=mains_hz,
        )
        for row, only in zip(uv, one_by_one, strict=True)
    )


class StreamSamples(NamedTuple):
    """Samples of one stream in an epoch, and which of them arrived.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
        Unfiltered, microvolts.
    present : ndarray of bool, shape (n_samples,)
    """

    uv: NDArray[np.float32]
    present: NDArray[np.bool_]


def is_off_head(
    streams: Sequence[Stream], samples: Sequence[StreamSamples], mains_hz: float
) -> bool:
    """Return whether every EEG electrode was off in most of the epoch.

    False where nothing arrived, or the sampling is too slow to decide; and where all
    is flat, which no electrode in the air is.

    Parameters
    ----------
    streams : sequence of Stream
    samples : sequence of StreamSamples
        One per stream.
    mains_hz : float
    """
    windows = [
        verdict
        for number in range(N_WINDOWS)
        if (verdict := _off_in(number, streams, samples, mains_hz)) is not None
    ]
    return bool(windows) and sum(windows) > MOST_WINDOWS * len(windows)


def _off_in(
    number: int,
    streams: Sequence[Stream],
    samples: Sequence[StreamSamples],
    mains_hz: float,
) -> bool | None:
    """Judge one window; None where too little of it arrived."""
    contacts: list[Contact | None] = []
    for stream, (uv, present) in zip(streams, samples, strict=True):
        eeg = [c.modality is Modality.EEG for c in stream.channels]
        edges = [round(present.size * n / N_WINDOWS) for n in (number, number + 1)]
        window = slice(*edges)
        there = present[window]
        if not any(eeg) or np.count_nonzero(there) < SHORTEST_S * _sfreq(present):
            continue
        judged = judge_channels(uv[:, window], there, stream, mains_hz)
        contacts += [c for c, is_eeg in zip(judged, eeg, strict=True) if is_eeg]
    return _all_off(contacts) if contacts else None


def _all_off(contacts: Sequence[Contact | None]) -> bool:
    off = [c for c in contacts if c is not None and c.state is ContactState.OFF]
    loud = any(c.railed > RAILED_OFF or c.rms_uv >= FLAT_UV for c in off)
    return loud and len(off) == len(contacts)


def _sfreq(present: NDArray[np.bool_]) -> float:
    return present.size / EPOCH_S


def _loudness(
    uv: NDArray[np.float32],
    present: NDArray[np.bool_],
    sfreq: float,
    mains_hz: float,
) -> tuple[float, float]:
    """Return the rms above `LOWEST_HZ` and the share of the mains in its power."""
    window = np.hanning(uv.size) * present
    level = uv.astype(np.float64) - uv[present].mean(dtype=np.float64)
    power = np.abs(np.fft.rfft(level * window)) ** 2
    power *= 2 / (uv.size * np.sum(window**2))
    freq_hz = np.fft.rfftfreq(uv.size, 1 / sfreq)
    harmonic = np.maximum(np.round(freq_hz / mains_hz), 1) * mains_hz
    in_band = freq_hz >= LOWEST_HZ
    total = float(power[in_band].sum())
    near = in_band & (np.abs(freq_hz - harmonic) <= MAINS_WIDTH_HZ)
    return float(np.sqrt(total)), float(power[near].sum()) / total if total else 0.0
