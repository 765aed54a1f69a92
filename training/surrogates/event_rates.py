"""Which graphoelements each stage shows, how often, and where they are seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.surrogates import graphoelements
from training.surrogates.spectra import N_SAMPLES

N_DERIVATIONS = 3


@dataclass(frozen=True, slots=True)
class GraphoelementKind:
    """A graphoelement and its habits.

    Attributes
    ----------
    draw : callable
        Returns one, in microvolts.
    per_epoch : tuple of float
        Largest mean number per 30 s in W, N1, N2, N3, REM; an epoch's own mean is
        uniform between 0 and this.
    seen : tuple of (float, float)
        Range of its weight at Fpz-Cz, Pz-Oz and the horizontal EOG.
    """

    draw: Callable[[np.random.Generator], NDArray[np.float64]]
    per_epoch: tuple[float, float, float, float, float]
    seen: tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


KINDS = (
    GraphoelementKind(
        graphoelements.blink, (14, 1, 0, 0, 0.5), ((0.3, 1), (0, 0.1), (-0.4, 0.4))
    ),
    GraphoelementKind(
        graphoelements.saccade, (14, 1, 0, 0, 12), ((-0.3, 0.3), (-0.1, 0.1), (0.4, 1))
    ),
    GraphoelementKind(
        graphoelements.slow_eye_movement,
        (1, 4, 0.3, 0, 0.5),
        ((-0.3, 0.3), (-0.1, 0.1), (0.4, 1)),
    ),
    GraphoelementKind(
        graphoelements.spindle, (0, 0.2, 5, 1.5, 0), ((0.3, 1), (0.3, 1), (0, 0.5))
    ),
    GraphoelementKind(
        graphoelements.k_complex, (0, 0.2, 3, 1, 0), ((0.5, 1), (0.1, 0.6), (-0.5, 0.5))
    ),
    GraphoelementKind(
        graphoelements.vertex_wave, (0, 3, 1, 0, 0.3), ((0.4, 1), (0.1, 0.6), (0, 0.3))
    ),
    GraphoelementKind(
        graphoelements.slow_wave, (0, 0, 2, 16, 0), ((0.5, 1), (0.2, 0.8), (-0.5, 0.5))
    ),
    GraphoelementKind(
        graphoelements.sawtooth, (0, 0, 0, 0, 2.5), ((0.4, 1), (0.2, 0.8), (0, 0.4))
    ),
    GraphoelementKind(
        graphoelements.alpha_burst, (5, 3, 0.3, 0, 1), ((0.2, 0.7), (0.5, 1), (0, 0.3))
    ),
    GraphoelementKind(
        graphoelements.muscle_burst, (2, 1, 0.3, 0.1, 0.3), ((0.2, 1),) * 3
    ),
    GraphoelementKind(
        graphoelements.movement, (0.8, 0.3, 0.1, 0.1, 0.1), ((-1, 1),) * 3
    ),
)


def draw_events(
    stage: int, n_epochs: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return the graphoelements of `n_epochs` epochs of one stage.

    Returns
    -------
    ndarray of float64, shape (n_epochs, 3, 3000)
        Microvolts; zero where nothing happens.
    """
    uv = np.zeros((n_epochs, N_DERIVATIONS, N_SAMPLES))
    for kind in KINDS:
        low, high = np.array(kind.seen).T
        means = rng.uniform(0, kind.per_epoch[stage], n_epochs)
        for epoch, count in enumerate(rng.poisson(means)):
            weights = rng.uniform(low, high)
            for _ in range(count):
                _add(uv[epoch], kind.draw(rng), weights, rng)
    return uv


def _add(
    uv: NDArray[np.float64],
    wave: NDArray[np.float64],
    weights: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Add `wave` at a random time, cut where the epoch ends."""
    first = int(rng.integers(-wave.size // 2, N_SAMPLES - 20))
    skipped = max(0, -first)
    piece = wave[skipped : skipped + N_SAMPLES - max(0, first)]
    start = max(0, first)
    uv[:, start : start + piece.size] += weights[:, None] * piece
