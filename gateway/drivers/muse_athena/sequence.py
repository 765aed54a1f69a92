"""The count of EEG blocks, unwrapped: the wire has 8 bits of it, 2 or 4 s long."""

from gateway.acquisition.counter_unwrap import unwrap
from gateway.drivers.muse_athena.frame import (
    COUNTERS,
    INDICES,
    AthenaPacket,
    SensorBlock,
)

JITTER_S = 1.0  # of device times; those of 2025 run backwards by a tenth of that


class BlockCount:
    """Number the blocks of one tag through losses and restarts.

    Between consecutive packets, by their index, the counter alone tells. Across lost
    packets the device time says about how many blocks went missing and the counter
    says exactly; the time may be wrong by a second, or two of 4 channels. A packet
    index that falls back while the counter breaks off and time goes on means that the
    headband began anew: the count continues where the time says.

    Parameters
    ----------
    blocks_hz : float
        About how many blocks come in a second.
    """

    def __init__(self, blocks_hz: float) -> None:
        self._blocks_hz = blocks_hz
        self._shift = 0  # of the counter, since the headband began anew
        self._number: int | None = None  # of the last block
        self._index = 0
        self._time_us = 0

    def number(self, packet: AthenaPacket, block: SensorBlock) -> int:
        """Return the number of `block`, which is of `packet`."""
        time_us = packet.time_us(block)
        if self._number is None:
            number = block.counter
        else:
            number = self._next(self._number, packet, block, time_us)
            if number <= self._number:
                return number
        self._number, self._index, self._time_us = number, packet.packet_index, time_us
        return number

    def _next(
        self, last: int, packet: AthenaPacket, block: SensorBlock, time_us: int
    ) -> int:
        ahead = unwrap(packet.packet_index, self._index, INDICES) - self._index
        if ahead in (0, 1):
            return unwrap(block.counter + self._shift, last + 1, COUNTERS)
        counter = block.counter + self._shift
        elapsed_s = (time_us - self._time_us) * 1e-6
        if elapsed_s < -JITTER_S:  # its clock was set
            return unwrap(counter, last + 1, COUNTERS)
        near = last + round(elapsed_s * self._blocks_hz)
        if ahead < 0 <= elapsed_s and (counter - last - 1) % COUNTERS:
            near = max(near, last + 1)
            self._shift = near - block.counter
        return unwrap(block.counter + self._shift, near, COUNTERS)
