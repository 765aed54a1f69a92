"""Notifications of the classic Muse: each starts with a u16 counter, big-endian.

**Electrode**: 12 samples of 12 bit, most significant bit first, 256 Hz; 2048 is 0 uV.
**Accelerometer, gyroscope**: 3 times x, y, z as i16, 52 Hz. **Telemetry**, every 10 s:
u16 charge in 1/512 per cent, fuel gauge in 2.2 mV, converter in mV, temperature in
degrees Celsius. As in urish/muse-js ``src/lib/muse-parse.ts``.
"""

import struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.packets import Battery
from gateway.errors import DecodeError

COUNTERS = 2**16
SAMPLES = 12  # of an electrode in a notification
BYTES = 20
MOTION_SAMPLES = 3
G = 1 / 16384  # per count
DPS = 245 / 32768
CHARGE = 512  # counts per cent
FULL = 100

_COUNTER = struct.Struct(">H")
_TELEMETRY = struct.Struct(">HHHHH")


class ElectrodePacket(NamedTuple):
    """One electrode's notification: `counts` is int32 of shape (12,)."""

    counter: int
    counts: NDArray[np.int32]


def decode_electrode(payload: bytes) -> ElectrodePacket:
    """Read an electrode's notification; raises `DecodeError` on a wrong length."""
    counter = _head(payload)
    raw = np.frombuffer(payload, np.uint8, offset=2).astype(np.int32).reshape(-1, 3)
    counts = np.empty((len(raw), 2), np.int32)
    counts[:, 0] = raw[:, 0] << 4 | raw[:, 1] >> 4
    counts[:, 1] = (raw[:, 1] & 0xF) << 8 | raw[:, 2]
    return ElectrodePacket(counter, counts.reshape(-1))


def encode_electrode(piece: ElectrodePacket) -> bytes:
    """Return an electrode's notification; the inverse of `decode_electrode`."""
    return _COUNTER.pack(piece.counter) + encode_samples(piece.counts)


def encode_samples(counts: NDArray[np.integer[Any]]) -> bytes:
    """Return the 12-bit samples of one notification, or of more in a row."""
    first, second = counts[0::2], counts[1::2]
    raw = np.empty((len(first), 3), np.uint8)
    raw[:, 0] = first >> 4
    raw[:, 1] = (first & 0xF) << 4 | second >> 8
    raw[:, 2] = second & 0xFF
    return raw.tobytes()


def decode_axes(payload: bytes) -> tuple[int, NDArray[np.int16]]:
    """Read the counter and the raw x, y, z of an accelerometer or gyroscope.

    Returns
    -------
    counter : int
    axes : ndarray of int16, shape (3, 3)
        Axes by samples.

    Raises
    ------
    DecodeError
        On a wrong length.
    """
    counter = _head(payload)
    raw = np.frombuffer(payload, ">i2", offset=2).reshape(MOTION_SAMPLES, 3)
    return counter, raw.T.astype(np.int16)


def encode_axes(counter: int, axes: NDArray[np.integer[Any]]) -> bytes:
    """Return what `decode_axes` reads; `axes` has shape (3, 3), axes by samples."""
    return _COUNTER.pack(counter) + axes.T.astype(">i2").tobytes()


def decode_telemetry(payload: bytes) -> Battery:
    """Read the charge; raises `DecodeError` on a value that is no telemetry."""
    _head(payload)
    charge = _TELEMETRY.unpack_from(payload)[1]
    return Battery(min(FULL, round(charge / CHARGE)))


def encode_telemetry(counter: int, battery: Battery) -> bytes:
    """Return the telemetry of a cell at 3.7 V and 25 degrees."""
    fields = (battery.percent * CHARGE, round(3700 / 2.2), 3700, 25)
    return _TELEMETRY.pack(counter, *fields).ljust(BYTES, b"\0")


def _head(payload: bytes) -> int:
    if len(payload) != BYTES:
        raise DecodeError(f"not the {BYTES} bytes of a classic Muse", payload)
    counter: int = _COUNTER.unpack_from(payload)[0]
    return counter
