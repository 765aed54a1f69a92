"""Signals at another rate, as a converter with its own crystal would take them. Pure.

Band-limited, piece by piece: each is faded at both ends, brought to the other rate in
the frequency domain, and only its middle is used.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

PIECE = 2**17  # samples to transform at a time
MARGIN = 1000  # samples at each end of a piece over which it is faded

Signals = NDArray[np.float64]


def resampled(signals: NDArray[np.float32], ratio: Fraction) -> Iterator[Signals]:
    """Yield `signals` at `ratio` times their rate, in consecutive pieces.

    Sample `j` is taken at the time of sample ``j / ratio`` of `signals`. What exceeds
    the lower of both Nyquist frequencies is lost. Beyond their ends signals are
    continued as mirrored.

    Parameters
    ----------
    signals : ndarray of float32, shape (n_signals, n_samples)
    ratio : Fraction

    Yields
    ------
    ndarray of float64, shape (n_signals, n)
        ``ceil(n_samples * ratio)`` samples in all.
    """
    n_out = ceil(signals.shape[1] * ratio)
    step_in, step_out = ratio.denominator, ratio.numerator
    margin = ceil(MARGIN / step_in)
    n_steps = ceil(n_out / step_out)
    middle = min(n_steps, max(2 * margin, PIECE // max(step_in, step_out) - 2 * margin))
    whole = middle + 2 * margin
    fade = _fade(margin * step_in, middle * step_in)
    for first in range(0, n_steps, middle):
        begin = (first - margin) * step_in
        piece = _mirrored(signals, begin, begin + whole * step_in)
        there = _transformed(piece * fade, whole * step_out)
        kept = there[:, margin * step_out : (margin + middle) * step_out]
        yield kept[:, : n_out - first * step_out]


def _fade(n_margin: int, n_middle: int) -> Signals:
    rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n_margin) + 0.5) / n_margin)
    return np.concatenate([rise, np.ones(n_middle), rise[::-1]])


def _mirrored(signals: NDArray[np.float32], begin: int, end: int) -> Signals:
    last = signals.shape[1] - 1
    at = np.arange(begin, end) % max(1, 2 * last)
    return signals[:, last - np.abs(at - last)].astype(np.float64)


def _transformed(piece: Signals, n_out: int) -> Signals:
    n_in = piece.shape[1]
    spectrum = np.fft.rfft(piece)
    if n_in < n_out and n_in % 2 == 0:
        spectrum[:, -1] /= 2  # stands for both signs of the old Nyquist frequency
    there: Signals = np.fft.irfft(spectrum, n_out) * (n_out / n_in)
    return there
