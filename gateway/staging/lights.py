"""Lights-off and lights-on markers, which bound the time in bed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.staging.stage import Refusal, Stage


@dataclass(frozen=True, slots=True)
class Lights:
    """Lights-off and lights-on markers that are in force.

    - Lights off counts until sleep follows: marked again before, the later one
      stands. After sleep, lights off again means that the night goes on.
    - Lights on counts once lights were off or sleep was seen; the first stands.

    Attributes
    ----------
    off_epoch, on_epoch : int or None
        First epoch in bed, and the first after it; None while not marked.
    off_utc, on_utc : datetime or None
        When they were marked.
    """

    off_epoch: int | None = None
    off_utc: datetime | None = None
    on_epoch: int | None = None
    on_utc: datetime | None = None

    def marked(
        self, epoch: int, utc: datetime, stages: Sequence[Stage | Refusal], *, off: bool
    ) -> "Lights":
        """Return these with one more marker.

        Parameters
        ----------
        epoch : int
            The epoch whose beginning is nearest to the mark.
        utc : datetime
        stages : sequence of Stage or Refusal
            The session so far.
        off : bool
            Whether the lights went off.
        """
        slept = any(map(is_sleep, stages[self.off_epoch or 0 :]))
        if off and self.off_epoch is not None and slept:
            return replace(self, on_epoch=None, on_utc=None)
        if off:
            return Lights(epoch, utc)
        if self.on_epoch is not None or not (slept or self.off_epoch is not None):
            return self
        return replace(self, on_epoch=epoch, on_utc=utc)

    def shifted(self, by: timedelta) -> "Lights":
        """Return these with both times `by` later."""
        return replace(
            self,
            off_utc=self.off_utc and self.off_utc + by,
            on_utc=self.on_utc and self.on_utc + by,
        )

    def in_bed(self, stages: Sequence[Stage | Refusal]) -> range:
        """Return the epochs of `stages` that are time in bed.

        From lights off, else the first epoch, to lights on, else the last epoch
        that was scored: what is refused at the very end is a headband that was taken
        off.
        """
        last = max(
            (i for i, s in enumerate(stages) if isinstance(s, Stage)), default=-1
        )
        start = min(self.off_epoch or 0, len(stages))
        end = last + 1 if self.on_epoch is None else min(self.on_epoch, len(stages))
        return range(start, max(start, end))


def is_sleep(stage: Stage | Refusal) -> bool:
    """Return whether an epoch was scored as sleep."""
    return isinstance(stage, Stage) and stage is not Stage.W
