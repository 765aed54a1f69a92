"""A recorded night as a value. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage

Counts = NDArray[np.int16] | NDArray[np.int32]


def stacked(rows: Sequence[Counts]) -> Counts:
    """Return equally long rows of counts as one array, shape (n_rows, n_samples)."""
    return cast("Counts", np.stack(rows))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Recording:
    """Counts as a converter gave them, and what they mean.

    Attributes
    ----------
    name : str
        For people; that of a synthetic night says so.
    montage : Montage
    counts : tuple of ndarray of int16 or int32, shape (n_channels, n_samples)
        One array per stream of `montage`.
    start_utc : datetime or None
        Of the first sample. Files name no time zone: what they say is read as UTC.
    synthetic : bool
        Made by a program, not by a person asleep.
    notes : tuple of str
        What is odd about it and what was done about it, for people.
    missing : tuple of (int, int)
        First sample and end of what no row of a headband's file has, of every stream.
    derivations : mapping of str to tuple of str
        What each of the model's inputs is made of, the best first, where that is known.
    """

    name: str
    montage: Montage
    counts: tuple[Counts, ...]
    start_utc: datetime | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    missing: tuple[tuple[int, int], ...] = ()
    derivations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Seconds that every stream covers."""
        return min(
            counts.shape[1] / stream.sfreq
            for counts, stream in zip(self.counts, self.montage.streams, strict=True)
        )

    def between(self, start_s: int, stop_s: int) -> "Recording":
        """Return the whole seconds from `start_s` to `stop_s`, as views."""
        counts = tuple(
            counts[:, stream.first_sample(start_s) : stream.first_sample(stop_s)]
            for counts, stream in zip(self.counts, self.montage.streams, strict=True)
        )
        start_utc = self.start_utc and self.start_utc + timedelta(seconds=start_s)
        return replace(self, counts=counts, start_utc=start_utc)
