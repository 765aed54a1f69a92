"""Recorders unlike Sleep-EDF's, for real signal: gain, band, tilt, noise, polarity.

Drawn wide, so that a network learns to be informed by amplitude and not to rest on it.
"""

import numpy as np
from numpy.typing import NDArray

WIDEST_GAIN = 3.5  # and its inverse
FAITHFUL = 0.3  # fraction that keeps about its own gain
FAITHFUL_GAIN = 0.15  # standard deviation of the logarithm of theirs
NOTCH_CHANCE = 0.2
NOTCH_REACH_HZ, NOTCH_GAIN = 12.0, 0.3  # a wide one reaches into the band
REVERSED = 0.3  # fraction played backwards, as mirrored pieces half are
KNOTS_HZ = np.array([0.3, 1.0, 3.0, 8.0, 16.0, 40.0])
TILT_DB = 2.5  # standard deviation, at each knot
SFREQ = 100.0

Array = NDArray[np.float32]


def rerecord_real(
    uv: Array, rng: np.random.Generator, n_recorders: int | None = None
) -> Array:
    """Return real signal as other recorders would have given it, each row by its own.

    Parameters
    ----------
    uv : ndarray of float32, shape (n, n_samples)
        Band-limited microvolts at 100 Hz.
    rng : numpy.random.Generator
    n_recorders : int or None
        1 for one recorder that gives all rows.
    """
    n, length = uv.shape
    n_recorders = n_recorders or n
    # continued by its mirror image, a row has no step where the circle closes
    spectrum = np.fft.rfft(np.concatenate([uv, uv[:, ::-1]], 1))
    freq_hz = np.maximum(np.fft.rfftfreq(2 * length, 1 / SFREQ), 0.05)
    spectrum *= filter_gains(n_recorders, freq_hz, rng)
    filtered = np.fft.irfft(spectrum, 2 * length)[:, :length].astype(np.float32)
    filtered *= draw_gains(n_recorders, rng)
    filtered += _noise_uv(n_recorders, rng) * rng.standard_normal(
        (n, length), np.float32
    )
    backwards = rng.random(n) < REVERSED
    filtered[backwards] = filtered[backwards, ::-1]
    return filtered


def draw_gains(n: int, rng: np.random.Generator) -> Array:
    """Return gains and polarities, shape (n, 1)."""
    ends = np.log(WIDEST_GAIN)
    wide = rng.uniform(-ends, ends, (n, 1))
    near = FAITHFUL_GAIN * rng.standard_normal((n, 1))
    gains = np.exp(np.where(rng.random((n, 1)) < FAITHFUL, near, wide))
    return (gains * rng.choice([-1.0, 1.0], (n, 1))).astype(np.float32)


def filter_gains(
    n: int, freq_hz: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return amplitude gains of amplifiers and montages, shape (n, n_freq)."""
    high_pass_hz = np.exp(rng.uniform(np.log(0.02), np.log(1.0), (n, 1)))
    low_pass_hz = np.exp(rng.uniform(np.log(18), np.log(90), (n, 1)))
    order = rng.uniform(2, 10, (n, 1))
    gain = 1 / np.sqrt(1 + (high_pass_hz / freq_hz) ** 2)
    gain = gain / np.sqrt(1 + (freq_hz / low_pass_hz) ** order)
    knots_db = TILT_DB * rng.standard_normal((n, len(KNOTS_HZ)))
    where = np.log(freq_hz)
    tilt_db = np.stack([np.interp(where, np.log(KNOTS_HZ), row) for row in knots_db])
    notch_hz = rng.choice([50.0, 60.0], (n, 1))
    near = np.abs(freq_hz - notch_hz) < NOTCH_REACH_HZ
    notched = (rng.random((n, 1)) < NOTCH_CHANCE) & near
    gain = gain * 10 ** (tilt_db / 20) * np.where(notched, NOTCH_GAIN, 1.0)
    return np.asarray(gain)


def _noise_uv(n: int, rng: np.random.Generator) -> Array:
    level_uv = np.exp(rng.uniform(np.log(0.05), np.log(4.0), (n, 1)))
    return level_uv.astype(np.float32)
