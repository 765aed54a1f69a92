"""Muse 2016, Muse 2 and the first two generations of Muse S.

Each electrode notifies on a characteristic of its own; one counter for all of them
says which samples belong together. It wraps every 51 minutes. There is no clock.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import Decoded, Motion, Notification, SamplePacket
from gateway.drivers import Driver, Handshake, KeepAlive, Listen
from gateway.drivers.muse_classic.control import (
    CONTROL,
    PREFIXES,
    SERVICE,
    Replies,
    ask,
    tell,
)
from gateway.drivers.muse_classic.derivations import DERIVATIONS
from gateway.drivers.muse_classic.wire import (
    COUNTERS,
    DPS,
    SAMPLES,
    G,
    decode_axes,
    decode_electrode,
    decode_telemetry,
)
from gateway.errors import DecodeError, LinkError

__all__ = ["DRIVER", "driver"]


def _uuid(slot: int) -> str:
    return f"273e{slot:04x}-4c4d-454d-96be-f03bac821358"


ELECTRODES = {"TP9": _uuid(3), "AF7": _uuid(4), "AF8": _uuid(5), "TP10": _uuid(6)}
AUX = {"AUX": _uuid(7)}
GYROSCOPE, ACCELEROMETER, TELEMETRY = _uuid(9), _uuid(0xA), _uuid(0xB)
ATHENA_DATA = _uuid(0x13)

SFREQ = 256.0
LSB_UV = 2000 / 4096  # 2 mV peak to peak in 12 bit
ZERO, RAIL = 2048, 4095
FOUR, FIVE = "p21", "p20"  # presets: 4 electrodes, or these and the AUX input
KEEP_ALIVE_S = 10.0  # within minutes of silence it stops streaming
FIRST_S = 3.0
OPEN_ROWS = 4  # counters of which some electrodes are still awaited

_NOTHING = np.zeros((3, 0), np.float32)

Row = dict[int, NDArray[np.int32]]  # by electrode


def montage(labels: tuple[str, ...]) -> Montage:
    """Return what a classic Muse with the electrodes `labels` records."""
    channels = (
        Channel(
            label,
            Modality.AUX if label in AUX else Modality.EEG,
            LSB_UV,
            ZERO,
            0,
            RAIL,
        )
        for label in labels
    )
    modulus = COUNTERS * SAMPLES
    return Montage((Stream(SFREQ, tuple(channels), modulus, rough_rate=True),))


def handshake(preset: str) -> Handshake:
    """Halt, choose `preset`, start, and wait for every electrode.

    A headband that sits in its bootloader, as after charging, is told to leave it.

    Raises
    ------
    LinkError
        If it was in the bootloader.
    DecodeError
        If it answers nonsense, or an electrode stays silent.
    """
    replies = Replies()
    said = yield from ask("v1", replies)
    if said.application == "bootloader":
        yield tell("*1")
        raise LinkError("the Muse sat in its bootloader and was reset; connect again")
    for text in ("h", preset, "s", "d"):
        yield from ask(text, replies)
    labels = (*ELECTRODES, *AUX) if preset == FIVE else tuple(ELECTRODES)
    for label in labels:
        char = (ELECTRODES | AUX)[label]
        if not (yield Listen(char, FIRST_S)):
            raise DecodeError(f"nothing from {label} after the start", b"")
    return HeadbandInfo(montage(labels), firmware=said.firmware)


class ClassicDecoder:
    """Decodes the notifications of one connection.

    The electrodes of one counter make a packet, whatever order they come in. When a
    packet is complete, older ones that are not are given up: where one electrode's
    samples are lost, the others' are dropped, and the assembler counts all as lost.
    Electrodes beyond those of `labels` are passed over.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._rows = {(ELECTRODES | AUX)[label]: i for i, label in enumerate(labels)}
        self._open: dict[int, Row] = {}

    def feed(self, notification: Notification) -> Iterator[Decoded]:
        """Yield the samples, the motion or the charge that `notification` completes."""
        char, payload, t_rx = notification
        if char in self._rows:
            yield from self._electrode(char, payload, t_rx)
        elif char == ACCELEROMETER:
            _, axes = decode_axes(payload)
            yield Motion(axes * np.float32(G), _NOTHING, t_rx)
        elif char == GYROSCOPE:
            _, axes = decode_axes(payload)
            yield Motion(_NOTHING, axes * np.float32(DPS), t_rx)
        elif char == TELEMETRY:
            yield decode_telemetry(payload)
        elif char not in (CONTROL, *AUX.values()):
            raise DecodeError(f"from {char}, which is no notification", payload)

    def _electrode(self, char: str, payload: bytes, t_rx: float) -> Iterator[Decoded]:
        counter, counts = decode_electrode(payload)
        row = self._open.setdefault(counter, {})
        row[self._rows[char]] = counts
        if len(row) == len(self._rows):
            while next(iter(self._open)) != counter:
                self._give_up()
            self._give_up()
            rows = [row[i] for i in range(len(row))]
            yield SamplePacket(0, counter * SAMPLES, np.stack(rows), t_rx)
        elif len(self._open) > OPEN_ROWS:
            self._give_up()

    def _give_up(self) -> None:
        del self._open[next(iter(self._open))]


def decoder(info: HeadbandInfo) -> ClassicDecoder:
    """Make the decoder of a connection; `info` is what `handshake` returned."""
    (stream,) = info.montage.streams
    return ClassicDecoder(tuple(channel.label for channel in stream.channels))


def driver(preset: str) -> Driver:
    """Return the driver for `FOUR`, or for `FIVE` with a chin electrode on the AUX.

    The electrodes are not among those a headband must have: in its bootloader it
    shows control alone.
    """
    chin = {"EMG submental": tuple(AUX)} if preset == FIVE else {}
    return Driver(
        name="muse_classic",
        service=SERVICE,
        notify=(CONTROL,),
        handshake=partial(handshake, preset),
        stop=(tell("h"),),
        decoder=decoder,
        prefixes=PREFIXES,
        lacks=(ATHENA_DATA,),
        also_notify=(
            *(*ELECTRODES.values(), *(AUX.values() if preset == FIVE else ())),
            *(TELEMETRY, ACCELEROMETER, GYROSCOPE),
        ),
        keep_alive=KeepAlive(tell("k", pause_s=0.0), KEEP_ALIVE_S),
        derivations=DERIVATIONS | chin,
    )


DRIVER = driver(FOUR)
