"""Sample grid: where the seconds of a session begin, on the headband's own count."""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from math import ceil, floor

from gateway.acquisition.checkpoint import StreamCheckpoint
from gateway.acquisition.clock_fit import ClockFit
from gateway.acquisition.counter_unwrap import unwrap
from gateway.acquisition.montage import Stream
from gateway.acquisition.packets import SamplePacket

NEAR = 1e-6  # of a sample: what a float may be off
LAG_S = 3  # a stream may be this far behind the others


class SampleGrid:
    """First sample of every second, decided once and never again.

    Seconds have the nominal number of samples until `follow` says where true ones
    begin. From then on each new second ends with the sample nearest to its true end,
    but holds at most one sample more or less than the rate, rounded: a correction
    of phase is spread over the seconds to come.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency of the stream whose samples are counted, Hz.

    Attributes
    ----------
    sfreq : float
    fit : ClockFit or None
        First sample of each true second, as measured; None before the first time.
    """

    __slots__ = ("_edges", "fit", "sfreq")

    def __init__(self, sfreq: float) -> None:
        self.sfreq = sfreq
        self.fit: ClockFit | None = None
        self._edges = array("q", [0])

    def follow(self, fit: ClockFit) -> None:
        """Let the seconds to come begin where `fit` says."""
        self.fit = fit

    def resume(self, second: int, sample: int, rate: float | None) -> None:
        """Continue with `sample` at `second`, by a rate that was measured before.

        Where the seconds until then began is forgotten but for their sum.
        """
        pace = sample / second if second else self.sfreq
        self._edges = array("q", (round(pace * k) for k in range(second)))
        self._edges.append(sample)
        if rate is not None:
            self.fit = ClockFit(sample - rate * second, rate)

    def first_sample(self, second: int) -> int:
        """Return the first sample of `second`, which is settled by the question."""
        while len(self._edges) <= second:
            self._cut()
        return self._edges[second]

    def second_of(self, sample: float) -> int:
        """Return the second that holds `sample`, and settle where it ends."""
        while self._edges[-1] <= sample:
            self._cut()
        return bisect_right(self._edges, sample) - 1

    def second_at(self, sample: float) -> float:
        """Return the second of the session at which `sample` was taken."""
        second = self.second_of(sample)
        first = self.first_sample(second)
        return second + (sample - first) / (self.first_sample(second + 1) - first)

    def sample_at(self, second: float) -> float:
        """Return where on the count `second` of the session is."""
        whole = floor(second)
        first = self.first_sample(whole)
        return first + (second - whole) * (self.first_sample(whole + 1) - first)

    def _cut(self) -> None:
        second, last = len(self._edges), self._edges[-1]
        if self.fit is None:
            self._edges.append(ceil(second * self.sfreq - NEAR))
            return
        n_samples = round(self.fit.at(second)) - last
        # One sample more or less than usual: a phase that is found to be a second off
        # is made up within minutes, and no epoch is visibly longer than another.
        usual = round(self.fit.slope)
        self._edges.append(last + min(max(n_samples, usual - 1, 1), usual + 1))


class RecordedGrid(SampleGrid):
    """Grid of a recording that says where its epochs begin.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency of the stream whose samples are counted, Hz.
    epochs : sequence of int
        First sample of every epoch, and of what follows the last; at least two.
    epoch_s : int
        Length of an epoch, seconds. Its seconds are equal but for rounding, and
        those beyond the last epoch are as long as its.
    """

    __slots__ = ("_epoch_s", "_epochs")

    def __init__(self, sfreq: float, epochs: Sequence[int], epoch_s: int) -> None:
        super().__init__(sfreq)
        self._epochs, self._epoch_s = epochs, epoch_s

    def _cut(self) -> None:
        epoch, second = divmod(len(self._edges), self._epoch_s)
        at = min(epoch, len(self._epochs) - 2)
        first, end = self._epochs[at : at + 2]
        along = (epoch - at) * self._epoch_s + second
        self._edges.append(first + round((end - first) * along / self._epoch_s))


class StreamPosition:
    """Position of one stream on the session's sample grid.

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
    received : bool
        Whether any packet of this stream arrived since the session began.
    returning : bool
        Whether none arrived since the link came up.
    leapt_to : int or None
        Where a packet that was refused for its leap ended.
    """

    __slots__ = (
        "_gone_s",
        "_grid",
        "_ratio",
        "leapt_to",
        "next_index",
        "offset",
        "placed",
        "progress",
        "received",
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
        self.received = False
        self.returning = True
        self.leapt_to: int | None = None
        self._gone_s = 0.0  # missing, beyond the time that has passed meanwhile

    def may_miss(self, gap_s: float, t_rx: float, most_s: float) -> bool:
        """Return whether the count may leap by `gap_s`, and note it if so.

        Samples cannot be lost faster than they are taken: what is missing within one
        connection may be ahead of the clock of arrivals by `most_s`, as after packets
        that waited, and no more. A count that leaps on and on is no clock.
        """
        gone_s = max(0.0, self._gone_s + gap_s - (t_rx - self.t_rx))
        if gone_s > most_s:
            return False
        self._gone_s = gone_s
        return True

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
        self.received = True
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

    def checkpoint(self, start_s: float, second: int, beyond: int) -> StreamCheckpoint:
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
            received=self.received,
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
        self.received = point.received
