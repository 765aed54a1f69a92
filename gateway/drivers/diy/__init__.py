"""OSB 1, the open profile for headbands one builds oneself. All little-endian.

**INFO** (read, at most 512 bytes): u8 major = 1, u8 minor, u16 length of all of it,
u32 configuration id, u32 tick_hz (0: no clock), u32 session id (random at boot),
u8 streams; per stream u8 id (0-31), u8 kind (1 = ExG; others are left alone),
u8 channels, u8 format (1 = i16, 2 = i24), u32 millihertz, u8 samples per frame; per
channel u8 role, float32 volts per count, i32 zero, 8 bytes ASCII label.

**DATA** (notify): u8 version << 4 | flags, u8 stream id, u8 samples, u8 low byte of
the configuration id, u32 index of the first sample since boot, u32 ticks at it, then
the samples, channel fastest. Flags: 1 samples were lost before this frame, 2 a u16 of
lead-off bits follows the samples, 4 a CRC of all that precedes it ends the frame
(CRC-16 of polynomial 0x1021, initial value 0xFFFF, as `binascii.crc_hqx`).

**CONTROL** (write): u8 operation, arguments. START takes a u32 mask of stream ids.
A headband that cannot do as told answers the write with an ATT application error:
`UNKNOWN_OPERATION`, `BAD_ARGUMENTS`, or `MTU_TOO_SMALL` when one sample of every
channel of a stream does not fit one notification. It serves any MTU at which one does.

**STATUS** (notify, every 10 s): u32 ticks, u16 battery mV, u8 battery %, u8 flags,
u32 frames lost in the headband, u16 lead-off bits, i8 degrees Celsius.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Battery, Decoded, Notification
from gateway.drivers import Driver, Handshake, Read, Write
from gateway.drivers.diy.frame import decode, encode
from gateway.drivers.diy.info import DiyInfo, decode_info, encode_info
from gateway.errors import DecodeError

__all__ = ["DRIVER", "DiyInfo", "decode", "decode_info", "encode", "encode_info"]

SERVICE, INFO, DATA, CONTROL, STATUS = (
    f"9723{slot:04x}-fb76-497a-81e2-cdbdf2257ac5" for slot in range(1, 6)
)
START, STOP, IDENTIFY = 1, 2, 8
UNKNOWN_OPERATION, MTU_TOO_SMALL, BAD_ARGUMENTS = 0x80, 0x81, 0x82
FULL = 100  # per cent

_START = struct.Struct("<BI")
_STATUS = struct.Struct("<IHBBIHb")


def encode_status(ticks: int, battery: Battery) -> bytes:
    """Return the STATUS of a headband with no complaint; battery in per cent."""
    return _STATUS.pack(ticks, 3700, battery.percent, 0, 0, 0, 25)


def decode_status(value: bytes) -> Battery:
    """Read a STATUS; raises `DecodeError` on a value that is none."""
    if len(value) != _STATUS.size:
        raise DecodeError("no STATUS", value)
    percent = _STATUS.unpack(value)[2]
    if percent > FULL:
        raise DecodeError(f"battery at {percent} %", value)
    return Battery(percent)


def handshake() -> Handshake:
    """Read INFO and start every stream of biosignals."""
    info = decode_info((yield Read(INFO)))
    mask = sum(1 << wire_id for wire_id in info.stream_ids)
    yield Write(CONTROL, _START.pack(START, mask))
    return info


@dataclass(frozen=True, slots=True)
class DiyDecoder:
    """Decodes the notifications of one connection."""

    info: DiyInfo

    def feed(self, notification: Notification) -> Iterator[Decoded]:
        """Yield the frame or the battery that `notification` holds."""
        char, payload, t_rx = notification
        if char == DATA:
            yield decode(self.info, payload, t_rx)
        elif char == STATUS:
            yield decode_status(payload)
        else:
            raise DecodeError(f"from {char}, which is no notification", payload)


def decoder(info: HeadbandInfo) -> DiyDecoder:
    """Make the decoder of a connection; `info` is what `handshake` returned."""
    if not isinstance(info, DiyInfo):
        raise TypeError(f"diy decodes by its own DiyInfo, not by {type(info).__name__}")
    return DiyDecoder(info)


DRIVER = Driver(
    name="diy",
    service=SERVICE,
    notify=(DATA, STATUS),
    handshake=handshake,
    stop=(Write(CONTROL, bytes([STOP])),),
    decoder=decoder,
)
