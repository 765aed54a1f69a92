"""Assembler: one-second blocks of samples, on one grid for the whole night."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from gateway.acquisition.arrival_clock import ArrivalClock
from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packet_placement import PacketPlacement
from gateway.acquisition.packets import ClockTick, SampleBlock, SamplePacket
from gateway.acquisition.sample_grid import LAG_S, SampleGrid
from gateway.errors import LinkError


class Assembler:
    """Assembles blocks from packets, each where the headband's count says.

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
    seconds of signal. Seconds of which nothing arrived yield no block. A stream that
    was announced and never sends is waited for once, at the session's beginning.

    Late, repeated and overlapping packets, and those for seconds already emitted,
    are dropped and counted. A packet that leaps more than an hour ahead within a
    connection is dropped and counted as bad; should the next continue from there,
    the count has restarted.

    Parameters
    ----------
    montage : Montage
        What the headband records during this session.
    grid : SampleGrid or None
        Where the seconds of rough streams begin, if that is known already.
    """

    def __init__(self, montage: Montage, grid: SampleGrid | None = None) -> None:
        self._montage = montage
        self._placement = PacketPlacement(montage, grid)
        self._positions = self._placement.positions
        self._start_s = 0.0  # first sample of the session
        self._next_second = 0
        self._open: dict[int, SampleBlock] = {}
        self._packets = self._late = self._connections = 0
        self._last: SampleBlock | None = None

    @property
    def clock(self) -> ArrivalClock:
        """The headband's clock against this machine's."""
        return self._placement.clock.arrivals

    def link_up(self, info: HeadbandInfo) -> None:
        """Begin a connection.

        Raises
        ------
        LinkError
            If the headband records something else than when the session began; the
            session goes on should it come back as it was.
        """
        if info.montage != self._montage:
            was, now = str(self._montage), str(info.montage)
            change = f"{was} became {now}" if was != now else f"calibration of {was}"
            raise LinkError(
                "the headband's settings changed within the session: "
                f"{change}; set them back, or begin a new session"
            )
        self._connections += 1
        self._placement.link_up(info)

    def resume(self, info: HeadbandInfo, point: GridCheckpoint) -> None:
        """Continue a session of another process; before the first `link_up`.

        Parameters
        ----------
        info : HeadbandInfo
            As the headband described itself then.
        point : GridCheckpoint
        """
        self._start_s, self._next_second = point.start_s, point.second
        self._packets, self._late = point.counts.packets, point.counts.late_packets
        self._connections = point.counts.connections
        self._placement.resume(info, point)

    def checkpoint(self, second: int, counts: LossCounts) -> GridCheckpoint:
        """Return the checkpoint at `second`, up to which blocks were used."""
        beyond, last = [0] * len(self._positions), self._last
        if last is not None and last.second >= second:
            beyond = [int(np.count_nonzero(present)) for present in last.present]
        return GridCheckpoint(
            second=second,
            t=self._placement.clock.t_of(second),
            start_s=self._start_s,
            boot_id=self._placement.boot_id,
            streams=tuple(
                position.checkpoint(self._start_s, second, n)
                for position, n in zip(self._positions, beyond, strict=True)
            ),
            rate=self._placement.clock.rate_at(second),
            counts=counts,
        )

    def push_packet(self, packet: SamplePacket) -> Iterator[SampleBlock]:
        """Yield the blocks that `packet` completes."""
        if packet.counts.shape[1] and self._accept(packet):
            yield from self._emit(packet)

    def lapse(self, second: int, t: float) -> Iterator[SampleBlock]:
        """Yield what there is of the seconds before `second`; they are over.

        For a link that is down. Should samples of these seconds still come, they
        are late.

        Parameters
        ----------
        second : int
        t : float
            Now, monotonic seconds.
        """
        if second > self._next_second:
            yield from self._close(second, t)

    def second_at(self, t: float) -> float | None:
        """Return the second of the session at monotonic time `t`.

        None before the first packet, and in a replay, whose seconds are others.
        """
        return self._placement.clock.second_at(t)

    def moment(self, t: float, tick: ClockTick) -> tuple[float | None, datetime]:
        """Return the second of the session at monotonic time `t`, and when that is.

        The second is None before the first packet. In a replay it is the first that
        is not complete yet, and the time goes by the epochs' labels.
        """
        second = self.second_at(t)
        if second is None and self.clock.started:
            return float(self._next_second), self.utc_of(self._next_second, tick)
        utc = tick.utc + timedelta(seconds=t - tick.t)
        return None if second is None else max(second, 0.0), utc

    def first_sample(self, stream: int, second: int) -> int:
        """Return the sample of `stream` at which `second` of the session begins."""
        return self._positions[stream].first_sample(second)

    def utc_of(self, second: int, tick: ClockTick) -> datetime:
        """Return when `second` began by the wall clock, read last at `tick`."""
        return tick.utc + timedelta(seconds=self._placement.clock.t_of(second) - tick.t)

    def loss_counts(self) -> LossCounts:
        """Return what was received and lost so far.

        `lost_s` covers the seconds emitted, in streams that have sent anything yet;
        `bad_packets` those that leapt, to which the caller adds what the decoder
        refused.
        """
        received = [position for position in self._positions if position.received]
        return LossCounts(
            packets=self._packets,
            late_packets=self._late + self._placement.late,
            bad_packets=self._placement.bad,
            lost_s=max(
                (x.lost_s(self._start_s, self._next_second) for x in received),
                default=0.0,
            ),
            connections=self._connections,
            drift_ppm=self._placement.clock.drift_ppm,
            sfreq_hz=self._placement.clock.sfreq_hz,
        )

    def _accept(self, packet: SamplePacket) -> bool:
        """Write `packet` to the grid; False if it was dropped."""
        first = self._placement.place(packet, self._next_second)
        if first is None:
            return False
        position = self._positions[packet.stream]
        emitted = position.first_sample(self._next_second)
        skip = max(position.progress, emitted) - first
        n_samples = packet.counts.shape[1]
        if skip >= n_samples:
            self._late += 1
            return False
        if not self._packets:
            self._start_s = first / position.stream.sfreq
        self._packets += 1
        position.progress = first + n_samples
        self._write(packet, position.progress, max(skip, 0))
        self._placement.observe(packet, first)
        return True

    def _write(self, packet: SamplePacket, end: int, skip: int) -> None:
        at, position = packet.stream, self._positions[packet.stream]
        uv = position.stream.to_microvolts(packet.counts[:, skip:])
        start = end - uv.shape[1]
        second = position.second_of(start)
        while start < end:
            block = self._open.get(second) or self._begin(second)
            offset = start - position.first_sample(second)
            n = min(end - start, block.present[at].size - offset)
            block.uv[at][:, offset : offset + n] = uv[:, :n]
            block.present[at][offset : offset + n] = True
            uv = uv[:, n:]
            start += n
            second += 1

    def _begin(self, second: int) -> SampleBlock:
        sizes = [
            (len(position.stream.channels), position.n_samples(second))
            for position in self._positions
        ]
        block = SampleBlock(
            second,
            tuple(np.zeros(size, np.float32) for size in sizes),
            tuple(np.zeros(size[1], np.bool_) for size in sizes),
            0.0,
            tuple(position.first_sample(second) for position in self._positions),
        )
        self._open[second] = block
        return block

    def _emit(self, packet: SamplePacket) -> Iterator[SampleBlock]:
        passed = [position.seconds() for position in self._positions]
        if max(passed) > LAG_S:
            passed = [
                position.seconds() for position in self._positions if position.received
            ]
        end = max(min(passed), max(passed) - LAG_S)
        if end > self._next_second:
            if not self.clock.started:  # blocks are dated, whoever tells the time
                self._placement.start_clock(packet)
            yield from self._close(end, packet.t_rx)

    def _close(self, end: int, t: float) -> Iterator[SampleBlock]:
        self._next_second = end
        for second in sorted(s for s in self._open if s < end):
            block = self._open.pop(second)
            for position, present in zip(self._positions, block.present, strict=True):
                position.placed += int(np.count_nonzero(present))
            self._last = replace(block, t_rx=t)
            yield self._last
