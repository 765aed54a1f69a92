"""Which sample of the session each packet begins with."""

from dataclasses import replace

from gateway.acquisition.arrival_clock import ArrivalClock
from gateway.acquisition.checkpoint import GridCheckpoint, RateCheckpoint
from gateway.acquisition.clock_discipline import ClockDiscipline
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import SamplePacket
from gateway.acquisition.sample_grid import SampleGrid
from gateway.acquisition.stream_position import LAG_S, StreamPosition

LEAP_S = 3600  # a connection silent for longer was given up by the link long ago
RESEND_S = 60  # further back, a headband has not resent but restarted
ROUGH_FIT_S = 20.0  # the first epoch is dated by the measured rate already
AWAY_S = 24 * 3600  # further ahead, it is not the same night


class PacketPlacement:
    """Follow the headband's count, and begin it anew where it restarts.

    Streams of a rough rate share a grid whose seconds follow the rate as measured
    in the fastest of them; the seconds of the others are counted as printed.

    Parameters
    ----------
    montage : Montage
    grid : SampleGrid or None
        Of a recording that says where true seconds begin; None to measure.

    Attributes
    ----------
    lanes : list of StreamPosition
        One per stream.
    clock : ArrivalClock
        Of the fastest stream that sends.
    late, bad : int
        Packets refused because they are behind or leapt.
    """

    def __init__(self, montage: Montage, grid: SampleGrid | None = None) -> None:
        rough = [s.sfreq for s in montage.streams if s.rough_rate]
        self.clock = ArrivalClock(ROUGH_FIT_S) if rough else ArrivalClock()
        self._steering = None
        self._grid = grid
        if rough and grid is None:
            self._grid = SampleGrid(max(rough))
            self._steering = ClockDiscipline(self._grid, self.clock)
        self.lanes = [
            StreamPosition(s, self._grid if s.rough_rate else None)
            for s in montage.streams
        ]
        self.late = self.bad = 0
        self._timed: StreamPosition | None = None  # whose arrivals the clock has seen
        self._info = HeadbandInfo(montage)
        self._anchored = False
        self._t_zero: float | None = None  # arrival of second 0

    def link_up(self, info: HeadbandInfo) -> None:
        """Begin a connection."""
        restarted = info.boot_id is None or info.boot_id != self._info.boot_id
        self._info = info
        for lane in self.lanes:
            lane.returning = True
        if restarted:
            self._forget()

    def resume(self, info: HeadbandInfo, point: GridCheckpoint) -> None:
        """Go on where another process was; before the first connection.

        A headband that still counts as it did is followed to the sample, any other
        by the time of arrival, as after its restart.
        """
        self._t_zero = point.t - point.second
        counted_s = float(point.second)
        if self._grid is not None:
            rate = point.rate
            self._grid.resume(point.second, rate.counted, rate.sfreq_hz)
            counted_s = rate.counted / self._grid.sfreq
        self.clock.begin(counted_s, point.t, point.rate.slope)
        self._anchored = self._grid is None and point.boot_id is not None
        for lane, was in zip(self.lanes, point.lanes, strict=True):
            lane.resume(was, point.start_s, point.second, counts_on=self._anchored)
        self._info = replace(info, boot_id=point.boot_id if self._anchored else None)

    def place(self, packet: SamplePacket, next_second: int) -> int | None:
        """Return the sample of the session that `packet` begins with.

        None if it is to be dropped. Nothing is anchored before `next_second`.
        """
        lane = self.lanes[packet.stream]
        if (index := self._index(lane, packet)) is None:
            return None
        if lane.next_index is None:
            self._anchor(lane, index, packet, next_second)
        lane.advance(index, packet)
        return index - lane.offset

    def observe(self, packet: SamplePacket, first: int) -> None:
        """Learn from a packet that was written at `first` how the clock runs."""
        lane = self.lanes[packet.stream]
        if lane is not self._timekeeper():
            return
        if self._timed not in {None, lane}:
            self._restart_clock()
        self._timed = lane
        counted_s = lane.progress / lane.stream.sfreq
        if self._steering is None:
            self.clock.observe(counted_s, packet.t_rx, ticks=self._ticks_after(packet))
        else:
            self.clock.observe(counted_s, packet.t_rx)
            if lane.stream.rough_rate:
                self._steering.observe(
                    packet, lane.counted_at(first), lane.counted_at(lane.progress)
                )

    def _ticks_after(self, packet: SamplePacket) -> int | None:
        if packet.ticks is None or self._info.tick_hz is None:
            return None
        length_s = packet.counts.shape[1] / self.lanes[packet.stream].stream.sfreq
        return packet.ticks + round(length_s * self._info.tick_hz)

    def t_of(self, second: int) -> float:
        """Return the monotonic time at which `second` of the session began."""
        if self._grid is None or self.clock.replayed:
            return self.clock.t_of(second)
        return self.clock.t_of(self._grid.first_sample(second) / self._grid.sfreq)

    def second_at(self, t: float) -> float | None:
        """Return the second of the session at monotonic time `t`.

        None before the first arrival, and in a replay, whose seconds are others.
        """
        counted_s = self.clock.second_at(t)
        if counted_s is None or self._grid is None:
            return counted_s
        if self._steering is None:
            return self._grid.second_at(counted_s * self._grid.sfreq)
        if self._grid.course is None:
            return counted_s
        return self._grid.course.second_at(counted_s * self._grid.sfreq)

    def rate_at(self, second: int) -> RateCheckpoint:
        """Return how fast the headband's clock runs, and its count at `second`."""
        counted = 0 if self._grid is None else self._grid.first_sample(second)
        return RateCheckpoint(self.clock.slope, counted, self.sfreq_hz)

    @property
    def boot_id(self) -> int | None:
        """Of the headband that is followed."""
        return self._info.boot_id

    @property
    def drift_ppm(self) -> float | None:
        """Parts per million the headband's clock is fast; None until fitted."""
        if self._steering is None:
            return self.clock.drift_ppm
        return self._steering.drift_ppm

    @property
    def sfreq_hz(self) -> float | None:
        """Measured rate of the fastest stream that needs it; None until fitted."""
        if self._grid is None or self._grid.course is None:
            return None
        return self._grid.course.rate

    def _timekeeper(self) -> StreamPosition:
        """Return the fastest stream, of those that send once that is known."""
        waiting = max(lane.seconds() for lane in self.lanes) <= LAG_S
        there = [lane for lane in self.lanes if waiting or lane.heard]
        return max(there, key=lambda x: (x.stream.rough_rate, x.stream.sfreq))

    def _forget(self) -> None:
        self._anchored = False
        for lane in self.lanes:
            lane.next_index = None
        self._restart_clock()

    def _restart_clock(self) -> None:
        if self._steering is None:
            self.clock.restart(self._info.tick_hz)
        else:
            self._steering.restart(self._info.tick_hz)
            self.clock.restart(None)

    def _index(self, lane: StreamPosition, packet: SamplePacket) -> int | None:
        """Return the unwrapped index, or None if the packet is to be dropped."""
        if lane.next_index is None:
            return self._first_index(lane, packet)
        index = lane.unwrap(packet, lane.next_index)
        ahead_s = (index - lane.next_index) / lane.stream.sfreq
        if lane.returning and not -RESEND_S <= ahead_s <= AWAY_S:
            self._forget()
            return packet.index
        if ahead_s < 0:
            self.late += 1
            return None
        if lane.returning or ahead_s <= LEAP_S:
            return index
        if index == lane.leapt_to:
            self._forget()
            return packet.index
        lane.leapt_to = index + packet.counts.shape[1]
        self.bad += 1
        return None

    def _first_index(self, lane: StreamPosition, packet: SamplePacket) -> int | None:
        if self._anchored and self._info.boot_id is not None:
            second = lane.nominal_second_of(packet.index - lane.offset)
            reached = (x.nominal_second_of(x.progress) for x in self.lanes)
            if second - max(reached) > LEAP_S:
                self.bad += 1
                return None
        return packet.index

    def _anchor(
        self, lane: StreamPosition, index: int, packet: SamplePacket, next_second: int
    ) -> None:
        """Decide which sample of the session `index` is."""
        n_samples = packet.counts.shape[1]
        if self._info.boot_id is None:
            began_s = self._arrived_s(packet, n_samples / lane.stream.sfreq)
            arrived = round(lane.sample_at(max(began_s, 0.0)))
            emitted = lane.first_sample(next_second)
            lane.offset = index - max(arrived, lane.progress, emitted)
        elif not self._anchored:
            second = lane.nominal_second_of(index)
            length_s = (index + n_samples) / lane.stream.sfreq - second
            arrived = round(self._arrived_s(packet, length_s))
            free = max(other.free_second() for other in self.lanes)
            target = max(arrived, free, next_second)
            for other in self.lanes:
                first_sample = other.stream.first_sample(second)
                other.offset = first_sample - other.first_sample(target)
        self._anchored = True

    def _arrived_s(self, packet: SamplePacket, length_s: float) -> float:
        """Return the second of the session `length_s` before `packet` ended."""
        t_began = packet.t_rx - length_s
        if self._t_zero is None:
            self._t_zero = t_began
        arrived_s = t_began - self._t_zero
        if self._steering is None or self.sfreq_hz is None:
            return arrived_s
        packet_s = packet.counts.shape[1] / self.lanes[packet.stream].stream.sfreq
        resumed_s = self._steering.resumed_s(packet, packet.t_rx - packet_s)
        if resumed_s is not None:
            return resumed_s - (length_s - packet_s)
        by_clock = self.second_at(t_began)
        return arrived_s if by_clock is None else by_clock
