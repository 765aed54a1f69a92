"""An OpenBCI Ganglion, firmware 2 or 3: four inputs in twenty bytes a time. Pure."""

from collections.abc import Iterator
from math import ceil

import numpy as np

from gateway.drivers import ganglion
from gateway.drivers.ganglion import PAIR, ROUND, SFREQ
from gateway.drivers.ganglion.packet import (
    HUNDREDTH,
    encode_absolute,
    encode_deltas,
    encode_seed,
    encode_text,
)
from gateway.recordings.recording import Counts, Recording
from sim.device import Attribute, DeviceSettings, Frame, Reaction, assigned
from sim.night.electrodes import electrodes

NAME = "Ganglion-54ca"
FIRMWARE = ("2.0.1", "3.0.0")
DISCONNECT = "2d30c084-f39f-4ce6-923f-3484ea480596"
READ, WRITE = frozenset({"read"}), frozenset({"write", "write-without-response"})
ATTRIBUTES = (
    Attribute(ganglion.RECEIVE, frozenset({"read", "notify"})),
    Attribute(ganglion.SEND, WRITE),
    Attribute(DISCONNECT, WRITE),
    Attribute(ganglion.REVISION, READ, assigned(0x180A)),
)
FLAT = (0, 0, round(1 / ganglion.ACC_G))  # x, y, z of a board that lies on its back


def device(recording: Recording, knobs: DeviceSettings) -> "GanglionDevice":
    """Wire `recording` to the inputs of a Ganglion.

    Raises
    ------
    RecordingError
        If the recording has no signal for these inputs.
    ConfigError
        If there is no such firmware, or no such rate.
    """
    knobs.check_firmware("ganglion", FIRMWARE)
    montage = ganglion.montage(knobs.firmware or FIRMWARE[-1])
    return GanglionDevice(electrodes(recording, montage, knobs.sfreq_hz), knobs)


class GanglionDevice:
    """A board that samples `counts` and sends what a byte-thrifty packet has room for.

    Firmware 3 sends the upper 19 bits, or 18 with the accelerometer; `counts` are what
    it has to send. Firmware 2 sends differences as its maker's code does, each with the
    lowest bit given to the sign.

    Parameters
    ----------
    counts : ndarray of int16 or int32, shape (4, n_samples)
        From the moment of power-on.
    knobs : DeviceSettings
    """

    driver = "ganglion"
    service = ganglion.SERVICE
    attributes = ATTRIBUTES

    def __init__(self, counts: Counts, knobs: DeviceSettings) -> None:
        self.name = knobs.name or NAME
        self.skip_s = knobs.skip_s
        self.drift_ppm = knobs.drift_ppm
        self._version = knobs.firmware or FIRMWARE[-1]
        self._absolute = ganglion.generation(self._version) >= ganglion.ABSOLUTE
        self._sfreq = knobs.sfreq_hz or SFREQ
        self._counts = counts.T
        self._accelerometer = False

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        return (len(self._counts) - 1) / self._sfreq

    def connected(self) -> None:
        """Begin a new connection; the board resets when one is made."""
        self._accelerometer = False

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read of the software revision; there is nothing to receive yet."""
        del device_s
        return self._version.encode() if char == ganglion.REVISION else b""

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Obey commands of one letter; what is none is passed over in silence."""
        del mtu, device_s
        if char == DISCONNECT:
            return Reaction(streaming=False, disconnect=True)
        match payload:
            case ganglion.START:
                return Reaction(streaming=True)
            case ganglion.STOP:
                return Reaction(streaming=False)
            case b"n" | b"N":
                self._accelerometer = payload == b"n"
                word = "enabled" if self._accelerometer else "disabled"
                return _saying(f"accelerometer {word}\n")
            case b"v":
                self._accelerometer = False
                said = _saying(f"OpenBCI Ganglion v{self._version}\n")
                return said._replace(streaming=False)
        return Reaction()

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield the packets from `since_s` on; the first of them has id 0 or 100."""
        del mtu  # 20 bytes fit any
        start = ceil(since_s * self._sfreq - 1e-6)
        for place, last in _packets(start, len(self._counts)):
            payload = self._packet(place, last, start)
            yield Frame(last / self._sfreq, ganglion.RECEIVE, payload)

    def _packet(self, place: int, last: int, start: int) -> bytes:
        """Return the packet that ends with sample `last`."""
        around = self._counts[max(start, last - PAIR) : last + 1].astype(np.int32)
        acc = _axis(place) if self._accelerometer else None
        if not self._absolute:
            return (
                encode_deltas(place, around, acc=acc)
                if place
                else encode_seed(around[-1:])
            )
        if place == 0:  # its first half is whatever was there before: nothing
            around = np.stack([np.zeros_like(around[-1]), around[-1]])
        return encode_absolute(place, around[-PAIR:], acc=acc)


def _packets(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield each packet's place in the round and its last sample.

    Of 201 samples the first is sent alone, and the others in a hundred pairs.
    """
    for begin in range(start, end, ROUND):
        for place in range(HUNDREDTH + 1):
            if (last := begin + PAIR * place) >= end:
                return
            yield place, last


def _axis(place: int) -> int:
    """Return the byte of the accelerometer: it stays until the next axis is due."""
    return FLAT[{1: 0, 2: 1}.get(place % 10, 2)]


def _saying(words: str) -> Reaction:
    pieces = encode_text(words)
    return Reaction(replies=tuple((ganglion.RECEIVE, piece) for piece in pieces))
