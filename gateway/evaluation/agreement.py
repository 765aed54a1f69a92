"""Agreement of two hypnograms of one night, epoch by epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.staging.stage import STAGES, Refusal, Stage


class StageAgreement(NamedTuple):
    """How one stage was found; None where there was nothing to find.

    `n_reference` counts its epochs in the reference among those that both scored.
    """

    precision: float | None
    recall: float | None
    f1: float | None
    n_reference: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two hypnograms of one night agree, over the epochs both scored.

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
        if not self.n_both:
            return None
        return sum(row[i] for i, row in enumerate(self.confusion)) / self.n_both

    @property
    def kappa(self) -> float | None:
        """Agreement beyond chance; None when chance leaves no room for any.

        Cohen 1960, Educ. Psychol. Meas. 20:37.
        """
        if self.accuracy is None:
            return None
        ours: list[int] = [sum(column) for column in zip(*self.confusion, strict=True)]
        reference = [sum(row) for row in self.confusion]
        by_chance = sum(a * b for a, b in zip(ours, reference, strict=True))
        if by_chance == self.n_both * self.n_both:
            return None
        chance = by_chance / (self.n_both * self.n_both)
        return (self.accuracy - chance) / (1 - chance)

    @property
    def stages(self) -> dict[Stage, StageAgreement]:
        """Precision, recall and F1 of every stage."""
        return {stage: self._stage(i) for i, stage in enumerate(STAGES)}

    @property
    def macro_f1(self) -> float | None:
        """Mean F1 of the stages that either scored; None when nothing was."""
        scores = [stage.f1 for stage in self.stages.values() if stage.f1 is not None]
        return sum(scores) / len(scores) if scores else None

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
            f1=2 * hits / (n_ours + n_reference) if n_ours + n_reference else None,
            n_reference=n_reference,
        )


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
    confusion = [[0] * len(STAGES) for _ in STAGES]
    n_refused = 0
    for i, theirs in enumerate(reference):
        if not isinstance(theirs, Stage):
            continue
        stage = ours[i] if i < len(ours) else None
        if isinstance(stage, Stage):
            confusion[position[theirs]][position[stage]] += 1
        else:
            n_refused += 1
    return Agreement(tuple(map(tuple, confusion)), n_refused)


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
