"""The history of a disk's writes, and the disks that a power cut may leave of it. Pure.

A disk may keep what it was sent since the last flush in its cache, and write it when
and in what order it likes; what came before a flush is safe. See the fsyncgate papers,
e.g. Pillai et al., "All file systems are not created equal", OSDI 2014.
"""

import json
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import Any, BinaryIO, NamedTuple

SECTOR_BYTES = 512  # the most that any disk writes whole or not at all
WRITE, FLUSH, MARK = b"W", b"F", b"M"
AT = struct.Struct("<QI")  # offset, length
NOTHING = struct.Struct("")
LENGTH = struct.Struct("<I")


class Write(NamedTuple):
    """Bytes sent to the disk."""

    offset: int
    data: bytes


class Flush(NamedTuple):
    """The disk was told to empty its cache, and has."""


class Marked(NamedTuple):
    """Something was promised."""

    promise: Any


Event = Write | Flush | Marked


class Loss(Enum):
    """What a cut takes of the writes that were not flushed."""

    NOTHING = "all that was sent is there"
    END = "the first few are there"
    ANY = "any sectors are there, and any are not"


class Image(NamedTuple):
    """A disk after a cut.

    Attributes
    ----------
    event : int
        The first event that the disk did not see.
    data : bytearray
    promises : sequence
        All that were marked before, oldest first.
    """

    event: int
    loss: Loss
    data: bytearray
    promises: Sequence[Any]


def pack(event: Event) -> bytes:
    """Write one event as bytes, for `read_log`."""
    match event:
        case Write(offset, data):
            return WRITE + AT.pack(offset, len(data)) + data
        case Flush():
            return FLUSH
        case Marked(promise):
            text = json.dumps(promise).encode()
            return MARK + LENGTH.pack(len(text)) + text


def read_log(file: BinaryIO) -> Iterator[Event]:
    """Read the events that `pack` wrote, up to the last whole one."""
    while kind := file.read(1):
        head = {FLUSH: NOTHING, MARK: LENGTH, WRITE: AT}[kind]
        numbers = file.read(head.size)
        if len(numbers) < head.size:
            return
        *offset, n_bytes = head.unpack(numbers) or (0,)
        data = file.read(n_bytes)
        if len(data) < n_bytes:
            return
        if kind == WRITE:
            yield Write(*offset, data)
        else:
            yield Flush() if kind == FLUSH else Marked(json.loads(data))


def cut_at(
    events: Iterable[Event], size: int, cuts: Iterable[int], dice: random.Random
) -> Iterator[Image]:
    """Cut the power before each event of `cuts`, once for every kind of `Loss`.

    Parameters
    ----------
    events : iterable of Event
        From the disk's first moment, when it held zeros.
    size : int
        Bytes of the disk.
    cuts : iterable of int
        In ascending order.
    dice : random.Random
        Decides what a cache had written.
    """
    safe = bytearray(size)
    cached: list[Write] = []
    promises: list[Any] = []
    left = iter(cuts)
    cut = next(left, None)
    for at, event in enumerate(events):
        if at == cut:
            for loss in Loss:
                data = bytearray(safe)
                _apply(data, _written(cached, loss, dice))
                yield Image(at, loss, data, list(promises))
            cut = next(left, None)
        match event:
            case Write():
                cached.append(event)
            case Flush():
                _apply(safe, cached)
                cached = []
            case Marked(promise):
                promises.append(promise)


def _apply(data: bytearray, writes: Iterable[Write]) -> None:
    for offset, written in writes:
        data[offset : offset + len(written)] = written


def _written(
    cached: Sequence[Write], loss: Loss, dice: random.Random
) -> Iterable[Write]:
    if loss is Loss.NOTHING:
        return cached
    if loss is Loss.END:
        return cached[: dice.randint(0, len(cached))]
    kept = dice.random()  # of some caches much, of others little
    return (
        Write(offset + at, data[at : at + SECTOR_BYTES])
        for offset, data in cached
        for at in range(0, len(data), SECTOR_BYTES)
        if dice.random() < kept
    )
