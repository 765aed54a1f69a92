"""The night in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.staging.stage import Refusal, Stage


@dataclass(frozen=True, slots=True)
class NightSummary:
    """Sleep statistics of a hypnogram, in minutes unless the name says otherwise.

    Attributes
    ----------
    hypnogram : tuple of Stage or Refusal
        One per epoch; epochs never seen are `Refusal.GAP`.
    """

    hypnogram: tuple[Stage | Refusal, ...]


def summarise(hypnogram: Sequence[Stage | Refusal]) -> NightSummary:
    """Compute the statistics of `hypnogram`."""
    return NightSummary(tuple(hypnogram))
