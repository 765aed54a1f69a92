"""Schedule of the training: its length and its learning rates. Pure."""

from dataclasses import dataclass
from math import cos, pi


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """Learning rate of a network, and its regularisation.

    Attributes
    ----------
    peak_rate : float
        Learning rate after the warm-up; half a cosine brings it to 0.
    warm_up : float
        Fraction of all steps.
    weight_decay : float
        Decoupled (Loshchilov and Hutter 2019).
    smoothing : float
        Of the labels.
    average : float
        Decay per step of the averaged weights, which are the ones judged and kept.
    seed : int
    """

    peak_rate: float = 3e-3
    warm_up: float
    weight_decay: float = 1e-4
    smoothing: float
    average: float
    seed: int = 1

    def rate(self, done: float) -> float:
        """Return the learning rate when the fraction `done` of all steps is done."""
        if done < self.warm_up:
            return self.peak_rate * done / self.warm_up
        along = (done - self.warm_up) / (1 - self.warm_up)
        return self.peak_rate * 0.5 * (1 + cos(pi * along))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(TrainingSettings):
    """Length and rate of a training.

    Attributes
    ----------
    steps : int
    batch : int
        Surrogates in each step, five seconds of each.
    patients : int
        Epochs of the apnoea patients for training in each step, five seconds of each.
    pieces, mosaics : int
        Pieces of five seconds, and epochs of six of them, in each step.
    evenness : float
        Of the stages drawn; 0 as frequent as they are, 1 equal.
    validate_every : int
        Steps between two points of the curve, and two states saved.
    """

    steps: int = 2400
    batch: int = 48
    patients: int = 48
    pieces: int = 192
    mosaics: int = 8
    evenness: float = 0.5
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.997
    validate_every: int = 400
