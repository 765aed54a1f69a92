"""Filtering of one epoch: notch, band-pass and resampling in one zero-phase step.

The thirty seconds are extended oddly at both ends, multiplied in the frequency
domain by a smooth gain, and brought back at the model's sampling frequency. There
is no group delay to wait for and no memory of the epoch before.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.epoch_length import EPOCH_S

PAD_S = 5  # the gain's impulse response has died down to 1 % in less


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Pass band, and the rate at which samples come out.

    Between a stop and its pass frequency the gain follows half a cosine, 0.5 in the
    middle. The defaults halve at 0.3 Hz and 40 Hz, about the display settings of
    the AASM manual (0.3-35 Hz for EEG and EOG).

    Attributes
    ----------
    low_stop_hz, low_pass_hz, high_pass_hz, high_stop_hz : float
    notch_hz : float or None
        Mains frequency removed, 1 Hz to each side, where it lies in the pass band.
    sfreq : float
        Sampling frequency of the result, Hz.
    """

    low_stop_hz: float = 0.1
    low_pass_hz: float = 0.5
    high_pass_hz: float = 35.0
    high_stop_hz: float = 45.0
    notch_hz: float | None = None
    sfreq: float = 100.0

    def gain(self, freq_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the amplitude gain at `freq_hz`, between 0 and 1."""
        gain = _rise(freq_hz, self.low_stop_hz, self.low_pass_hz)
        gain *= 1 - _rise(freq_hz, self.high_pass_hz, self.high_stop_hz)
        if self.notch_hz is not None:
            gain *= _rise(np.abs(freq_hz - self.notch_hz), 1.0, 2.0)
        return gain

    def problem(self) -> str | None:
        """Return what is wrong with these frequencies, or None."""
        edges = (
            self.low_stop_hz,
            self.low_pass_hz,
            self.high_pass_hz,
            self.high_stop_hz,
            self.sfreq,
        )
        numbers = [*edges, *([] if self.notch_hz is None else [self.notch_hz])]
        if not all(isinstance(number, int | float) for number in numbers):
            return "not a number"
        positive = all(math.isfinite(number) and number > 0 for number in numbers)
        ordered = all(low < high for low, high in itertools.pairwise(edges[:4]))
        if positive and ordered and 2 * self.high_stop_hz <= self.sfreq:
            return None
        return "stop, pass, pass, stop must rise, and sfreq be twice the last"


def band_limit(
    uv: NDArray[np.float32], sfreq: float, band: Band
) -> NDArray[np.float32]:
    """Filter and resample one epoch.

    Parameters
    ----------
    uv : ndarray of float32, shape (n_channels, 30 * sfreq)
        Microvolts, without gaps.
    sfreq : float
        Sampling frequency of `uv`, Hz.
    band : Band

    Returns
    -------
    ndarray of float32, shape (n_channels, 30 * band.sfreq)
    """
    whole_s = EPOCH_S + 2 * PAD_S
    n_in = round(whole_s * sfreq)
    n_out = round(whole_s * band.sfreq)
    n_before = round(PAD_S * sfreq)
    n_after = n_in - n_before - uv.shape[1]
    spectrum = np.fft.rfft(_extended(uv.astype(np.float64), n_before, n_after))
    freq_hz = np.fft.rfftfreq(n_in, 1 / sfreq)
    if early_s := PAD_S - n_before / sfreq:  # five seconds are no whole samples
        spectrum *= np.exp(-2j * np.pi * freq_hz * early_s)
    n_shared = min(spectrum.shape[1], n_out // 2 + 1)
    shared = spectrum[:, :n_shared] * band.gain(freq_hz[:n_shared])
    if n_shared == n_in // 2 + 1 and n_in % 2 == 0 and n_out > n_in:
        shared[:, -1] = 0  # a component at the old Nyquist has no phase of its own
    resampled = np.fft.irfft(shared, n_out) * (n_out / n_in)
    first = round(PAD_S * band.sfreq)
    n_epoch = round(EPOCH_S * band.sfreq)
    return resampled[:, first : first + n_epoch].astype(np.float32)


def _rise(
    freq_hz: NDArray[np.float64], stop_hz: float, pass_hz: float
) -> NDArray[np.float64]:
    along = np.clip((freq_hz - stop_hz) / (pass_hz - stop_hz), 0, 1)
    rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * along)
    return rise


def _extended(
    uv: NDArray[np.float64], n_before: int, n_after: int
) -> NDArray[np.float64]:
    """Continue `uv` oddly at both ends, fading to 0 where the circle closes."""
    time = np.linspace(-1, 1, uv.shape[1])
    slope = (uv @ time / (time @ time))[:, None]
    level = uv - uv.mean(axis=1, keepdims=True) - slope * time
    pad = ((0, 0), (n_before, n_after))
    whole = np.pad(level, pad, "reflect", reflect_type="odd")
    whole[:, :n_before] *= _fade(n_before)
    whole[:, -n_after:] *= _fade(n_after)[::-1]
    return whole


def _fade(n: int) -> NDArray[np.float64]:
    rise: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    return rise
