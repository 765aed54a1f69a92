"""Hypnogram: the stages of a night in order, unscored epochs included."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal, Stage

# rows of a picture from the top: REM below wake, deep sleep at the bottom (AASM)
LEVELS = (Stage.W, Stage.R, Stage.N1, Stage.N2, Stage.N3)


class StageRun(NamedTuple):
    """Neighbouring epochs of one stage, or refused for one reason."""

    start: int
    length: int
    stage: Stage | Refusal


class Hypnogram:
    """Stages by epoch; an epoch never seen is `Refusal.GAP`."""

    def __init__(self, stages: Sequence[Stage | Refusal] = ()) -> None:
        self._stages: list[Stage | Refusal] = list(stages)
        self._hypnodensity: list[Sequence[float]] = [()] * len(self._stages)

    def add(self, scored: ScoredEpoch) -> None:
        """Put `scored` at its index, in place of what was there."""
        missing = scored.index + 1 - len(self._stages)
        self._stages += [Refusal.GAP] * missing
        self._hypnodensity += [()] * missing
        self._stages[scored.index] = scored.stage
        self._hypnodensity[scored.index] = scored.hypnodensity

    @property
    def stages(self) -> tuple[Stage | Refusal, ...]:
        """One entry per epoch since the session began."""
        return tuple(self._stages)

    @property
    def hypnodensity(self) -> tuple[Sequence[float], ...]:
        """W N1 N2 N3 R of each epoch; empty where refused or not known."""
        return tuple(self._hypnodensity)

    def __len__(self) -> int:
        return len(self._stages)

    @property
    def n_scored(self) -> int:
        """Epochs that have a stage."""
        return sum(isinstance(stage, Stage) for stage in self._stages)

    def runs(self) -> list[StageRun]:
        """Return the night as runs of equal epochs, in order."""
        runs: list[StageRun] = []
        start = 0
        for stage, run in groupby(self._stages):
            length = len(list(run))
            runs.append(StageRun(start, length, stage))
            start += length
        return runs
