"""The graphoelements a scorer looks for, drawn at random, in microvolts.

Shapes and sizes after the AASM manual (version 2.6, chapter IV) and what every
atlas shows; each is added to some derivations with weights of its own.
"""

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float64]
SFREQ = 100


def blink(rng: np.random.Generator) -> Wave:
    """Return a blink: a rounded pulse of 0.2-0.5 s and its small rebound."""
    pulse = np.hanning(_samples(rng, 0.2, 0.5))
    rebound = -rng.uniform(0, 0.3) * np.hanning(_samples(rng, 0.3, 0.8))
    return rng.uniform(30, 160) * np.concatenate([pulse, rebound])


def saccade(rng: np.random.Generator) -> Wave:
    """Return a rapid eye movement seen through an AC-coupled amplifier."""
    rise = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, _samples(rng, 0.03, 0.15)))
    held = np.ones(_samples(rng, 0.05, 0.5))
    tau = rng.uniform(0.15, 0.9) * SFREQ
    decay = np.exp(-np.arange(int(3 * tau)) / tau)
    size = rng.choice([-1, 1]) * _log_uniform(rng, 20, 250)
    return size * np.concatenate([rise, held, decay])


def slow_eye_movement(rng: np.random.Generator) -> Wave:
    """Return one to four swings of 0.15-0.6 Hz."""
    n_swings = rng.integers(1, 5)
    time = np.linspace(0, 1, int(n_swings * SFREQ / rng.uniform(0.15, 0.6) / 2))
    sign = rng.choice([-1, 1])
    return (
        sign * _log_uniform(rng, 10, 100) * np.sin(np.pi * n_swings * time)
    ) * np.sin(np.pi * time) ** 0.5


def spindle(rng: np.random.Generator) -> Wave:
    """Return a sleep spindle: 11-15.5 Hz for 0.5-1.8 s."""
    n_samples = _samples(rng, 0.5, 1.8)
    seconds = np.arange(n_samples) / SFREQ
    chirp = rng.uniform(-0.6, 0.2) * seconds
    phase = 2 * np.pi * (rng.uniform(11, 15.5) + chirp) * seconds
    wave = np.hanning(n_samples) * np.sin(phase + rng.uniform(0, 2 * np.pi))
    return _log_uniform(rng, 6, 35) * wave


def k_complex(rng: np.random.Generator) -> Wave:
    """Return a K-complex: a sharp negative wave, then a slower positive one."""
    down = np.hanning(_samples(rng, 0.2, 0.5))
    up = rng.uniform(0.3, 1.0) * np.hanning(_samples(rng, 0.4, 1.0))
    return rng.uniform(40, 150) * np.concatenate([-down, up])


def vertex_wave(rng: np.random.Generator) -> Wave:
    """Return a vertex sharp wave, shorter than 0.5 s."""
    down = np.hanning(_samples(rng, 0.1, 0.25))
    up = rng.uniform(0.2, 0.6) * np.hanning(_samples(rng, 0.15, 0.3))
    return rng.uniform(15, 70) * np.concatenate([-down, up])


def slow_wave(rng: np.random.Generator) -> Wave:
    """Return a slow wave of 0.5-2 Hz: a negative and a positive half."""
    down = np.hanning(_samples(rng, 0.25, 0.9))
    up = rng.uniform(0.5, 1.1) * np.hanning(_samples(rng, 0.25, 1.1))
    return _log_uniform(rng, 40, 160) * np.concatenate([-down, up])


def sawtooth(rng: np.random.Generator) -> Wave:
    """Return a burst of sawtooth waves: 2-6 Hz, serrated, for 1-5 s."""
    seconds = np.arange(_samples(rng, 1, 5)) / SFREQ
    cycles = rng.uniform(2, 6) * seconds + rng.uniform(0, 1)
    ramp = 2 * (cycles % 1) - 1
    smooth = np.convolve(ramp, np.hanning(9) / np.hanning(9).sum(), "same")
    return rng.uniform(6, 35) * smooth * np.hanning(smooth.size) ** 0.5


def alpha_burst(rng: np.random.Generator) -> Wave:
    """Return waxing and waning alpha: 8-12 Hz for 1-8 s."""
    n_samples = _samples(rng, 1, 8)
    seconds = np.arange(n_samples) / SFREQ
    wander = 0.6 * np.cumsum(rng.standard_normal(n_samples)) / SFREQ**0.5
    phase = 2 * np.pi * rng.uniform(8, 12) * seconds + wander
    return _log_uniform(rng, 5, 40) * np.hanning(n_samples) ** 0.5 * np.sin(phase)


def muscle_burst(rng: np.random.Generator) -> Wave:
    """Return a burst of muscle activity, 0.3-4 s of noise above 15 Hz."""
    noise = np.diff(rng.standard_normal(_samples(rng, 0.3, 4) + 1))
    return _log_uniform(rng, 3, 40) * np.hanning(noise.size) ** 0.5 * noise


def movement(rng: np.random.Generator) -> Wave:
    """Return a body movement: slow, large, with muscle on top."""
    noise = np.cumsum(rng.standard_normal(_samples(rng, 1, 6)))
    drift = noise - np.linspace(noise[0], noise[-1], noise.size)
    scaled = drift / (drift.std() + 1e-9) * np.hanning(drift.size)
    fuzz = rng.uniform(0, 0.3) * rng.standard_normal(drift.size)
    return _log_uniform(rng, 30, 300) * (scaled + fuzz * np.hanning(drift.size))


def pop(rng: np.random.Generator) -> Wave:
    """Return an electrode pop: a step that an AC-coupled amplifier forgets."""
    tau = rng.uniform(0.1, 1.5) * SFREQ
    return _log_uniform(rng, 30, 600) * np.exp(-np.arange(int(4 * tau)) / tau)


def _samples(rng: np.random.Generator, low_s: float, high_s: float) -> int:
    return round(rng.uniform(low_s, high_s) * SFREQ)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
