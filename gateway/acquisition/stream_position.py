"""One stream's way along the session's sample grid."""

from math import ceil, floor

from gateway.acquisition.checkpoint import StreamCheckpoint
from gateway.acquisition.counter_unwrap import unwrap
from gateway.acquisition.montage import Stream
from gateway.acquisition.packets import SamplePacket
from gateway.acquisition.sample_grid import NEAR, SampleGrid

LAG_S = 3  # a stream may be this far behind the others


class StreamPosition:
    """Where one stream has got to.

    Parameters
    ----------
    stream : Stream
    grid : SampleGrid or None
        Says where seconds begin; None when the stream's nominal rate does. It may
        count another stream's samples: one crystal drives both.

    Attributes
    ----------
    stream : Stream
    next_index : int or None
        Of the sample that follows, as the headband counts, unwrapped; None when its
        count must be anchored anew.
    offset : int
        Index minus sample of the session.
    progress : int
        First sample of the session not yet reached.
    placed : int
        Samples in the blocks emitted.
    t_rx : float
        Last arrival, monotonic seconds.
    heard : bool
        Whether anything of this stream has come since the session began.
    returning : bool
        Not heard since the link came up.
    leapt_to : int or None
        Where a packet that was refused for its leap ended.
    """

    __slots__ = (
        "_grid",
        "_ratio",
        "heard",
        "leapt_to",
        "next_index",
        "offset",
        "placed",
        "progress",
        "returning",
        "stream",
        "t_rx",
    )

    def __init__(self, stream: Stream, grid: SampleGrid | None = None) -> None:
        self.stream = stream
        self._grid = grid
        self._ratio = 1.0 if grid is None else stream.sfreq / grid.sfreq
        self.next_index: int | None = None
        self.offset = self.progress = self.placed = 0
        self.t_rx = 0.0
        self.heard = False
        self.returning = True
        self.leapt_to: int | None = None

    def unwrap(self, packet: SamplePacket, following: int) -> int:
        """Return the index of `packet` unwrapped, `following` being expected.

        After a reconnection the arrival tells how often the count wrapped meanwhile.
        """
        away_s = packet.t_rx - self.t_rx if self.returning else 0.0
        near = following + round(away_s * self.stream.sfreq)
        return unwrap(packet.index, near, self.stream.index_modulus)

    def advance(self, index: int, packet: SamplePacket) -> None:
        """Move on to the end of `packet`."""
        self.next_index = index + packet.counts.shape[1]
        self.t_rx = packet.t_rx
        self.heard = True
        self.returning = False
        self.leapt_to = None

    def seconds(self) -> int:
        """Return how many whole seconds of the session have passed."""
        return self.second_of(self.progress)

    def free_second(self) -> int:
        """Return the first second that holds nothing of this stream."""
        return self.second_of(self.progress - 1) + 1

    def first_sample(self, second: int) -> int:
        """Return the first sample of the session at or after `second`."""
        if self._grid is None:
            return self.stream.first_sample(second)
        return ceil(self._grid.first_sample(second) * self._ratio - NEAR)

    def second_of(self, sample: int) -> int:
        """Return the second that holds `sample` of the session."""
        if self._grid is None:
            return self.nominal_second_of(sample)
        return self._grid.second_of((sample + NEAR) / self._ratio)

    def nominal_second_of(self, sample: int) -> int:
        """Return the second that would hold `sample` were the rate as printed."""
        return floor((sample + NEAR) / self.stream.sfreq)

    def sample_at(self, second: float) -> float:
        """Return where on this stream's count `second` of the session is."""
        if self._grid is None:
            return second * self.stream.sfreq
        return self._grid.sample_at(second) * self._ratio

    def counted_at(self, sample: int) -> float:
        """Return where on the grid's count `sample` of this stream is."""
        return sample / self._ratio

    def n_samples(self, second: int) -> int:
        """Return how many samples lie in `second`."""
        return self.first_sample(second + 1) - self.first_sample(second)

    def due(self, start_s: float, second: int) -> int:
        """Return how many samples there are in ``[start_s, second)``."""
        return self.first_sample(second) - ceil(start_s * self.stream.sfreq - 1e-6)

    def lost_s(self, start_s: float, next_second: int) -> float:
        """Return how much of ``[start_s, next_second)`` never arrived, seconds."""
        lost = self.due(start_s, next_second) - self.placed
        return max(0, lost) / self.stream.sfreq

    def point(self, start_s: float, second: int, beyond: int) -> StreamCheckpoint:
        """Return where the stream stands at `second`.

        Parameters
        ----------
        start_s : float
            First sample of the session.
        second : int
        beyond : int
            Samples of the last block emitted that lie after `second`.
        """
        return StreamCheckpoint(
            offset=self.offset,
            next_index=self.next_index,
            lost=max(0, self.due(start_s, second) - self.placed + beyond),
            t_rx=self.t_rx,
            heard=self.heard,
        )

    def resume(
        self, point: StreamCheckpoint, start_s: float, second: int, *, counts_on: bool
    ) -> None:
        """Go on at `second` with the losses of `point`, and its count if it may."""
        if counts_on:
            self.offset, self.next_index = point.offset, point.next_index
            self.t_rx = point.t_rx
        self.progress = self.first_sample(second)
        self.placed = max(0, self.due(start_s, second) - point.lost)
        self.heard = point.heard
