"""A synthetic night of twelve minutes, as a file that `sleepgate score` reads.

Noise with the spectrum of a stage, and what marks that stage: alpha and blinks awake,
spindles in N2, slow waves in N3, eye movements in REM. Plain enough to be scored
clearly, so that stages may be compared between machines.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

SFREQ_HZ = 100
TIME_S = np.arange(30 * SFREQ_HZ) / SFREQ_HZ  # of an epoch
CHANNELS = ("eeg_fpz_cz", "eeg_pz_oz", "eog_horizontal")
STAGES = ("W",) * 4 + ("N2",) * 5 + ("N3",) * 9 + ("R",) * 4 + ("N2", "W")
NOT_SCORED = 6  # an expert's code
LSB_UV = 0.1
SEED = 7
FLAT_BELOW_HZ = 0.5


def write_night(path: Path) -> None:
    """Write two EEG channels and one EOG, 24 epochs, as an ``.npz`` of int16 counts."""
    dice = np.random.default_rng(SEED)
    epochs = np.array([list(_epoch(stage, dice)) for stage in STAGES])
    counts = np.round(epochs / LSB_UV).astype(np.int16)
    signals = {
        name: counts[:, channel].ravel() for channel, name in enumerate(CHANNELS)
    }
    rates = {f"fs_{name}": np.float32(SFREQ_HZ) for name in CHANNELS}
    scales = {f"uV_per_lsb_{name}": np.float32(LSB_UV) for name in CHANNELS}
    labels = np.full(len(STAGES), NOT_SCORED, np.uint8)
    entries = {"epoch0": np.int32(0), "labels": labels, **signals, **rates, **scales}
    with path.open("wb") as file:
        np.savez(file, **entries)


def _epoch(stage: str, dice: np.random.Generator) -> Iterator[Signal]:
    """Yield microvolts of each channel."""
    if stage == "W":
        blinks = 150 * np.exp(-(((TIME_S % 4 - 2) / 0.15) ** 2))
        yield _noise(12, 0.3, dice) + _sine(15, 10)
        yield _noise(12, 0.3, dice) + _sine(30, 10)
        yield _noise(20, 0.5, dice) + blinks
    elif stage == "N2":
        spindles = _sine(1, 13) * np.exp(-(((TIME_S % 6 - 3) / 0.5) ** 2))
        yield _noise(16, 1, dice) + 25 * spindles
        yield _noise(13, 1, dice) + 12 * spindles
        yield _noise(14, 1, dice)
    elif stage == "N3":
        yield from (_noise(amplitude, 1.3, dice) for amplitude in (55, 40, 25))
    else:
        saccades = 60 * np.tanh(4 * _sine(1, 0.2)) * (_sine(1, 0.05) > 0)
        yield from (_noise(amplitude, 0.8, dice) for amplitude in (9, 8))
        yield _noise(10, 0.8, dice) + saccades


def _sine(amplitude_uv: float, rate_hz: float) -> Signal:
    return np.asarray(amplitude_uv * np.sin(2 * np.pi * rate_hz * TIME_S))


def _noise(sd_uv: float, exponent: float, dice: np.random.Generator) -> Signal:
    """Return noise whose amplitude falls with the frequency, by a power of it."""
    rates_hz = np.fft.rfftfreq(len(TIME_S), 1 / SFREQ_HZ)
    spectrum = dice.normal(size=(2, len(rates_hz))).T @ np.array([1, 1j])
    spectrum /= np.maximum(rates_hz, FLAT_BELOW_HZ) ** exponent
    spectrum[0] = 0
    signal = np.fft.irfft(spectrum, len(TIME_S))
    return np.asarray(sd_uv * signal / signal.std())
