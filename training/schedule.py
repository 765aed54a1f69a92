"""How long the network is trained, and how fast it learns. Pure."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long and how fast.

    Attributes
    ----------
    steps : int
    batch : int
        Surrogates in each step.
    real : int
        Real epochs in each step, of the apnoea patients for training.
    evenness : float
        Of the stages drawn; 0 as frequent as they are, 1 equal.
    peak_rate : float
        Learning rate after the warm-up; half a cosine brings it to 0.
    warm_up : float
        Fraction of all steps.
    weight_decay : float
        Decoupled (Loshchilov and Hutter 2019).
    smoothing : float
        Of the labels.
    average : float
        Decay per step of the averaged weights.
    look_every : int
        Steps between two points of the curve, and two states saved.
    seed : int
    """

    steps: int = 4800
    batch: int = 56
    real: int = 8
    evenness: float = 0.5
    peak_rate: float = 3e-3
    warm_up: float = 0.1
    weight_decay: float = 1e-4
    smoothing: float = 0.1
    average: float = 0.997
    look_every: int = 200
    seed: int = 1

    def rate(self, step: int) -> float:
        """Return the learning rate at `step`."""
        return falling((step + 1) / self.steps, self.warm_up) * self.peak_rate


def falling(done: float, warm_up: float) -> float:
    """Return a factor that rises to 1 and falls to 0 along half a cosine.

    Parameters
    ----------
    done : float
        Fraction of the training.
    warm_up : float
        Of it, in which the factor rises.
    """
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1 + cos(pi * (done - warm_up) / (1 - warm_up)))
