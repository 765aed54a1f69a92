"""Muse S Athena, the third generation of the Muse S.

Its data characteristic alone distinguishes it from the classic Muse. What it records
is read from the tags that arrive: the same preset has given 4 channels on one day and
8 on the next.
"""

from collections.abc import Generator, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import (
    Decoded,
    Motion,
    Notification,
    SamplePacket,
    Unread,
)
from gateway.drivers import Driver, Handshake, Listen, Request
from gateway.drivers.muse_athena import frame
from gateway.drivers.muse_athena.frame import AthenaPacket, SensorBlock
from gateway.drivers.muse_athena.samples import (
    DPS,
    SAMPLES,
    SFREQ,
    G,
    decode_battery,
    decode_eeg,
    decode_motion,
    eeg_tag,
    montage,
)
from gateway.drivers.muse_athena.sequence import BlockCount
from gateway.drivers.muse_classic.control import (
    CONTROL,
    PREFIXES,
    SERVICE,
    Replies,
    ask,
    tell,
)
from gateway.drivers.muse_classic.derivations import DERIVATIONS
from gateway.errors import DecodeError

__all__ = ["DRIVER", "AthenaDecoder", "handshake"]

DATA = "273e0013-4c4d-454d-96be-f03bac821358"
DATA_2 = "273e0014-4c4d-454d-96be-f03bac821358"

PRESET = "p21"  # EEG and motion, the optics dark
TICK_HZ = 1e6
REFUSED = 69  # answer of some firmware to dc001: it wants d
FIRST_S = 5.0
MAX_PACKETS = 64  # until one must have held EEG


def handshake() -> Handshake:
    """Halt, choose a preset, start, and see what comes.

    Raises
    ------
    DecodeError
        If the headband answers nonsense or no EEG comes.
    """
    replies = Replies()
    said = yield from ask("v6", replies)
    for text in ("s", "h", PRESET, "s"):
        yield from ask(text, replies)
    yield tell("dc001", pause_s=0.05)
    started = yield from ask("dc001", replies)
    if started.rc == REFUSED:
        yield from ask("d", replies)
    for text in ("L1", "s"):
        yield from ask(text, replies)
    tag = yield from _first_eeg()
    return HeadbandInfo(montage(tag), TICK_HZ, firmware=said.firmware)


def _first_eeg() -> Generator[Request, bytes, int]:
    """Return the tag of the first EEG block."""
    value = b""
    for _ in range(MAX_PACKETS):
        value = yield Listen(DATA, FIRST_S)
        if not value:
            raise DecodeError(f"no data for {FIRST_S:.0f} s after the start", value)
        for packet in frame.decode(value):
            for block in packet.blocks:
                if block.tag in SAMPLES:
                    return block.tag
    raise DecodeError(f"no EEG in {MAX_PACKETS} packets", value)


class Numbered(NamedTuple):
    """An EEG block, its number since streaming began, and its device time."""

    number: int
    time_us: int
    block: SensorBlock


class AthenaDecoder:
    """Decodes the notifications of one connection.

    `SamplePacket.index` counts from the headband's own start of streaming, modulo
    2**32; `ticks` are microseconds of device time, modulo 2**32. In the firmware of
    2025 the latter say when a batch of blocks was packed, which is off by up to
    60 ms either way and at times runs backwards; in that of 2026, by 2 to 3 ms.

    Parameters
    ----------
    tag : int
        Of the EEG blocks to come. Those of the other kind are leftovers of an
        earlier start before the first of these, and an error after it.
    """

    def __init__(self, tag: int) -> None:
        self._tag = tag
        self._started = False
        self._count = BlockCount(SFREQ / SAMPLES[tag])

    def feed(self, notification: Notification) -> Iterator[Decoded]:
        """Yield the samples, motion and charge that `notification` holds."""
        char, payload, t_rx = notification
        if char == CONTROL:
            return
        if char not in (DATA, DATA_2):
            raise DecodeError(f"from {char}, which is no notification", payload)
        packets = frame.decode(payload)
        tags = {block.tag for packet in packets for block in packet.blocks}
        if self._started and tags & SAMPLES.keys() - {self._tag}:
            raise DecodeError("EEG of another number of channels", payload)
        self._started |= self._tag in tags
        for packet in packets:
            yield from self._eeg(packet, t_rx)
            yield from _others(packet, t_rx)

    def _eeg(self, packet: AthenaPacket, t_rx: float) -> Iterator[SamplePacket]:
        """Yield each run of consecutive blocks as one."""
        blocks = [
            Numbered(self._count.number(packet, block), packet.time_us(block), block)
            for block in packet.blocks
            if block.tag == self._tag
        ]
        samples = SAMPLES[self._tag]
        runs = groupby(enumerate(blocks), lambda item: item[1].number - item[0])
        for _, items in runs:
            run = [numbered for _, numbered in items]
            payload = b"".join(numbered.block.payload for numbered in run)
            yield SamplePacket(
                0,
                run[0].number * samples % 2**32,
                decode_eeg(self._tag, payload),
                t_rx,
                run[0].time_us % 2**32,
            )


def _others(packet: AthenaPacket, t_rx: float) -> Iterator[Decoded]:
    motion = [b.payload for b in packet.blocks if b.tag == frame.MOTION]
    if motion:
        axes = decode_motion(b"".join(motion))
        yield Motion(axes[:3] * np.float32(G), axes[3:] * np.float32(DPS), t_rx)
    for block in packet.blocks:
        if block.tag in frame.BATTERIES:
            yield decode_battery(block.payload)
    if packet.unread:
        yield Unread(f"tag {packet.unread[0]:#x}", len(packet.unread))


def decoder(info: HeadbandInfo) -> AthenaDecoder:
    """Make the decoder of a connection; `info` is what `handshake` returned."""
    return AthenaDecoder(eeg_tag(info.montage))


DRIVER = Driver(
    name="muse_athena",
    service=SERVICE,
    notify=(CONTROL, DATA),
    handshake=handshake,
    stop=(tell("h"),),
    decoder=decoder,
    prefixes=PREFIXES,
    also_notify=(DATA_2,),
    derivations=DERIVATIONS,
)
