"""A Muse S Athena of the firmware of 2025 or 2026. Pure."""

from collections.abc import Iterator
from heapq import merge
from itertools import count
from math import ceil
from typing import NamedTuple

import numpy as np

from gateway.acquisition.packets import Battery
from gateway.drivers import muse_athena
from gateway.drivers.muse_athena import PRESET, REFUSED, frame, samples
from gateway.drivers.muse_athena.frame import EEG_4, EEG_8, AthenaPacket, SensorBlock
from gateway.drivers.muse_classic.control import (
    CONTROL,
    SERVICE,
    decode_command,
    encode_reply,
)
from gateway.errors import DecodeError
from gateway.recordings.recording import Counts, Recording
from sim.device import Attribute, DeviceSettings, Frame, Reaction
from sim.night.electrodes import electrodes

NAME = "MuseS-5A1C"
NIGHT_S = 12 * 3600.0  # what a charge lasts
BATTERY_S = 1.0
MOTION_S = samples.MOTION_SAMPLES / 52
DRL_REF_S = 6 / 31
BATCH_S = 0.1125  # the firmware of 2025 stamps what it packs that often
ATT_BYTES = 3  # of a notification, before its value
FOUR_CHANNELS = ("p20", "p21", "p50", "p51", "p60", "p61")
EIGHT_CHANNELS = ("p1041", "p1042", "p1043", "p1044", "p1045", "p1046", "p4129")
PRESETS = FOUR_CHANNELS + EIGHT_CHANNELS
AT_ONCE = 256  # blocks to pack at a time
OK, UNKNOWN = 0, 1
NOTIFY = frozenset({"notify"})
ATTRIBUTES = (
    Attribute(CONTROL, frozenset({"write-without-response", "notify"})),
    Attribute(muse_athena.DATA, NOTIFY),
    Attribute(muse_athena.DATA_2, frozenset({"write-without-response"})),
)


class Firmware(NamedTuple):
    """Differences between the firmware of two years.

    `zero` is the device time at power-on, `battery` the tag of the charge, `start`
    the command that starts streaming.
    """

    zero: int
    battery: int
    start: str


NEWEST = "2026"
FIRMWARE = {
    "2025": Firmware(1733184000000, frame.BATTERY_2025, "dc001"),
    "2025d": Firmware(1733184000000, frame.BATTERY_2025, "d"),
    NEWEST: Firmware(6464000000, frame.BATTERY_2026, "dc001"),
}


def device(recording: Recording, knobs: DeviceSettings) -> "AthenaDevice":
    """Lay `recording` on the electrodes of a Muse S Athena.

    Raises
    ------
    RecordingError
        If the recording has no signal that a Muse could have taken.
    ConfigError
        If there is no such firmware, or no such rate.
    """
    knobs.check_firmware("muse_athena", FIRMWARE)
    montage = samples.montage(EEG_8)
    return AthenaDevice(electrodes(recording, montage, knobs.sfreq_hz), knobs)


class AthenaDevice:
    """A headband that has recorded `counts` and streams them as they come.

    Every start begins at packet 0 with all counters at 0, as in the captures.

    Parameters
    ----------
    counts : ndarray of int16 or int32, shape (8, n_samples)
        TP9, AF7, AF8, TP10, AUX1 to AUX4, from the moment of power-on.
    knobs : DeviceSettings
        `firmware` is one of `FIRMWARE`; ``"2025d"`` refuses ``dc001``.
    """

    driver = "muse_athena"
    service = SERVICE
    attributes = ATTRIBUTES

    def __init__(self, counts: Counts, knobs: DeviceSettings) -> None:
        self.name = knobs.name or NAME
        self.skip_s = knobs.skip_s
        self.drift_ppm = knobs.drift_ppm
        self._counts = counts
        self._sfreq = knobs.sfreq_hz or samples.SFREQ
        self._version = knobs.firmware or NEWEST
        self._firmware = FIRMWARE[self._version]
        self._preset = PRESET
        self._started = False

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        return (self._counts.shape[1] - 1) / self._sfreq

    def connected(self) -> None:
        """Begin a new connection: preset and start are forgotten."""
        self._preset, self._started = PRESET, False

    def battery(self, device_s: float) -> Battery:
        """Return the charge: full at power-on, and never quite empty."""
        return Battery(max(1, round(100 * (1 - device_s / NIGHT_S))))

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read: there is nothing to read."""
        raise LookupError(f"{char} cannot be read, at {device_s:g} s")

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Answer a command on control; one that is unknown is refused in words."""
        del mtu
        try:
            text = decode_command(payload)
        except DecodeError:
            return Reaction()  # as a real one: not a word
        if char != CONTROL:
            return Reaction()
        said, streaming = self._said(text, device_s), self._switched(text)
        replies = tuple((CONTROL, piece) for piece in encode_reply(said))
        return Reaction(replies=replies, streaming=streaming)

    def _said(self, text: str, device_s: float) -> dict[str, object]:
        if text == "v6":
            about = {"ap": "headset", "sp": "Athena_RevE", "tp": "consumer"}
            return {**about, "hw": "14.1", "fw": self._version, "rc": OK}
        if text == "s":
            charge = self.battery(device_s).percent
            return {"hn": self.name, "bp": charge, "ps": self._preset, "rc": OK}
        if text == "dc001" != self._firmware.start:
            return {"rc": REFUSED}
        known = ("h", "k", "L0", "L1", self._firmware.start, *PRESETS)
        return {"rc": OK if text in known else UNKNOWN}

    def _switched(self, text: str) -> bool | None:
        """Return whether to stream from now on; None: as it was."""
        if text in PRESETS:
            self._preset = text
        elif text == "h":
            self._started = False
            return False
        elif text == self._firmware.start and not self._started:
            self._started = True
            return True
        return None

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield packets as full as they may be, from `since_s` on."""
        room, size = min(frame.MAX_BYTES, mtu - ATT_BYTES), 0
        held: list[tuple[float, SensorBlock]] = []
        indices = count()
        for due_s, block in self._blocks(since_s):
            width = frame.BLOCK_HEAD_BYTES + len(block.payload)
            if held and frame.HEADER_BYTES + size + width > room:
                yield self._packed(next(indices), held, room)
                held, size = [], 0
            held.append((due_s, block))
            size += width
        if held:
            yield self._packed(next(indices), held, room)

    def _packed(
        self, index: int, held: list[tuple[float, SensorBlock]], room: int
    ) -> Frame:
        """Stamp and pack; what is longer than the MTU is cut, as a radio would."""
        if self._firmware.battery == frame.BATTERY_2025:
            begin_s = held[0][0] // BATCH_S * BATCH_S
            time = self._firmware.zero + int(begin_s * 1000)
            stamps = [(due_s // BATCH_S * BATCH_S - begin_s) * 1e6 for due_s, _ in held]
        else:
            units = int(held[0][0] * 1e6 / frame.US_PER_UNIT)
            time = self._firmware.zero + units
            begin_s = units * frame.US_PER_UNIT * 1e-6
            stamps = [(due_s - begin_s) * 1e7 for due_s, _ in held]
        blocks = tuple(
            block._replace(offset=round(stamp))
            for (_, block), stamp in zip(held, stamps, strict=True)
        )
        packet = AthenaPacket(index % frame.INDICES, time, blocks)
        return Frame(held[-1][0], muse_athena.DATA, frame.encode([packet])[:room])

    def _blocks(self, since_s: float) -> Iterator[tuple[float, SensorBlock]]:
        still = np.zeros((6, samples.MOTION_SAMPLES), np.int16)
        still[2] = round(1 / samples.G)
        motion = samples.encode_motion(still)
        others = (
            self._every(MOTION_S, frame.MOTION, motion, since_s),
            self._every(DRL_REF_S, frame.DRL_REF, bytes(24), since_s),
            self._charge(since_s),
        )
        return merge(self._eeg(since_s), *others, key=lambda item: item[0])

    def _eeg(self, since_s: float) -> Iterator[tuple[float, SensorBlock]]:
        tag = EEG_4 if self._preset in FOUR_CHANNELS else EEG_8
        n_channels = 4 if tag == EEG_4 else 8
        length, size = samples.SAMPLES[tag], frame.PAYLOAD_BYTES[tag]
        first = ceil(since_s * self._sfreq - 1e-6)
        n_blocks = (self._counts.shape[1] - first) // length
        for begin in range(0, n_blocks, AT_ONCE):
            numbers = range(begin, min(begin + AT_ONCE, n_blocks))
            start, stop = first + begin * length, first + numbers.stop * length
            packed = samples.encode_eeg(self._counts[:n_channels, start:stop])
            for n, number in enumerate(numbers):
                due_s = (first + (number + 1) * length - 1) / self._sfreq
                payload = packed[n * size : (n + 1) * size]
                yield due_s, SensorBlock(tag, number % frame.COUNTERS, 0, payload)

    def _every(
        self, period_s: float, tag: int, payload: bytes, since_s: float
    ) -> Iterator[tuple[float, SensorBlock]]:
        first = ceil(since_s / period_s)
        for n in range(first, int(self.duration_s / period_s) + 1):
            block = SensorBlock(tag, (n - first) % frame.COUNTERS, 0, payload)
            yield n * period_s, block

    def _charge(self, since_s: float) -> Iterator[tuple[float, SensorBlock]]:
        tag = self._firmware.battery
        for due_s, block in self._every(BATTERY_S, tag, b"", since_s):
            payload = samples.encode_battery(tag, self.battery(due_s))
            yield due_s, block._replace(payload=payload)
