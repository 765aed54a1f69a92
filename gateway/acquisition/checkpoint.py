"""Checkpoint of a session's sample grid, from which another process continues.

Some fields are stored under the names that files of earlier versions have.
"""

from dataclasses import dataclass, field, replace

from gateway.acquisition.loss_counts import LossCounts


@dataclass(frozen=True, slots=True)
class StreamCheckpoint:
    """Checkpoint of one stream.

    Attributes
    ----------
    offset : int
        Index minus sample of the session.
    next_index : int or None
        Of the sample that follows, as the headband counts, unwrapped; None when
        nothing was received.
    lost : int
        Samples that never arrived.
    t_rx : float
        Last arrival, monotonic seconds.
    received : bool
        Whether any packet of the stream arrived.
    """

    offset: int
    next_index: int | None
    lost: int
    t_rx: float
    received: bool = field(metadata={"stored_as": "heard"})


@dataclass(frozen=True, slots=True)
class RateCheckpoint:
    """Checkpoint of the headband's measured clock rate.

    Attributes
    ----------
    slope : float or None
        Of arrivals against the sample count; None until fitted.
    counted : int
        Samples of the grid until then; 0 where seconds are as printed.
    sfreq_hz : float or None
        Measured sampling frequency of the grid; None until fitted.
    """

    slope: float | None = None
    counted: int = 0
    sfreq_hz: float | None = None


@dataclass(frozen=True, slots=True)
class GridCheckpoint:
    """Checkpoint of a session: its position on the grid and its counts.

    Attributes
    ----------
    second : int
        All before it is over.
    t : float
        When it began, monotonic seconds.
    start_s : float
        First sample of the session, seconds.
    boot_id : int or None
        Of the headband, whose indices `streams` hold.
    streams : tuple of StreamCheckpoint
    rate : RateCheckpoint
    counts : LossCounts
    """

    second: int
    t: float
    start_s: float
    boot_id: int | None
    streams: tuple[StreamCheckpoint, ...] = field(metadata={"stored_as": "lanes"})
    rate: RateCheckpoint
    counts: LossCounts = field(metadata={"stored_as": "tally"})

    def moved(self, shift_s: float) -> "GridCheckpoint":
        """Return this by a monotonic clock that reads `shift_s` more."""
        streams = tuple(replace(x, t_rx=x.t_rx + shift_s) for x in self.streams)
        return replace(self, t=self.t + shift_s, streams=streams)
