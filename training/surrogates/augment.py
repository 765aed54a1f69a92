"""Augmentation at every pass: recorder, shift, losses, absent channels."""

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band
from gateway.preprocessing.input_scaling import compress
from training.surrogates.recorders import (
    SurrogateRecorder,
    lose_packets,
    pop_electrodes,
)
from training.surrogates.spectra import FREQ_HZ, N_SAMPLES

SCALE_UV = np.array([12.0, 8.0, 20.0], np.float32)
GAIN_SHARED = 0.35  # standard deviations of the logarithm
GAIN_OWN = 0.15
LOSSY = 0.2  # fraction of epochs that lose packets
# Fpz-Cz, Pz-Oz, EOG: which of them an epoch has, and how often in training
SUBSETS = np.array(
    [[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
    np.float32,
)
CHANCES = np.array([0.36, 0.16, 0.10, 0.05, 0.24, 0.05, 0.04])
_IN_BAND = Band().gain(FREQ_HZ).astype(np.float32)


def network_input(uv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what the network sees of band-limited epochs.

    Parameters
    ----------
    uv : ndarray, shape (n_epochs, 3, 3000)

    Returns
    -------
    ndarray of float32, shape (n_epochs, 3, 3000, 1)
    """
    return compress(uv.astype(np.float32), SCALE_UV[: uv.shape[1]])[..., None]


def rerecord(
    uv: NDArray[np.floating], rng: np.random.Generator, n_recorders: int | None = None
) -> NDArray[np.float32]:
    """Return `uv` as other recorders would have given it, each epoch by its own.

    Begun a moment earlier or later, with other gains and polarities, another band,
    more noise, electrodes that pop and packets that are lost.

    Parameters
    ----------
    uv : ndarray, shape (n_epochs, 3, 3000)
        Band-limited microvolts.
    rng : numpy.random.Generator
    n_recorders : int or None
        1 for one recorder, of one gain and polarity, that gives all epochs.
    """
    n_recorders = n_recorders or len(uv)
    shape = (n_recorders, uv.shape[1], 1)
    moved = np.stack(
        [np.roll(epoch, rng.integers(N_SAMPLES), -1) for epoch in uv]
    ).astype(np.float32)
    recorder = SurrogateRecorder.draw(n_recorders, rng, uv.shape[1])
    spectrum = np.fft.rfft(moved) * recorder.gain.astype(np.float32)
    parts = rng.standard_normal((2, *spectrum.shape), np.float32)
    level = recorder.noise_uv.astype(np.float32) * np.float32((N_SAMPLES / 2) ** 0.5)
    spectrum += level * (parts[0] + 1j * parts[1])
    recorded = np.fft.irfft(spectrum * _IN_BAND, N_SAMPLES).astype(np.float32)
    gain = np.exp(
        GAIN_SHARED * rng.standard_normal((n_recorders, 1, 1))
        + GAIN_OWN * rng.standard_normal(shape)
    )
    recorded *= (gain * rng.choice([-1.0, 1.0], shape)).astype(np.float32)
    pop_electrodes(recorded, rng)
    for number in np.flatnonzero(rng.random(len(uv)) < LOSSY):
        lose_packets(recorded[number], rng.uniform(0, 0.15), rng)
    return recorded


def leave_out(uv: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return `uv` with channels absent at random; one at least is left."""
    present = SUBSETS[rng.choice(len(SUBSETS), len(uv), p=CHANCES)][..., None]
    return uv * present


def augment(uv: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return `uv` recorded anew and with channels absent at random."""
    return leave_out(rerecord(uv, rng), rng)
