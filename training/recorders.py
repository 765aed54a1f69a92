"""Every epoch through a recorder of its own: band, tilt, noise, short gaps."""

import numpy as np
from numpy.typing import NDArray

from training.spectra import FREQ_HZ, N_SAMPLES
from training.waveforms import pop

POP_CHANCE = 0.03
GAP_CHANCE = 0.05
LONGEST_GAP_S = 5


def record(uv: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return `uv` as a random amplifier and electrode would have recorded it.

    Gain and polarity are left to the training loop, which draws them anew at
    every pass.

    Parameters
    ----------
    uv : ndarray of float64, shape (n_epochs, n_channels, 3000)
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, same shape
    """
    gain = _amplifier_gain(len(uv), rng)
    recorded = np.fft.irfft(np.fft.rfft(uv) * gain[:, None], N_SAMPLES)
    noise_uv = np.exp(rng.uniform(np.log(0.05), np.log(2.0), (*uv.shape[:2], 1)))
    recorded += noise_uv * rng.standard_normal(recorded.shape)
    for channel in recorded.reshape(-1, N_SAMPLES):
        if rng.random() < POP_CHANCE:
            _pop(channel, rng)
        if rng.random() < GAP_CHANCE:
            _bridge_gap(channel, rng)
    return recorded


def _amplifier_gain(n_epochs: int, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = (n_epochs, 1)
    freq_hz = np.maximum(FREQ_HZ, FREQ_HZ[1])
    tilt = (freq_hz / 8) ** rng.uniform(-0.15, 0.15, shape)
    high_pass = 1 / np.sqrt(1 + (rng.uniform(0.01, 0.3, shape) / freq_hz) ** 2)
    order = rng.uniform(2, 10, shape)
    low_pass = 1 / np.sqrt(1 + (freq_hz / rng.uniform(25, 70, shape)) ** order)
    gain: NDArray[np.float64] = tilt * high_pass * low_pass
    return gain


def _pop(channel: NDArray[np.float64], rng: np.random.Generator) -> None:
    first = int(rng.integers(0, N_SAMPLES))
    wave = rng.choice([-1, 1]) * pop(rng)[: N_SAMPLES - first]
    channel[first : first + wave.size] += wave


def _bridge_gap(channel: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Replace up to five seconds by a straight line, as the gateway does."""
    length = int(rng.integers(2, 100 * LONGEST_GAP_S))
    first = int(rng.integers(0, N_SAMPLES - length))
    last = first + length - 1
    channel[first : last + 1] = np.linspace(channel[first], channel[last], length)
