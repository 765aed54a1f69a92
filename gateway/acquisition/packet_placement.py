"""Packet placement: the sample of the session that each packet begins with."""

from dataclasses import replace

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.clock_discipline import ClockDiscipline
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import SamplePacket
from gateway.acquisition.sample_grid import LAG_S, SampleGrid, StreamPosition

LEAP_S = 60  # a connection silent for longer was given up by the link long ago
RESEND_S = 60  # further back, a headband has not resent but restarted
AWAY_S = 24 * 3600  # further ahead, it is not the same night


class PacketPlacement:
    """Places packets by the headband's count, anchored anew where that restarts.

    A count says exactly how much is missing between two packets, a time of arrival
    only about. So the count is believed wherever it can be: over a wrap, over a lost
    packet, over a lost connection of a headband that names its boot. Where it cannot
    be, the next packet is anchored by its arrival, and the count followed from there.

    Parameters
    ----------
    montage : Montage
    grid : SampleGrid or None
        Of a recording that says where true seconds begin; None to measure.

    Attributes
    ----------
    positions : list of StreamPosition
        One per stream.
    clock : ClockDiscipline
    late, bad : int
        Packets refused because they are behind or leapt.
    """

    def __init__(self, montage: Montage, grid: SampleGrid | None = None) -> None:
        self.clock = ClockDiscipline(montage, grid)
        self.positions = [
            StreamPosition(s, self.clock.grid if s.rough_rate else None)
            for s in montage.streams
        ]
        self.late = self.bad = 0
        self._timed: StreamPosition | None = None  # whose arrivals the clock has seen
        self._info = HeadbandInfo(montage)
        self._anchored = False

    def link_up(self, info: HeadbandInfo) -> None:
        """Begin a connection."""
        restarted = info.boot_id is None or info.boot_id != self._info.boot_id
        self._info = info
        for position in self.positions:
            position.returning = True
        if restarted:
            self._forget()

    def resume(self, info: HeadbandInfo, point: GridCheckpoint) -> None:
        """Continue where another process stopped; before the first connection.

        A headband that still counts as it did is followed to the sample, any other
        by the time of arrival, as after its restart.
        """
        self.clock.resume(point)
        self._anchored = self.clock.grid is None and point.boot_id is not None
        for position, was in zip(self.positions, point.streams, strict=True):
            position.resume(was, point.start_s, point.second, counts_on=self._anchored)
        self._info = replace(info, boot_id=point.boot_id if self._anchored else None)

    def place(self, packet: SamplePacket, next_second: int) -> int | None:
        """Return the sample of the session that `packet` begins with.

        None if it is to be dropped. Nothing is anchored before `next_second`.
        """
        position = self.positions[packet.stream]
        if (index := self._index(position, packet)) is None:
            return None
        if position.next_index is None:
            self._anchor(position, index, packet, next_second)
        position.advance(index, packet)
        return index - position.offset

    def observe(self, packet: SamplePacket, first: int) -> None:
        """Learn from a packet that was written at `first` how the clock runs."""
        position = self.positions[packet.stream]
        if position is not self._timekeeper():
            return
        if self._timed not in {None, position}:
            self.clock.restart(self._info.tick_hz)
        self._learn(packet, first, position)

    def start_clock(self, packet: SamplePacket) -> None:
        """Learn from a packet just written when the session began, if only roughly.

        Its stream may not be the one that tells the time: of a headband whose fastest
        stream sends nothing, or only what is too late, a slower one has to.
        """
        position = self.positions[packet.stream]
        self._learn(packet, position.progress - packet.counts.shape[1], position)

    def _learn(
        self, packet: SamplePacket, first: int, position: StreamPosition
    ) -> None:
        self._timed = position
        self.clock.observe(packet, first, position, self._info.tick_hz)

    @property
    def boot_id(self) -> int | None:
        """Of the headband whose count is followed."""
        return self._info.boot_id

    def _timekeeper(self) -> StreamPosition:
        """Return the fastest stream, of those that send once that is known."""
        waiting = max(position.seconds() for position in self.positions) <= LAG_S
        there = [
            position for position in self.positions if waiting or position.received
        ]
        return max(there, key=lambda x: (x.stream.rough_rate, x.stream.sfreq))

    def _forget(self) -> None:
        self._anchored = False
        for position in self.positions:
            position.next_index = None
        self.clock.restart(self._info.tick_hz)

    def _index(self, position: StreamPosition, packet: SamplePacket) -> int | None:
        """Return the unwrapped index, or None if the packet is to be dropped."""
        if position.next_index is None:
            return self._first_index(position, packet)
        index = position.unwrap(packet, position.next_index)
        ahead_s = (index - position.next_index) / position.stream.sfreq
        if position.returning and not -RESEND_S <= ahead_s <= AWAY_S:
            # the count restarted, though the boot is said to be the same
            self._forget()
            return packet.index
        if ahead_s < 0:
            self.late += 1
            return None
        if position.returning or position.may_miss(ahead_s, packet.t_rx, LEAP_S):
            return index
        if index == position.leapt_to and position.may_miss(1, packet.t_rx, LEAP_S):
            # two packets that continue each other are no bit error
            self._forget()
            return packet.index
        position.leapt_to = index + packet.counts.shape[1]
        self.bad += 1
        return None

    def _first_index(
        self, position: StreamPosition, packet: SamplePacket
    ) -> int | None:
        if self._anchored and self._info.boot_id is not None:
            second = position.nominal_second_of(packet.index - position.offset)
            reached = (x.nominal_second_of(x.progress) for x in self.positions)
            if second - max(reached) > LEAP_S:
                self.bad += 1
                return None
        return packet.index

    def _anchor(
        self,
        position: StreamPosition,
        index: int,
        packet: SamplePacket,
        next_second: int,
    ) -> None:
        """Decide which sample of the session `index` is."""
        n_samples = packet.counts.shape[1]
        packet_s = n_samples / position.stream.sfreq
        if self._info.boot_id is None:
            began_s = self.clock.second_before(packet, packet_s, packet_s)
            arrived = round(position.sample_at(max(began_s, 0.0)))
            emitted = position.first_sample(next_second)
            position.offset = index - max(arrived, position.progress, emitted)
        elif not self._anchored:
            # All streams together, by a whole second of the headband's count: their
            # indices are common, and seconds stay whole in each.
            second = position.nominal_second_of(index)
            length_s = (index + n_samples) / position.stream.sfreq - second
            arrived = round(self.clock.second_before(packet, packet_s, length_s))
            free = max(other.free_second() for other in self.positions)
            # never before what was written: the night does not run backwards
            target = max(arrived, free, next_second)
            for other in self.positions:
                first_sample = other.stream.first_sample(second)
                other.offset = first_sample - other.first_sample(target)
        self._anchored = True
