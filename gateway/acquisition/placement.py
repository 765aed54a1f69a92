"""Which sample of the session each packet begins with."""

from math import floor

from gateway.acquisition.clock import DeviceClock
from gateway.acquisition.lane import LAG_S, Lane
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import SamplePacket

LEAP_S = 3600  # a connection silent for longer was given up by the link long ago
RESEND_S = 60  # further back, a headband has not resent but restarted
AWAY_S = 24 * 3600  # further ahead, it is not the same night


class Placement:
    """Follow the headband's count, and begin it anew where it restarts.

    Parameters
    ----------
    montage : Montage

    Attributes
    ----------
    lanes : list of Lane
        One per stream.
    clock : DeviceClock
        Of the fastest stream that sends.
    late, bad : int
        Packets refused because they are behind or leapt.
    """

    def __init__(self, montage: Montage) -> None:
        self.clock = DeviceClock()
        self.lanes = [Lane(stream) for stream in montage.streams]
        self.late = self.bad = 0
        self._timed: Lane | None = None  # whose arrivals the clock has seen
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

    def observe(self, packet: SamplePacket) -> None:
        """Learn from a packet that was written how the headband's clock runs."""
        lane = self.lanes[packet.stream]
        if lane is not self._timekeeper():
            return
        if self._timed not in {None, lane}:
            self.clock.restart(self._info.tick_hz)
        self._timed = lane
        ticks, tick_hz = packet.ticks, self._info.tick_hz
        if ticks is not None and tick_hz is not None:
            ticks += round(packet.counts.shape[1] / lane.stream.sfreq * tick_hz)
        second = lane.progress / lane.stream.sfreq
        self.clock.observe(second, packet.t_rx, ticks=ticks)

    def _timekeeper(self) -> Lane:
        """Return the fastest stream, of those that send once that is known."""
        waiting = max(lane.seconds() for lane in self.lanes) <= LAG_S
        there = [lane for lane in self.lanes if waiting or lane.heard]
        return max(there, key=lambda lane: lane.stream.sfreq)

    def _forget(self) -> None:
        self._anchored = False
        for lane in self.lanes:
            lane.next_index = None
        self.clock.restart(self._info.tick_hz)

    def _index(self, lane: Lane, packet: SamplePacket) -> int | None:
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

    def _first_index(self, lane: Lane, packet: SamplePacket) -> int | None:
        if self._anchored and self._info.boot_id is not None:
            second = lane.second_of(packet.index - lane.offset)
            if second - max(other.seconds() for other in self.lanes) > LEAP_S:
                self.bad += 1
                return None
        return packet.index

    def _anchor(
        self, lane: Lane, index: int, packet: SamplePacket, next_second: int
    ) -> None:
        """Decide which sample of the session `index` is."""
        sfreq = lane.stream.sfreq
        end = index + packet.counts.shape[1]
        if self._info.boot_id is None:
            arrived = round(self._elapsed(packet, (end - index) / sfreq) * sfreq)
            emitted = lane.stream.first_sample(next_second)
            lane.offset = index - max(arrived, lane.progress, emitted)
        elif not self._anchored:
            second = floor((index + 1e-6) / sfreq)
            arrived = round(self._elapsed(packet, end / sfreq - second))
            free = max(other.free_second() for other in self.lanes)
            target = max(arrived, free, next_second)
            for other in self.lanes:
                first_sample = other.stream.first_sample
                other.offset = first_sample(second) - first_sample(target)
        self._anchored = True

    def _elapsed(self, packet: SamplePacket, length_s: float) -> float:
        """Return the second of the session at which what ended now began."""
        began = packet.t_rx - length_s
        if self._t_zero is None:
            self._t_zero = began
        return began - self._t_zero
