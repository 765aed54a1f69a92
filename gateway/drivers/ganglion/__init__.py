"""OpenBCI Ganglion: four differential inputs at 200 Hz, firmware 1 to 3.

A notification has 20 bytes. Its first, the id, says how the other 19 are to be read:

- Firmware 1 and 2: id 0 is one sample of 24 bits. Ids 1-100 and 101-200 are each two
  samples as differences, of 18 bits and the accelerometer in the last byte, or of 19
  bits. A sample is the one before *minus* the difference, whose sign stands in bit 0
  (OpenBCI_Ganglion_Library 2.0.1, `compressData18`). So each sample may be one count
  off the one before, and id 0 mends it every second. After a loss nothing is known
  until then: those samples are missing, not wrong.
- Firmware 3: ids 0-99 and 100-199 are each two samples as they are, of which the upper
  18 or 19 bits are sent. Its sample counter runs to 201 where 200 was meant (that
  library's pull request 31). Either a hundred and first packet follows, with id 100 or
  200, and the first of the next round holds one sample only, its second; or one sample
  of 201 never leaves the board. In both cases a round of ids counts 201 samples; the
  first half of id 0 or 100 is dropped until it is clear which case it is.
- Ids 201-205 are an electrode's impedance, 206 and 207 text; nothing is made of them.

Ids come round each 1.005 s, so a longer silence is measured by its arrival.
"""

import re
from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.counter_unwrap import unwrap
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import Decoded, Motion, Notification, SamplePacket
from gateway.drivers import Driver, Handshake, Read, Write
from gateway.drivers.ganglion.packet import (
    HUNDREDTH,
    IMPEDANCE,
    PACKET_BYTES,
    TEXT,
    decode_absolute,
    decode_deltas,
    decode_impedance,
    decode_seed,
    decode_text,
    encode_absolute,
    encode_deltas,
    encode_seed,
    encode_text,
)
from gateway.errors import DecodeError

__all__ = [
    "DRIVER",
    "GanglionDecoder",
    "encode_absolute",
    "encode_deltas",
    "encode_seed",
    "encode_text",
]

SERVICE = "0000fe84-0000-1000-8000-00805f9b34fb"
RECEIVE = "2d30c082-f39f-4ce6-923f-3484ea480596"
SEND = "2d30c083-f39f-4ce6-923f-3484ea480596"
REVISION = "00002a28-0000-1000-8000-00805f9b34fb"
START, STOP = b"b", b"s"
ABSOLUTE = 3  # the first firmware without differences

SFREQ = 200.0
LSB_UV = 1.2e6 / (8_388_607 * 1.5 * 51)  # MCP3912 at 1.2 V behind a gain of 51
ACC_G = 0.016  # LIS2DH, +-2 g in 8 bits (data sheet: 1 mg per count of 12 bits)
RAIL = 2**23
TOP_ABSOLUTE = RAIL - 64  # where 18 bits end
ROUND = 201  # samples from one id 0 to the next
PAIR = 2  # samples of a packet
PROOF = 2  # rounds of a hundred packets: no other is to be expected
SEED, WITH_ACC, WITHOUT_ACC = 24, 18, 19  # bits of a sample
KINDS = (Modality.EEG, Modality.EEG, Modality.EOG, Modality.EMG)


def decode_revision(value: bytes) -> str:
    """Read the software revision, e.g. ``"3.0.0"``; raises `DecodeError`."""
    version = value.rstrip(b"\0").decode("ascii", errors="replace")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})*", version):
        raise DecodeError("the software revision is no version", value)
    if not 1 <= generation(version) <= ABSOLUTE:
        raise DecodeError(f"firmware {version}: this driver knows 1 to 3", value)
    return version


def generation(version: str) -> int:
    """Return the major number of a version."""
    return int(version.partition(".")[0])


def montage(version: str) -> Montage:
    """Return what a board of this firmware records; each input is wired as one likes.

    The kinds are those of the wiring that `DRIVER.derivations` supposes.
    """
    top = TOP_ABSOLUTE if generation(version) >= ABSOLUTE else RAIL - 1
    channels = tuple(
        Channel(f"CH{n}", kind, LSB_UV, 0, -RAIL, top)
        for n, kind in enumerate(KINDS, start=1)
    )
    return Montage((Stream(SFREQ, channels, rough_rate=True),))


def handshake() -> Handshake:
    """Ask for the firmware, and start."""
    version = decode_revision((yield Read(REVISION)))
    yield Write(SEND, START, response=False)
    return HeadbandInfo(montage(version), firmware=version)


class GanglionDecoder:
    """Decodes the notifications of one connection.

    Parameters
    ----------
    version : str
        Of the firmware.
    """

    def __init__(self, version: str) -> None:
        self._absolute = generation(version) >= ABSOLUTE
        self._last: int | None = None  # index of the last sample of the last packet
        self._t_rx = 0.0
        self._width = WITHOUT_ACC
        self._level: NDArray[np.int32] | None = None  # the last sample; None: lost
        self._short_rounds = 0.0  # of a hundred packets; -inf once one had another
        self._axes: dict[int, int] = {}

    def feed(self, notification: Notification) -> Iterator[Decoded]:
        """Yield the samples and the motion that `notification` holds."""
        char, payload, t_rx = notification
        if char != RECEIVE or not payload:
            raise DecodeError(f"from {char}, where packets are none", payload)
        if payload[0] in IMPEDANCE:
            decode_impedance(payload)
        elif payload[0] in TEXT:
            decode_text(payload)
        elif payload[0] > TEXT[-1] or len(payload) != PACKET_BYTES:
            raise DecodeError("no packet of a Ganglion", payload)
        else:
            yield from self._received(payload, t_rx)

    def _received(self, payload: bytes, t_rx: float) -> Iterator[Decoded]:
        width, place = self._layout(payload[0])
        last, end = self._last, self._index(2 * place, t_rx)
        if last is not None and end <= last:
            return  # repeated
        self._last, self._t_rx, self._width = end, t_rx, width
        ahead = 0 if last is None else end - last
        read = self._as_they_are if self._absolute else self._summed
        samples = read(payload, place, ahead)
        if len(samples):
            index = (end + 1 - len(samples)) % 2**32
            yield SamplePacket(0, index, np.ascontiguousarray(samples.T), t_rx)
        if width == WITH_ACC and (motion := self._motion(payload, t_rx)):
            yield motion

    def _layout(self, packet_id: int) -> tuple[int, int]:
        """Return the bits per sample and the place in the round, 0 to 100."""
        if packet_id == 0 and not self._absolute:
            return SEED, 0
        # with the accelerometer on, firmware 3 has its hundred and first packet here
        last_with_acc = not self._absolute or self._width == WITH_ACC
        if packet_id < HUNDREDTH or (packet_id == HUNDREDTH and last_with_acc):
            return WITH_ACC, packet_id
        return WITHOUT_ACC, packet_id - HUNDREDTH

    def _index(self, place: int, t_rx: float) -> int:
        """Return the index of sample `place` of a round that arrived at `t_rx`."""
        if self._last is None:
            return ROUND + place
        near = self._last + round((t_rx - self._t_rx) * SFREQ)
        return unwrap(place, near, ROUND)

    def _summed(self, payload: bytes, place: int, ahead: int) -> NDArray[np.int32]:
        """Return the samples of firmware 2; none after a loss."""
        if place == 0:
            samples = decode_seed(payload)
        elif self._level is None or ahead != PAIR:
            self._level = None
            return np.empty((0, 4), np.int32)
        else:
            delta = decode_deltas(payload, self._width)
            samples = self._level - np.cumsum(delta, axis=0, dtype=np.int32)
        self._level = samples[-1]
        return samples

    def _as_they_are(self, payload: bytes, place: int, ahead: int) -> NDArray[np.int32]:
        """Return the samples of firmware 3, without a first half that is stale."""
        samples = decode_absolute(payload, self._width)
        if place == HUNDREDTH:
            self._short_rounds = -inf
        elif place == 0:
            self._short_rounds += ahead == PAIR + 1
            if self._short_rounds < PROOF:
                return samples[1:]
        return samples

    def _motion(self, payload: bytes, t_rx: float) -> Motion | None:
        """Return the axes once all have come: x and y with ids .1 and .2, z with .0."""
        digit = payload[0] % 10
        self._axes[digit] = int.from_bytes(payload[-1:], "big", signed=True)
        if digit or not {1, 2} <= self._axes.keys():
            return None
        axes = [[self._axes[axis] * ACC_G] for axis in (1, 2, 0)]
        self._axes.clear()
        return Motion(np.array(axes, np.float32), np.empty((3, 0), np.float32), t_rx)


def decoder(info: HeadbandInfo) -> GanglionDecoder:
    """Make the decoder of a connection; `info` is what `handshake` returned."""
    if info.firmware is None:
        raise TypeError("ganglion decodes by the firmware, and this info names none")
    return GanglionDecoder(info.firmware)


DRIVER = Driver(
    name="ganglion",
    service=SERVICE,
    notify=(RECEIVE,),
    handshake=handshake,
    stop=(Write(SEND, STOP, response=False),),
    decoder=decoder,
    prefixes=("Ganglion", "Simblee"),
    derivations={
        "EEG Fpz-Cz": ("CH1",),
        "EEG Pz-Oz": ("CH2",),
        "EOG horizontal": ("CH3",),
        "EMG submental": ("CH4",),
    },
)
