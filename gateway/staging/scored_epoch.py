"""Scored epoch, and the interface of the classifiers that score it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.signal_quality import Quality
from gateway.staging.model_card import ModelCard
from gateway.staging.stage import Refusal, Stage, likeliest


@dataclass(frozen=True, slots=True)
class ScoredEpoch:
    """An epoch's stage, or the reason why it has none.

    Attributes
    ----------
    index : int
        0-based within the session.
    start_utc : datetime
        Of its first sample, by the fitted clock of the headband.
    stage : Stage or Refusal
    hypnodensity : tuple of float
        Probability of W, N1, N2, N3, R; sums to 1. Empty when refused.
    raw_hypnodensity : tuple of float
        The same by this epoch alone, before the model looked at those before it.
    quality : tuple of Quality
        One per derivation of the model.
    asleep : bool or None
        Debounced for automations; None before the first scored epoch.
    t_rx : float
        Arrival of the epoch's last sample, monotonic seconds.
    span : tuple of range
        The samples of the session that it covers, one range per stream.
    clock_synchronised : bool
        Whether `start_utc` goes by a clock that the network has set.
    """

    index: int
    start_utc: datetime
    stage: Stage | Refusal
    hypnodensity: tuple[float, ...]
    quality: tuple[Quality, ...]
    asleep: bool | None
    t_rx: float
    span: tuple[range, ...] = ()
    raw_hypnodensity: tuple[float, ...] = ()
    clock_synchronised: bool = True

    @property
    def raw_stage(self) -> Stage | None:
        """Likeliest stage of this epoch alone; None when refused."""
        return likeliest(self.raw_hypnodensity) if self.raw_hypnodensity else None

    @property
    def confidence(self) -> float | None:
        """Probability of the stage shown; None when refused."""
        return max(self.hypnodensity) if self.hypnodensity else None


class Scorer(Protocol):
    """A classifier loaded and ready."""

    @property
    def card(self) -> ModelCard:
        """Card of the model: its input and its measured accuracy."""
        ...

    def hypnodensity(self, epoch: Epoch) -> tuple[float, ...]:
        """Return five probabilities, W N1 N2 N3 R.

        Raises
        ------
        ModelError
            If the runtime fails over this epoch.
        """
        ...

    def in_context(self, codes: NDArray[np.int8]) -> tuple[float, ...]:
        """Return five probabilities of the last epoch of `Context.codes`.

        Never called for a model whose card has no context head.

        Raises
        ------
        ModelError
            If the runtime fails.
        """
        ...
