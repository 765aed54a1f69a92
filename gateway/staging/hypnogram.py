"""A night of stages, in order, with its holes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from gateway.staging.score import ScoredEpoch
from gateway.staging.stage import STAGES, Refusal, Stage


class Run(NamedTuple):
    """Neighbouring epochs of one stage, or refused for one reason."""

    start: int
    length: int
    stage: Stage | Refusal


class Hypnogram:
    """Stages by epoch; an epoch never seen is `Refusal.GAP`."""

    def __init__(self, stages: Sequence[Stage | Refusal] = ()) -> None:
        self._stages: list[Stage | Refusal] = list(stages)

    def add(self, scored: ScoredEpoch) -> None:
        """Put `scored` at its index, in place of what was there."""
        missing = scored.index + 1 - len(self._stages)
        self._stages += [Refusal.GAP] * missing
        self._stages[scored.index] = scored.stage

    @property
    def stages(self) -> tuple[Stage | Refusal, ...]:
        """One entry per epoch since the session began."""
        return tuple(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    @property
    def n_scored(self) -> int:
        """Epochs that have a stage."""
        return sum(isinstance(stage, Stage) for stage in self._stages)

    def runs(self) -> list[Run]:
        """Return the night as runs of equal epochs, in order."""
        runs: list[Run] = []
        start = 0
        for stage, run in groupby(self._stages):
            length = len(list(run))
            runs.append(Run(start, length, stage))
            start += length
        return runs


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two hypnograms of one night agree, over the epochs both scored.

    Attributes
    ----------
    confusion : tuple of tuple of int
        Epochs, rows by the expert's stage and columns by ours, W N1 N2 N3 R.
    n_refused : int
        Epochs that the expert scored and we did not: never hidden in a figure.
    """

    confusion: tuple[tuple[int, ...], ...]
    n_refused: int

    @property
    def n_both(self) -> int:
        """Epochs that both scored."""
        return sum(map(sum, self.confusion))

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
        expert = [sum(row) for row in self.confusion]
        by_chance = sum(a * b for a, b in zip(ours, expert, strict=True))
        if by_chance == self.n_both * self.n_both:
            return None
        chance = by_chance / (self.n_both * self.n_both)
        return (self.accuracy - chance) / (1 - chance)


def agreement(
    ours: Sequence[Stage | Refusal], expert: Sequence[Stage | Refusal | None]
) -> Agreement:
    """Compare two hypnograms that begin with the same epoch.

    Parameters
    ----------
    ours, expert : sequence of Stage, Refusal or None
        Anything but a `Stage` is unscored, and so is what lies beyond the end of
        the shorter.
    """
    position = {stage: i for i, stage in enumerate(STAGES)}
    confusion = [[0] * len(STAGES) for _ in STAGES]
    n_refused = 0
    for i, theirs in enumerate(expert):
        if not isinstance(theirs, Stage):
            continue
        stage = ours[i] if i < len(ours) else Refusal.GAP
        if isinstance(stage, Stage):
            confusion[position[theirs]][position[stage]] += 1
        else:
            n_refused += 1
    return Agreement(tuple(map(tuple, confusion)), n_refused)
