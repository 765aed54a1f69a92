"""Agreement between two hypnograms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.evaluation.confusion import (
    accuracy,
    cohen_kappa,
    confusion_matrix,
    f1_scores,
)
from gateway.staging.stage import STAGES

N_STAGES = len(STAGES)
NAMES = tuple(stage.value for stage in STAGES)


@dataclass(frozen=True, slots=True, eq=False)
class ConfusionScores:
    """Agreement of scored stages with true ones.

    Attributes
    ----------
    confusion : ndarray of int64, shape (5, 5)
        Rows are the true stages.
    n_subjects : int
        People the epochs come from.
    """

    confusion: NDArray[np.int64]
    n_subjects: int

    @property
    def n_epochs(self) -> int:
        """Number of epochs compared."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Fraction of epochs scored as they are."""
        return float(accuracy(self.confusion))

    @property
    def kappa(self) -> float:
        """Agreement beyond chance (Cohen 1960); nan where there is one stage only."""
        return float(cohen_kappa(self.confusion))

    @property
    def f1(self) -> tuple[float, ...]:
        """F1 of each stage; nan where the stage occurs nowhere."""
        return tuple(f1_scores(self.confusion).tolist())

    def document(self) -> dict[str, object]:
        """Return figures for a model card: JSON types, three decimals."""
        return {
            "n_subjects": self.n_subjects,
            "n_epochs": self.n_epochs,
            "accuracy": round(self.accuracy, 3),
            "kappa": round(self.kappa, 3),
            "f1": {
                name: round(value, 3)
                for name, value in zip(NAMES, self.f1, strict=True)
                if value == value  # noqa: PLR0124 (nan is no JSON)
            },
            "confusion": self.confusion.tolist(),
        }


def compare(
    true: NDArray[np.integer], scored: NDArray[np.integer], n_subjects: int = 1
) -> ConfusionScores:
    """Count how each true stage was scored.

    Parameters
    ----------
    true, scored : ndarray of int, shape (n_epochs,)
        0-4.
    n_subjects : int
        People the epochs come from.
    """
    return ConfusionScores(confusion_matrix(true, scored), n_subjects)


def beside(
    true: NDArray[np.integer],
    scored: NDArray[np.integer],
    by_peer: NDArray[np.integer],
) -> dict[str, float]:
    """Return what `scored` loses against a peer on the same epochs, four decimals.

    Parameters
    ----------
    true, scored, by_peer : ndarray of int, shape (n_epochs,)
        0-4.
    """
    ours, theirs = compare(true, scored), compare(true, by_peer)
    return {
        "same_stage": round(float((scored == by_peer).mean()), 4),
        "accuracy_lost": round(theirs.accuracy - ours.accuracy, 4) + 0.0,  # no -0.0
        "kappa_lost": round(theirs.kappa - ours.kappa, 4) + 0.0,
    }
