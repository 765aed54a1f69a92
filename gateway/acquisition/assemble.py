"""Lay packets on one sample grid for the whole night and cut it into seconds."""

from collections.abc import Iterator
from dataclasses import replace
from math import floor

import numpy as np

from gateway.acquisition.clock import DeviceClock
from gateway.acquisition.lane import Lane
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import Block, SamplePacket
from gateway.acquisition.tally import Tally
from gateway.errors import LinkError

LAG_S = 3  # a stream may be this far behind the others
LEAP_S = 3600  # a connection silent for longer was given up by the link long ago
RESEND_S = 60  # further back, a headband has not resent but restarted
AWAY_S = 24 * 3600  # further ahead, it is not the same night


class Assembler:
    """Place every packet where the headband's count says; losses leave holes.

    Second 0 of the session is the whole second, on the headband's count, of the
    first sample received. From then on:

    - With a `boot_id`, indices are common to all streams and outlive connections:
      whatever was lost in between is missing in its exact length. A new `boot_id`,
      an index that is more than a minute behind or one that is more than a day
      ahead after a reconnection mean that the count restarted. Its first second is
      then placed by its time of arrival, never before the end of what was written.
    - Without one, each stream of each connection is placed by its time of arrival,
      under the same condition.

    A second is complete when every stream has passed its end, or when some stream
    is `LAG_S` ahead of a laggard. Packets must therefore hold less than `LAG_S`
    seconds of signal. Seconds of which nothing arrived yield no block.

    Late, repeated and overlapping packets, and those for seconds already emitted,
    are dropped and counted. A packet that leaps more than an hour ahead within a
    connection is dropped and counted as bad; should the next continue from there,
    the count has restarted.

    Parameters
    ----------
    montage : Montage
        What the headband records during this session.
    """

    def __init__(self, montage: Montage) -> None:
        self.clock = DeviceClock()
        self._montage = montage
        self._lanes = [Lane(stream) for stream in montage.streams]
        self._fastest = max(self._lanes, key=lambda lane: lane.stream.sfreq)
        self._info = HeadbandInfo(montage)
        self._anchored = False
        self._t_zero: float | None = None  # arrival of second 0
        self._start_s = 0.0  # first sample of the session
        self._next_second = 0
        self._open: dict[int, Block] = {}
        self._packets = self._late = self._bad = self._connections = 0

    def link_up(self, info: HeadbandInfo) -> None:
        """Begin a connection.

        Raises
        ------
        LinkError
            If the headband records something else than when the session began; the
            session goes on should it come back as it was.
        """
        if info.montage != self._montage:
            was, now = _words(self._montage), _words(info.montage)
            change = f"{was} became {now}" if was != now else f"calibration of {was}"
            raise LinkError(
                "the headband's settings changed within the session: "
                f"{change}; set them back, or begin a new session"
            )
        restarted = info.boot_id is None or info.boot_id != self._info.boot_id
        self._info = info
        self._connections += 1
        for lane in self._lanes:
            lane.returning = True
        if restarted:
            self._forget()

    def push(self, packet: SamplePacket) -> Iterator[Block]:
        """Yield the blocks that `packet` completes."""
        lane = self._lanes[packet.stream]
        if packet.counts.shape[1] and self._place(lane, packet):
            yield from self._emit(packet.t_rx)

    def tally(self) -> Tally:
        """Return what was received and lost so far.

        `lost_s` covers the seconds emitted; `bad_packets` those that leapt, to which
        the caller adds what the decoder refused.
        """
        return Tally(
            packets=self._packets,
            late_packets=self._late,
            bad_packets=self._bad,
            lost_s=max(
                lane.lost_s(self._start_s, self._next_second) for lane in self._lanes
            ),
            connections=self._connections,
            drift_ppm=self.clock.drift_ppm,
        )

    def _forget(self) -> None:
        self._anchored = False
        for lane in self._lanes:
            lane.next_index = None
        self.clock.restart(self._info.tick_hz)

    def _place(self, lane: Lane, packet: SamplePacket) -> bool:
        """Write `packet` to the grid; False if it was dropped."""
        if (index := self._index(lane, packet)) is None:
            return False
        if lane.next_index is None:
            self._anchor(lane, index, packet)
        lane.advance(index, packet)
        first = index - lane.offset
        emitted = lane.stream.first_sample(self._next_second)
        skip = max(lane.progress, emitted) - first
        n_samples = packet.counts.shape[1]
        if skip >= n_samples:
            self._late += 1
            return False
        self._packets += 1
        lane.progress = first + n_samples
        self._write(packet, lane.progress, max(skip, 0))
        if lane is self._fastest:
            self._observe(lane, packet)
        return True

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
            self._late += 1
            return None
        if lane.returning or ahead_s <= LEAP_S:
            return index
        if index == lane.leapt_to:
            self._forget()
            return packet.index
        lane.leapt_to = index + packet.counts.shape[1]
        self._bad += 1
        return None

    def _first_index(self, lane: Lane, packet: SamplePacket) -> int | None:
        if self._anchored and self._info.boot_id is not None:
            second = lane.second_of(packet.index - lane.offset)
            if second - max(other.seconds() for other in self._lanes) > LEAP_S:
                self._bad += 1
                return None
        return packet.index

    def _anchor(self, lane: Lane, index: int, packet: SamplePacket) -> None:
        """Decide which sample of the session `index` is."""
        sfreq = lane.stream.sfreq
        end = index + packet.counts.shape[1]
        if self._info.boot_id is None:
            arrived = round(self._elapsed(packet, (end - index) / sfreq) * sfreq)
            emitted = lane.stream.first_sample(self._next_second)
            lane.offset = index - max(arrived, lane.progress, emitted)
        elif not self._anchored:
            second = floor((index + 1e-6) / sfreq)
            arrived = round(self._elapsed(packet, end / sfreq - second))
            free = max(other.free_second() for other in self._lanes)
            target = max(arrived, free, self._next_second)
            for other in self._lanes:
                first_sample = other.stream.first_sample
                other.offset = first_sample(second) - first_sample(target)
        if not self._packets:
            self._start_s = (index - lane.offset) / sfreq
        self._anchored = True

    def _elapsed(self, packet: SamplePacket, length_s: float) -> float:
        """Return the second of the session at which what ended now began."""
        began = packet.t_rx - length_s
        if self._t_zero is None:
            self._t_zero = began
        return began - self._t_zero

    def _observe(self, lane: Lane, packet: SamplePacket) -> None:
        ticks, tick_hz = packet.ticks, self._info.tick_hz
        if ticks is not None and tick_hz is not None:
            ticks += round(packet.counts.shape[1] / lane.stream.sfreq * tick_hz)
        second = lane.progress / lane.stream.sfreq
        self.clock.observe(second, packet.t_rx, ticks=ticks)

    def _write(self, packet: SamplePacket, end: int, skip: int) -> None:
        at, lane = packet.stream, self._lanes[packet.stream]
        uv = lane.stream.to_microvolts(packet.counts[:, skip:])
        start = end - uv.shape[1]
        second = lane.second_of(start)
        while start < end:
            block = self._open.get(second) or self._begin(second)
            offset = start - lane.stream.first_sample(second)
            n = min(end - start, block.present[at].size - offset)
            block.uv[at][:, offset : offset + n] = uv[:, :n]
            block.present[at][offset : offset + n] = True
            uv = uv[:, n:]
            start += n
            second += 1

    def _begin(self, second: int) -> Block:
        sizes = [
            (len(lane.stream.channels), lane.n_samples(second)) for lane in self._lanes
        ]
        block = Block(
            second,
            tuple(np.zeros(size, np.float32) for size in sizes),
            tuple(np.zeros(size[1], np.bool_) for size in sizes),
            0.0,
        )
        self._open[second] = block
        return block

    def _emit(self, t_rx: float) -> Iterator[Block]:
        passed = [lane.seconds() for lane in self._lanes]
        end = max(min(passed), max(passed) - LAG_S)
        if end <= self._next_second:
            return
        self._next_second = end
        for second in sorted(s for s in self._open if s < end):
            block = self._open.pop(second)
            for lane, present in zip(self._lanes, block.present, strict=True):
                lane.placed += int(np.count_nonzero(present))
            yield replace(block, t_rx=t_rx)


def _words(montage: Montage) -> str:
    return ", ".join(
        f"{' '.join(channel.label for channel in stream.channels)} "
        f"at {stream.sfreq:g} Hz"
        for stream in montage.streams
    )
