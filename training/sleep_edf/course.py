"""Settings of a training on Sleep-EDF: length, rates, choice of weights. Pure."""

from dataclasses import dataclass

from training.network.schedule import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepEdfSettings(TrainingSettings):
    """Length, rates, and what the weights are chosen by.

    Attributes
    ----------
    passes : int
        Over the data.
    batch : int
    choose_by : str
        ``"kappa"`` or ``"accuracy"`` on the validation nights, after every pass.
    """

    passes: int = 20
    batch: int = 64
    warm_up: float = 0.05
    smoothing: float = 0.05
    average: float = 0.998
    choose_by: str = "kappa"
