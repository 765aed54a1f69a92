"""The graphoelements by which sleep is scored, as wave forms at 100 Hz. Pure.

Shapes follow the definitions of the AASM manual (Berry et al., version 2.6).
"""

import numpy as np
from numpy.typing import NDArray

SFREQ = 100.0
Wave = NDArray[np.float32]


def spindle(hz: float, length_s: float) -> Wave:
    """Return a waxing and waning burst of peak 1."""
    time = _time(length_s)
    envelope = np.sin(np.pi * time / length_s) ** 2
    return _wave(envelope * np.sin(2 * np.pi * hz * time))


def k_complex() -> Wave:
    """Return a sharp negative wave of peak -1, then a slower positive one, 0.9 s."""
    time = _time(0.9)
    sharp = -np.exp(-(((time - 0.25) / 0.09) ** 2))
    slow = 0.65 * np.exp(-(((time - 0.55) / 0.15) ** 2))
    return _wave(sharp + slow)


def sawtooth(hz: float, n_teeth: int) -> Wave:
    """Return `n_teeth` triangular waves with a steep fall, peak 1."""
    phase = (_time(n_teeth / hz) * hz) % 1.0
    tooth: NDArray[np.float64] = np.minimum(phase / 0.8, (1 - phase) / 0.2)
    return _wave(2 * tooth - 1)


def blink() -> Wave:
    """Return an upward deflection of peak 1 and its undershoot, 0.6 s."""
    time = _time(0.6)
    up = np.exp(-(((time - 0.15) / 0.06) ** 2))
    under = 0.2 * np.exp(-(((time - 0.38) / 0.1) ** 2))
    return _wave(up - under)


def saccade(hold_s: float) -> Wave:
    """Return a jump of the eyes, decaying as an amplifier coupled by AC shows it."""
    time = _time(5 * hold_s)
    rise = 1 - np.exp(-time / 0.02)
    return _wave(rise * np.exp(-time / hold_s))


def movement(dice: np.random.Generator, length_s: float) -> Wave:
    """Return a body movement: slow swings and muscle, peak about 1."""
    time = _time(length_s)
    swings = np.cumsum(dice.normal(size=time.size))
    swings -= np.linspace(swings[0], swings[-1], swings.size)
    muscle = dice.normal(0, 0.15, time.size)
    envelope = np.sin(np.pi * time / length_s)
    whole = envelope * (swings / np.abs(swings).max() + muscle)
    return _wave(whole)


def _time(length_s: float) -> NDArray[np.float64]:
    return np.arange(round(length_s * SFREQ)) / SFREQ


def _wave(shape: NDArray[np.float64]) -> Wave:
    return shape.astype(np.float32)


def add(row: Wave, at: int, wave: Wave, peak_uv: float) -> None:
    """Add `wave` to `row` from sample `at` on, as far as it fits."""
    part = wave[: max(0, row.size - at)]
    row[at : at + part.size] += np.float32(peak_uv) * part
