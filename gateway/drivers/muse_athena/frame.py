"""The Athena's packets: a header, then tagged blocks of fixed size. Little-endian.

**Header**: u8 length of the packet, u16 packet index, u48 device time. **Block**: u8
tag, u8 counter of that tag, i24 time offset, payload. There is no checksum. A
notification holds one packet; more would follow each other.

A tag's upper half is its rate, its lower half the kind of sensor. The lengths were
measured on captures of two generations of firmware, in which by the counters of every
tag no block is lost (those of 2025 are among the tests' data); 0x88 in particular is
20 bytes and not the packet's rest.

**Device time**: milliseconds, with offsets in microseconds, in the firmware of 2025;
units of 2**28 ns, with offsets of 100 ns, in that of 2026. The former counts from
2024-12-03 on, so that the two differ in magnitude by a factor of 270.
"""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.errors import DecodeError

EEG_4, EEG_8 = 0x11, 0x12
OPTICS_4, OPTICS_8, OPTICS_16 = 0x34, 0x35, 0x36
MOTION, DRL_REF = 0x47, 0x53
BATTERIES = BATTERY_2026, BATTERY_2025 = 0x88, 0x98
PAYLOAD_BYTES = {
    EEG_4: 28,
    EEG_8: 28,
    OPTICS_4: 30,
    OPTICS_8: 40,
    OPTICS_16: 40,
    MOTION: 36,
    DRL_REF: 24,
    BATTERY_2026: 20,
    BATTERY_2025: 20,
}
HEADER_BYTES, BLOCK_HEAD_BYTES = 9, 5
INDICES = 2**16
COUNTERS = 2**8
MAX_BYTES = 244  # of a notification at the largest MTU

MILLISECONDS = 2**40  # device times from here on are of the firmware of 2025
US_PER_UNIT = 2**28 / 1000  # of 2026
OFFSETS_PER_US = 10


class SensorBlock(NamedTuple):
    """One sensor's samples; `offset` is in the units of the packet's time."""

    tag: int
    counter: int
    offset: int
    payload: bytes


class AthenaPacket(NamedTuple):
    """Packet of a headband: what it sends at once.

    `unread` is what follows from the first block on whose tag is unknown.
    """

    packet_index: int
    time: int
    blocks: tuple[SensorBlock, ...]
    unread: bytes = b""

    def time_us(self, block: SensorBlock) -> int:
        """Return the device time of `block`, microseconds."""
        if self.time >= MILLISECONDS:
            return self.time * 1000 + block.offset
        return round(self.time * US_PER_UNIT + block.offset / OFFSETS_PER_US)


def decode(payload: bytes) -> list[AthenaPacket]:
    """Read a notification's packets.

    Raises
    ------
    DecodeError
        If a length does not fit.
    """
    packets: list[AthenaPacket] = []
    at = 0
    while at < len(payload) or not packets:
        end = at + payload[at] if payload else 0
        if not at + HEADER_BYTES <= end <= len(payload):
            raise DecodeError(f"a packet from byte {at} to {end}", payload)
        packets.append(_packet(payload, at, end))
        at = end
    return packets


def _packet(payload: bytes, start: int, end: int) -> AthenaPacket:
    blocks: list[SensorBlock] = []
    at = start + HEADER_BYTES
    while at < end:
        size = PAYLOAD_BYTES.get(payload[at])
        if size is None:
            break
        begin = at + BLOCK_HEAD_BYTES
        if begin + size > end:
            raise DecodeError(f"block {payload[at]:#x} is cut short", payload)
        offset = int.from_bytes(payload[at + 2 : begin], "little", signed=True)
        block = SensorBlock(
            payload[at], payload[at + 1], offset, payload[begin : begin + size]
        )
        blocks.append(block)
        at = begin + size
    return AthenaPacket(
        int.from_bytes(payload[start + 1 : start + 3], "little"),
        int.from_bytes(payload[start + 3 : start + HEADER_BYTES], "little"),
        tuple(blocks),
        payload[at:end],
    )


def encode(packets: Iterable[AthenaPacket]) -> bytes:
    """Return the notification that holds `packets`; the inverse of `decode`.

    Raises
    ------
    ValueError
        If a block is not of its tag's length.
    OverflowError
        If a packet is longer than 255 bytes or a number does not fit its field.
    """
    return b"".join(map(_encode_packet, packets))


def _encode_packet(packet: AthenaPacket) -> bytes:
    body = packet.packet_index.to_bytes(2, "little") + packet.time.to_bytes(6, "little")
    for tag, counter, offset, payload in packet.blocks:
        if len(payload) != PAYLOAD_BYTES[tag]:
            raise ValueError(f"block {tag:#x} of {len(payload)} bytes")
        body += bytes([tag, counter]) + offset.to_bytes(3, "little", signed=True)
        body += payload
    body += packet.unread
    return (len(body) + 1).to_bytes(1, "little") + body
