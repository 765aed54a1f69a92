"""The Ganglion's packets, each by itself."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.errors import DecodeError

PACKET_BYTES = 20
HUNDREDTH = 100  # ids of 19-bit samples are this much higher
IMPEDANCE, TEXT = range(201, 206), range(206, 208)
PADDING = b"ABCDEFG"

_OHMS = re.compile(rb"(-?[0-9]+)Z\n?")
_PRINTED = re.compile(rb"[\t\r\n -~]*")


class Impedance(NamedTuple):
    """Of input 1 to 4, or of the reference (5), in ohms as the board reckons them."""

    electrode: int
    ohms: int


class Text(NamedTuple):
    """A piece of what the board says; `more` follows."""

    text: str
    more: bool


def pack(values: Iterable[int], width: int) -> bytes:
    """Return eight integers of `width` bits, one after the other; see `unpack`."""
    bits = 0
    for value in values:
        bits = bits << width | value & (1 << width) - 1
    return bits.to_bytes(width, "big")  # 8 values: as many bytes as each has bits


def unpack(packed: bytes, width: int) -> NDArray[np.int32]:
    """Return the eight unsigned integers of `width` bits in `packed`.

    Returns
    -------
    ndarray of int32, shape (2, 4)
        Samples by channels, as on the wire.
    """
    bits, mask = int.from_bytes(packed, "big"), (1 << width) - 1
    values = [bits >> at * width & mask for at in reversed(range(8))]
    return np.array(values, np.int32).reshape(2, 4)


def decode_seed(payload: bytes) -> NDArray[np.int32]:
    """Return the one sample of firmware 2's id 0, shape (1, 4)."""
    raw = [payload[at : at + 3] for at in range(1, 13, 3)]
    return np.array([[int.from_bytes(b, "big", signed=True) for b in raw]], np.int32)


def encode_seed(counts: NDArray[np.int32]) -> bytes:
    """Return the id 0 that `decode_seed` reads."""
    samples = b"".join(int(n).to_bytes(3, "big", signed=True) for n in counts.flat)
    return b"\0" + samples + PADDING


def decode_deltas(payload: bytes, width: int) -> NDArray[np.int32]:
    """Return two differences of firmware 2, before minus after, shape (2, 4)."""
    delta = unpack(payload[1 : 1 + width], width)
    return delta - ((delta & 1) << width)


def encode_deltas(
    place: int, counts: NDArray[np.int32], *, acc: int | None = None
) -> bytes:
    """Return what `decode_deltas` reads; the lowest bit is lost to the sign.

    Parameters
    ----------
    place : int
        1 to 100, in the round of ids.
    counts : ndarray of int32, shape (3, 4)
        The sample before them, then the two.
    acc : int or None
        Byte of the accelerometer; None when it is off, which leaves 19 bits.
    """
    delta = counts[:-1] - counts[1:]
    return _framed(place, delta & ~1 | (delta < 0), acc)


def decode_absolute(payload: bytes, width: int) -> NDArray[np.int32]:
    """Return two samples of firmware 3 as 24-bit counts, shape (2, 4)."""
    values = unpack(payload[1 : 1 + width], width)
    return values << 32 - width >> 8  # carries the sign down


def encode_absolute(
    place: int, counts: NDArray[np.int32], *, acc: int | None = None
) -> bytes:
    """Return what `decode_absolute` reads, of samples of shape (2, 4).

    Their lowest 5 bits are lost, or 6 with the accelerometer; see `encode_deltas`.
    """
    return _framed(place, counts >> (5 if acc is None else 6), acc)


def _framed(place: int, values: NDArray[np.int32], acc: int | None) -> bytes:
    numbers = values.ravel().tolist()
    if acc is None:
        return bytes([HUNDREDTH + place]) + pack(numbers, 19)
    return bytes([place]) + pack(numbers, 18) + bytes([acc & 0xFF])


def decode_impedance(payload: bytes) -> Impedance:
    """Read ids 201 to 205; raises `DecodeError` on other than a number and Z."""
    if (ohms := _OHMS.fullmatch(payload[1:])) is None:
        raise DecodeError("impedance is no number", payload)
    return Impedance(payload[0] - IMPEDANCE[0] + 1, int(ohms[1]))


def decode_text(payload: bytes) -> Text:
    """Read ids 206 and 207; raises `DecodeError` on what cannot be printed."""
    if not _PRINTED.fullmatch(payload[1:]):
        raise DecodeError("text that cannot be printed", payload)
    return Text(payload[1:].decode("ascii"), more=payload[0] == TEXT[0])


def encode_text(words: str) -> list[bytes]:
    """Return the packets of a text of ASCII."""
    size = PACKET_BYTES - 1
    raw = words.encode("ascii")
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)] or [b""]
    ids = [TEXT[0]] * (len(pieces) - 1) + [TEXT[-1]]
    return [bytes([i]) + piece for i, piece in zip(ids, pieces, strict=True)]
