"""A night that was scored, as it is kept, compared and reported. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.epoch_length import EPOCH_S
from gateway.staging.hmm_smoothing import HmmSmoothing, second_pass
from gateway.staging.stage import Refusal, Stage


@dataclass(frozen=True, slots=True)
class PublishedEpoch:
    """Thirty seconds as they were published.

    Attributes
    ----------
    index : int
        0-based within the night.
    stage : Stage or Refusal
    hypnodensity : tuple of float
        W N1 N2 N3 R; empty when refused.
    quality : float
        1 is flawless, 0 useless.
    missing_s : float
        Seconds of the thirty that never arrived.
    flaws : tuple of str
        What is wrong with any derivation, in the words of messages.
    derivations : mapping of str to str
        What each of the model's inputs was made of.
    raw_hypnodensity : tuple of float
        By this epoch alone, where the model heeds those before it too; else empty.
    """

    index: int
    stage: Stage | Refusal
    hypnodensity: tuple[float, ...]
    quality: float
    missing_s: float
    flaws: tuple[str, ...]
    derivations: Mapping[str, str]
    raw_hypnodensity: tuple[float, ...] = ()

    @property
    def confidence(self) -> float | None:
        """Probability of the stage shown; None when refused."""
        return max(self.hypnodensity) if self.hypnodensity else None


@dataclass(frozen=True, slots=True)
class ScoredNight:
    """One night, epoch by epoch without holes.

    Attributes
    ----------
    name : str
        Of the recording or session, for people.
    device : str
        The headband's name in the configuration; ``"offline"`` for a file.
    start_utc : datetime
        Of the first epoch.
    dated : bool
        False where the recording does not say when it was made: `start_utc` then
        serves to count from.
    model, model_digest : str
        What scored it.
    epochs : tuple of PublishedEpoch
    in_bed : range or None
        Epochs that count as time in bed, from `Lights.in_bed`; None for all.
    notes : tuple of str
        What is odd about the recording and what was done about it.
    """

    name: str
    device: str
    start_utc: datetime
    dated: bool
    model: str
    model_digest: str
    epochs: tuple[PublishedEpoch, ...]
    in_bed: range | None = None
    notes: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[Stage | Refusal, ...]:
        """The hypnogram as it was live."""
        return tuple(epoch.stage for epoch in self.epochs)

    @property
    def hypnodensity(self) -> tuple[tuple[float, ...], ...]:
        """Hypnodensity of each epoch, W N1 N2 N3 R; empty when refused."""
        return tuple(epoch.hypnodensity for epoch in self.epochs)

    @property
    def missing_s(self) -> float:
        """Seconds of the night that never arrived."""
        return sum(epoch.missing_s for epoch in self.epochs)

    def second_pass(self) -> HmmSmoothing:
        """Return what the whole night makes of each epoch."""
        return second_pass(
            self.stages,
            [epoch.hypnodensity for epoch in self.epochs],
            [epoch.raw_hypnodensity for epoch in self.epochs],
        )

    def start_of(self, epoch: int) -> datetime:
        """Return when an epoch began."""
        return self.start_utc + timedelta(seconds=epoch * EPOCH_S)

    def with_notes(self, notes: tuple[str, ...]) -> "ScoredNight":
        """Return the night with more to say about it."""
        return replace(self, notes=(*self.notes, *notes))
