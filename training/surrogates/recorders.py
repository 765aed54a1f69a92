"""Amplifiers and electrodes at random: band, tilt, noise, pops, short gaps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.surrogates.graphoelements import pop
from training.surrogates.spectra import FREQ_HZ, N_SAMPLES

POP_CHANCE = 0.03
GAP_CHANCE = 0.05
LONGEST_GAP_S = 5
LONGEST_BURST = 200  # samples


@dataclass(frozen=True, slots=True, eq=False)
class SurrogateRecorder:
    """One or more amplifiers with their electrodes.

    Attributes
    ----------
    gain : ndarray of float64, shape (n_recorders, 1, n_bins)
        Amplitude gain at `training.surrogates.spectra.FREQ_HZ`.
    noise_uv : ndarray of float64, shape (n_recorders, n_channels, 1)
    """

    gain: NDArray[np.float64]
    noise_uv: NDArray[np.float64]

    @classmethod
    def draw(
        cls, n_recorders: int, rng: np.random.Generator, n_channels: int = 3
    ) -> "SurrogateRecorder":
        """Draw `n_recorders` of them."""
        shape = (n_recorders, n_channels, 1)
        noise_uv = np.exp(rng.uniform(np.log(0.05), np.log(2.0), shape))
        return cls(_amplifier_gain(n_recorders, rng)[:, None], noise_uv)


def record(
    uv: NDArray[np.floating], recorder: SurrogateRecorder, rng: np.random.Generator
) -> NDArray[np.floating]:
    """Return `uv` as `recorder` would have recorded it.

    Overall gain and polarity are left to the training loop.

    Parameters
    ----------
    uv : ndarray of float, shape (n_epochs, n_channels, 3000)
    recorder : SurrogateRecorder
        One for all epochs, or as many as there are epochs.
    rng : numpy.random.Generator
        Draws noise, pops and gaps.

    Returns
    -------
    ndarray of float, same shape
    """
    spectrum = np.fft.rfft(uv) * recorder.gain.astype(uv.dtype)
    recorded = np.fft.irfft(spectrum, N_SAMPLES).astype(uv.dtype)
    noise = rng.standard_normal(recorded.shape, np.float32)
    recorded += recorder.noise_uv.astype(np.float32) * noise
    pop_electrodes(recorded, rng)
    flat = recorded.reshape(-1, N_SAMPLES)
    for number in np.flatnonzero(rng.random(len(flat)) < GAP_CHANCE):
        _bridge_gap(flat[number], rng)
    return recorded


def pop_electrodes(uv: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Let an electrode of some epochs pop, in place.

    Parameters
    ----------
    uv : ndarray of float, shape (n_epochs, n_channels, 3000)
    rng : numpy.random.Generator
    """
    flat = uv.reshape(-1, N_SAMPLES)
    for number in np.flatnonzero(rng.random(len(flat)) < POP_CHANCE):
        _pop(flat[number], rng)


def lose_packets(
    uv: NDArray[np.floating], fraction: float, rng: np.random.Generator
) -> None:
    """Lose bursts of up to two seconds of one epoch, in place, and bridge them.

    By straight lines from neighbour to neighbour, as the gateway does.

    Parameters
    ----------
    uv : ndarray of float, shape (n_channels, 3000)
        All channels lose the same samples.
    fraction : float
        Of the samples, to be lost at least.
    rng : numpy.random.Generator
    """
    lost = np.zeros(N_SAMPLES, bool)
    while lost.mean() < fraction:
        first = int(rng.integers(0, N_SAMPLES))
        lost[first : first + int(rng.integers(5, LONGEST_BURST))] = True
    lost[[0, -1]] = False
    there, gone = np.flatnonzero(~lost), np.flatnonzero(lost)
    for channel in uv:
        channel[gone] = np.interp(gone, there, channel[there])


def _amplifier_gain(n_recorders: int, rng: np.random.Generator) -> NDArray[np.float64]:
    shape = (n_recorders, 1)
    freq_hz = np.maximum(FREQ_HZ, FREQ_HZ[1])
    tilt = (freq_hz / 8) ** rng.uniform(-0.15, 0.15, shape)
    high_pass = 1 / np.sqrt(1 + (rng.uniform(0.01, 0.3, shape) / freq_hz) ** 2)
    order = rng.uniform(2, 10, shape)
    low_pass = 1 / np.sqrt(1 + (freq_hz / rng.uniform(25, 70, shape)) ** order)
    gain: NDArray[np.float64] = tilt * high_pass * low_pass
    return gain


def _pop(channel: NDArray[np.floating], rng: np.random.Generator) -> None:
    first = int(rng.integers(0, N_SAMPLES))
    wave = rng.choice([-1, 1]) * pop(rng)[: N_SAMPLES - first]
    channel[first : first + wave.size] += wave


def _bridge_gap(channel: NDArray[np.floating], rng: np.random.Generator) -> None:
    """Replace up to five seconds by a straight line, as the gateway does."""
    length = int(rng.integers(2, 100 * LONGEST_GAP_S))
    first = int(rng.integers(0, N_SAMPLES - length))
    last = first + length - 1
    channel[first : last + 1] = np.linspace(channel[first], channel[last], length)
