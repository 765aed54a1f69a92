"""How long, how fast, and by what the weights are chosen. Pure."""

from dataclasses import dataclass

from training.schedule import falling


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How long, how fast, and by what the weights are chosen.

    Attributes
    ----------
    passes : int
        Over the data.
    batch : int
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
    choose_by : str
        ``"kappa"`` or ``"accuracy"`` on the validation nights, after every pass.
    seed : int
    """

    passes: int = 20
    batch: int = 64
    peak_rate: float = 3e-3
    warm_up: float = 0.05
    weight_decay: float = 1e-4
    smoothing: float = 0.05
    average: float = 0.998
    choose_by: str = "kappa"
    seed: int = 1

    def rate(self, done: float) -> float:
        """Return the learning rate when the fraction `done` is done."""
        return falling(done, self.warm_up) * self.peak_rate
