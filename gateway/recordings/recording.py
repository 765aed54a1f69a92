"""A recorded night as a value. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage

Counts = NDArray[np.int16] | NDArray[np.int32]


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
    """

    name: str
    montage: Montage
    counts: tuple[Counts, ...]
    start_utc: datetime | None = None
    synthetic: bool = False

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
