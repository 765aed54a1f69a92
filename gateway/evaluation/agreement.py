"""Agreement of two hypnograms of one night, epoch by epoch. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.evaluation.confusion import (
    accuracy,
    cohen_kappa,
    confusion_matrix,
    f1_scores,
    macro_f1,
)
from gateway.staging.stage import STAGES, Refusal, Stage


class StageAgreement(NamedTuple):
    """Precision, recall and F1 of one stage; None where nobody scored it.

    `n_reference` counts its epochs in the reference among those that both scored.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    n_reference: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of two hypnograms, over the epochs both scored.

    Attributes
    ----------
    confusion : tuple of tuple of int
        Epochs, rows by the reference's stage and columns by ours, W N1 N2 N3 R.
    n_refused : int
        Epochs that the reference scored and we did not: never hidden in a figure.
    """

    confusion: tuple[tuple[int, ...], ...]
    n_refused: int

    @property
    def n_both(self) -> int:
        """Epochs that both scored."""
        return sum(map(sum, self.confusion))

    @property
    def coverage(self) -> float | None:
        """Fraction of the reference's epochs that we scored; None if it has none."""
        n_reference = self.n_both + self.n_refused
        return self.n_both / n_reference if n_reference else None

    @property
    def accuracy(self) -> float | None:
        """Fraction of equal stages; None when nothing was scored by both."""
        return _number(accuracy(self._matrix))

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None when chance leaves no room for any."""
        return _number(cohen_kappa(self._matrix))

    @property
    def stages(self) -> dict[Stage, StageAgreement]:
        """Precision, recall and F1 of every stage."""
        return {stage: self._stage(i) for i, stage in enumerate(STAGES)}

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the stages that either scored; None when nothing was."""
        return _number(macro_f1(self._matrix))

    def __add__(self, other: "Agreement") -> "Agreement":
        """Pool two nights."""
        confusion = tuple(
            tuple(a + b for a, b in zip(mine, its, strict=True))
            for mine, its in zip(self.confusion, other.confusion, strict=True)
        )
        return Agreement(confusion, self.n_refused + other.n_refused)

    def _stage(self, at: int) -> StageAgreement:
        hits = self.confusion[at][at]
        n_reference = sum(self.confusion[at])
        n_ours = sum(row[at] for row in self.confusion)
        return StageAgreement(
            precision=hits / n_ours if n_ours else None,
            recall=hits / n_reference if n_reference else None,
            f1=_number(f1_scores(self._matrix)[at]),
            n_reference=n_reference,
        )

    @property
    def _matrix(self) -> NDArray[np.int64]:
        return np.array(self.confusion, np.int64)


def _number(figure: NDArray[np.float64]) -> float | None:
    value = float(figure)
    return None if isnan(value) else value


def agreement(
    ours: Sequence[Stage | Refusal | None],
    reference: Sequence[Stage | Refusal | None],
) -> Agreement:
    """Compare two hypnograms that begin with the same epoch.

    Parameters
    ----------
    ours, reference : sequence of Stage, Refusal or None
        Anything but a `Stage` is unscored, and so is what lies beyond the end of
        the shorter.
    """
    position = {stage: i for i, stage in enumerate(STAGES)}
    both: list[tuple[int, int]] = []
    n_refused = 0
    for i, theirs in enumerate(reference):
        if not isinstance(theirs, Stage):
            continue
        stage = ours[i] if i < len(ours) else None
        if isinstance(stage, Stage):
            both.append((position[theirs], position[stage]))
        else:
            n_refused += 1
    confusion = confusion_matrix([its for its, _ in both], [mine for _, mine in both])
    return Agreement(tuple(map(tuple, confusion.tolist())), n_refused)


def scored_by_both(
    ours: Sequence[Stage | Refusal | None],
    reference: Sequence[Stage | Refusal | None],
) -> tuple[list[Stage | Refusal], list[Stage | Refusal]]:
    """Return both hypnograms over the reference's length, unscored where one is.

    Sleep statistics of two scorings can be compared where they rest on the same
    epochs (Menghini et al. 2021): an epoch that one refused counts for neither.
    """
    mine: list[Stage | Refusal] = []
    its: list[Stage | Refusal] = []
    for i, theirs in enumerate(reference):
        stage = ours[i] if i < len(ours) else None
        if isinstance(stage, Stage) and isinstance(theirs, Stage):
            mine.append(stage)
            its.append(theirs)
        else:
            mine.append(Refusal.GAP)
            its.append(Refusal.GAP)
    return mine, its
