"""OSB 1, the open profile for headbands one builds oneself: see docs/diy-profile.md."""

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
