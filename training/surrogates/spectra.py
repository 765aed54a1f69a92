"""A library of random power spectra, per derivation and stage.

Every spectrum is an aperiodic slope with a knee, bumps at the rhythms a stage may
show, muscle, and noise. What a stage may show is deliberately vague: the library
only proposes, the statistics of real epochs choose.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from training.data.features import complexity, mobility, spectral_moments

N_SAMPLES = 3000
FREQ_HZ = np.fft.rfftfreq(N_SAMPLES, 1 / 100)
W, N1, N2, N3, REM = range(5)
PZ_OZ = 1
N_NEAREST = 16
NOISY = 0.8  # fraction of spectra with a noise floor


@dataclass(frozen=True, slots=True)
class Rhythm:
    """A bump of the spectrum.

    Attributes
    ----------
    low_hz, high_hz : float
        Where its peak may lie.
    narrow_hz, wide_hz : float
        How wide it may be (standard deviation).
    chance : tuple of float
        Probability of its presence in W, N1, N2, N3, REM.
    height : tuple of float
        Its largest height in each stage, in multiples of the aperiodic part there;
        the smallest is 0.3.
    """

    low_hz: float
    high_hz: float
    narrow_hz: float
    wide_hz: float
    chance: tuple[float, float, float, float, float]
    height: tuple[float, float, float, float, float]


RHYTHMS = (
    Rhythm(0.4, 1.2, 0.2, 0.5, (0.4, 0.3, 0.6, 0.9, 0.3), (6, 6, 6, 8, 6)),
    Rhythm(1.0, 3.5, 0.5, 1.2, (0.2, 0.2, 0.5, 0.8, 0.3), (3, 3, 5, 6, 3)),
    Rhythm(3.5, 7.5, 0.6, 1.6, (0.3, 0.8, 0.4, 0.3, 0.8), (3, 4, 3, 3, 5)),
    Rhythm(8.0, 12.0, 0.4, 1.4, (0.75, 0.5, 0.25, 0.15, 0.45), (30, 6, 3, 2, 4)),
    Rhythm(11.0, 15.0, 0.4, 1.2, (0.15, 0.15, 0.7, 0.4, 0.15), (2, 2, 8, 4, 2)),
    Rhythm(15.0, 30.0, 2.0, 6.0, (0.7, 0.6, 0.5, 0.4, 0.6), (10, 5, 3, 3, 4)),
)


class Library:
    """Spectra of one derivation and stage, found by Hjorth's descriptors.

    Parameters
    ----------
    derivation : int
        0 Fpz-Cz, 1 Pz-Oz, 2 EOG horizontal.
    stage : int
        0-4, W N1 N2 N3 REM.
    size : int
    rng : numpy.random.Generator
    """

    def __init__(
        self, derivation: int, stage: int, size: int, rng: np.random.Generator
    ) -> None:
        power = _aperiodic(size, rng)
        for rhythm in RHYTHMS:
            power = power + _bump(rhythm, derivation, stage, power, rng)
        power = power + _muscle(stage, power, rng) + _noise(power, rng)
        power *= _front_end(size, rng)
        power[:, 0] = 0
        self.power: NDArray[np.float32] = (power / power.sum(1, keepdims=True)).astype(
            np.float32
        )
        self._tree = cKDTree(_coordinates(self.power.astype(np.float64)))

    def choose(
        self,
        mobilities: NDArray[np.float64],
        complexities: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> NDArray[np.float32]:
        """Return one spectrum each, near the descriptors wanted.

        Parameters
        ----------
        mobilities, complexities : ndarray of float64, shape (n_epochs,)
        rng : numpy.random.Generator
            Draws among the `N_NEAREST` nearest.

        Returns
        -------
        ndarray of float32, shape (n_epochs, n_bins)
            Rows sum to 1.
        """
        wanted = np.log(np.column_stack([mobilities, complexities]))
        _, nearest = self._tree.query(wanted, k=N_NEAREST)
        nearest = np.asarray(nearest)
        drawn = rng.integers(0, N_NEAREST, len(wanted))
        chosen: NDArray[np.float32] = self.power[nearest[np.arange(len(wanted)), drawn]]
        return chosen


def _coordinates(power: NDArray[np.float64]) -> NDArray[np.float64]:
    of = spectral_moments(power)
    return np.log(np.column_stack([mobility(of), complexity(of)]))


def _log_uniform(
    low: float, high: float, size: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    return np.exp(rng.uniform(np.log(low), np.log(high), (size, 1)))


def _aperiodic(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    slope = rng.uniform(0.4, 3.2, (size, 1))
    knee = rng.uniform(0.2, 4, (size, 1))
    power: NDArray[np.float64] = 1 / (knee**slope + FREQ_HZ**slope)
    return power


def _bump(
    rhythm: Rhythm,
    derivation: int,
    stage: int,
    power: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    size = len(power)
    peak = rng.uniform(rhythm.low_hz, rhythm.high_hz, (size, 1))
    width = rng.uniform(rhythm.narrow_hz, rhythm.wide_hz, (size, 1))
    loudest = rhythm.height[stage] * (1.5 if derivation == PZ_OZ else 1)
    height = _log_uniform(0.3, loudest, size, rng)
    present = rng.random((size, 1)) < rhythm.chance[stage]
    at = np.rint(peak / FREQ_HZ[1]).astype(int)
    level = np.take_along_axis(power, at, 1) * height * present
    bump: NDArray[np.float64] = level * np.exp(-0.5 * ((FREQ_HZ - peak) / width) ** 2)
    return bump


def _muscle(
    stage: int, power: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    size = len(power)
    corner = rng.uniform(18, 32, (size, 1))
    rise = 1 / (1 + np.exp(-(FREQ_HZ - corner) / rng.uniform(2, 5, (size, 1))))
    loudest = {W: 2.0, N1: 0.6, REM: 0.3}.get(stage, 0.4)
    mean = power.mean(1, keepdims=True)
    muscle: NDArray[np.float64] = rise * mean * _log_uniform(1e-3, loudest, size, rng)
    return muscle


def _noise(power: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    size = len(power)
    floor = power[:, 30:900].mean(1, keepdims=True) * _log_uniform(1e-4, 0.3, size, rng)
    noise: NDArray[np.float64] = floor * (rng.random((size, 1)) < NOISY)
    return np.broadcast_to(noise, power.shape)


def _front_end(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return the power gain of a recorder's high-pass and low-pass."""
    high_pass = rng.uniform(0.2, 0.7, (size, 1))
    low_pass = rng.uniform(26, 55, (size, 1))
    order = rng.uniform(2, 12, (size, 1))
    freq_hz = np.maximum(FREQ_HZ, FREQ_HZ[1])
    gain: NDArray[np.float64] = 1 / (1 + (high_pass / freq_hz) ** 3)
    return gain / (1 + (freq_hz / low_pass) ** order)
