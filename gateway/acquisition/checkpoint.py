"""Where a session stands on its sample grid, as it is kept over a restart."""

from dataclasses import dataclass, replace

from gateway.acquisition.loss_counts import LossCounts


@dataclass(frozen=True, slots=True)
class StreamCheckpoint:
    """Where one stream stands.

    Attributes
    ----------
    offset : int
        Index minus sample of the session.
    next_index : int or None
        Of the sample that follows, as the headband counts, unwrapped; None when
        nothing was heard.
    lost : int
        Samples that never arrived.
    t_rx : float
        Last arrival, monotonic seconds.
    heard : bool
        Whether anything of the stream has come.
    """

    offset: int
    next_index: int | None
    lost: int
    t_rx: float
    heard: bool


@dataclass(frozen=True, slots=True)
class RateCheckpoint:
    """How fast the headband's clock runs.

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
    """Where a session stands.

    Attributes
    ----------
    second : int
        All before it is over.
    t : float
        When it began, monotonic seconds.
    start_s : float
        First sample of the session, seconds.
    boot_id : int or None
        Of the headband, whose indices the lanes hold.
    lanes : tuple of StreamCheckpoint
        One per stream.
    rate : RateCheckpoint
    tally : LossCounts
        Counts so far.
    """

    second: int
    t: float
    start_s: float
    boot_id: int | None
    lanes: tuple[StreamCheckpoint, ...]
    rate: RateCheckpoint
    tally: LossCounts

    def moved(self, shift_s: float) -> "GridCheckpoint":
        """Return this by a monotonic clock that reads `shift_s` more."""
        lanes = tuple(replace(x, t_rx=x.t_rx + shift_s) for x in self.lanes)
        return replace(self, t=self.t + shift_s, lanes=lanes)
