"""A Muse 2: one notification per electrode, and none any more without `k`. Pure."""

import heapq
from collections.abc import Iterator
from itertools import count
from math import ceil

import numpy as np

from gateway.acquisition.packets import Battery
from gateway.drivers import muse_classic
from gateway.drivers.muse_classic import AUX, ELECTRODES, FIVE, SFREQ, wire
from gateway.drivers.muse_classic.control import (
    CONTROL,
    SERVICE,
    decode_command,
    encode_reply,
)
from gateway.drivers.muse_classic.wire import COUNTERS, SAMPLES
from gateway.errors import DecodeError
from gateway.recordings.recording import Counts, Recording
from sim.device import Attribute, DeviceSettings, Frame, Reaction
from sim.night.electrodes import electrodes

NAME = "Muse-5A1C"
FIRMWARE, BOOTLOADER = "1.2.13", "bootloader"
NIGHT_S = 5 * 3600.0  # what a charge lasts
TELEMETRY_S = 10.0
MOTION_HZ = 52.0
ORDER = ("AUX", "TP10", "AF8", "TP9", "AF7")  # as real ones send
PRESETS = ("p20", "p21", "p50", "p51", "p60", "p61")
WITH_AUX = (FIVE, "p50")
AT_ONCE = 256  # rows to pack at a time
PACKED_BYTES = SAMPLES * 12 // 8
CHARS = ELECTRODES | AUX
OK, UNKNOWN = 0, 1
NOTIFY = frozenset({"notify"})
ATTRIBUTES = (
    Attribute(CONTROL, frozenset({"write-without-response", "notify"})),
    *(Attribute(char, NOTIFY) for char in CHARS.values()),
    Attribute(muse_classic.GYROSCOPE, NOTIFY),
    Attribute(muse_classic.ACCELEROMETER, NOTIFY),
    Attribute(muse_classic.TELEMETRY, NOTIFY),
)


def device(recording: Recording, knobs: DeviceSettings) -> "ClassicDevice":
    """Lay `recording` on the electrodes of a Muse 2.

    Raises
    ------
    RecordingError
        If the recording has no signal that a Muse could have taken.
    ConfigError
        If there is no such firmware, or no such rate.
    """
    knobs.check_firmware("muse_classic", (FIRMWARE, BOOTLOADER))
    montage = muse_classic.montage(tuple(CHARS))
    return ClassicDevice(electrodes(recording, montage, knobs.sfreq_hz), knobs)


class ClassicDevice:
    """A headband that has recorded `counts` and streams them as they come.

    Rows are counted from power-on, so that the counter goes on when the headband is
    started again. With firmware ``"bootloader"`` it wants a reset first.

    Parameters
    ----------
    counts : ndarray of int16 or int32, shape (5, n_samples)
        TP9, AF7, AF8, TP10, AUX, from the moment of power-on.
    knobs : DeviceSettings
        `starves_s` after the last command it stops streaming.
    """

    driver = "muse_classic"
    service = SERVICE
    attributes = ATTRIBUTES

    def __init__(self, counts: Counts, knobs: DeviceSettings) -> None:
        self.name = knobs.name or NAME
        self.skip_s = knobs.skip_s
        self.drift_ppm = knobs.drift_ppm
        self._counts = counts
        self._sfreq = knobs.sfreq_hz or SFREQ
        self._starves_s = knobs.starves_s
        self._bootloader = knobs.firmware == BOOTLOADER
        self._preset = muse_classic.FOUR
        self._heard_s = 0.0

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        return (self._counts.shape[1] - 1) / self._sfreq

    def connected(self) -> None:
        """Begin a new connection: the preset is forgotten."""
        self._preset = muse_classic.FOUR

    def battery(self, device_s: float) -> Battery:
        """Return the charge: full at power-on, and never quite empty."""
        return Battery(max(1, round(100 * (1 - device_s / NIGHT_S))))

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read: there is nothing to read."""
        raise LookupError(f"{char} cannot be read, at {device_s:g} s")

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Answer a command on control; one that is unknown is refused in words."""
        del char, mtu
        self._heard_s = device_s
        try:
            text = decode_command(payload)
        except DecodeError:
            return Reaction()  # as a real one: not a word
        if text == "*1":
            self._bootloader = False
            return Reaction(streaming=False, disconnect=True)
        said, streaming = self._obey(text, device_s)
        replies = tuple((CONTROL, piece) for piece in encode_reply(said))
        return Reaction(replies=replies, streaming=streaming)

    def _obey(
        self, text: str, device_s: float
    ) -> tuple[dict[str, object], bool | None]:
        """Return what is answered, and whether to stream from now on."""
        if text == "v1":
            running = BOOTLOADER if self._bootloader else "headset"
            about = {"ap": running, "sp": "RevE", "tp": "consumer", "hw": "3.1"}
            return {**about, "bn": 27, "fw": FIRMWARE, "pv": 1, "rc": OK}, None
        if text == "s":
            charge, preset = self.battery(device_s).percent, int(self._preset[1:], 16)
            return {"hn": self.name, "bp": charge, "ps": preset, "rc": OK}, None
        if text in PRESETS:
            self._preset = text
            return {"rc": OK}, None
        if text in ("h", "d", "k") and not self._bootloader:
            return {"rc": OK}, {"h": False, "d": True, "k": None}[text]
        return {"rc": UNKNOWN}, None

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield electrodes, motion and charge until it starves or the night ends."""
        del mtu  # 23 is enough
        parts = (self._rows(since_s), self._motion(since_s), self._charge(since_s))
        for frame in heapq.merge(*parts, key=lambda frame: frame.due_s):
            if frame.due_s > self.duration_s or self._starved(frame.due_s):
                return
            yield frame

    def _starved(self, device_s: float) -> bool:
        if self._starves_s is None:
            return False
        return device_s - self._heard_s > self._starves_s

    def _rows(self, since_s: float) -> Iterator[Frame]:
        labels = ORDER if self._preset in WITH_AUX else ORDER[1:]
        where = {label: i for i, label in enumerate(CHARS)}
        n_rows = self._counts.shape[1] // SAMPLES
        first = ceil(since_s * self._sfreq / SAMPLES - 1e-6)
        for begin in range(first, n_rows, AT_ONCE):
            rows = range(begin, min(begin + AT_ONCE, n_rows))
            window = self._counts[:, rows.start * SAMPLES : rows.stop * SAMPLES]
            packed = [wire.encode_samples(window[where[label]]) for label in labels]
            for n, row in enumerate(rows):
                due_s = ((row + 1) * SAMPLES - 1) / self._sfreq
                counter = (row % COUNTERS).to_bytes(2, "big")
                at = slice(n * PACKED_BYTES, (n + 1) * PACKED_BYTES)
                for label, samples in zip(labels, packed, strict=True):
                    yield Frame(due_s, CHARS[label], counter + samples[at])

    def _motion(self, since_s: float) -> Iterator[Frame]:
        still = np.zeros((3, 3), np.int16)
        lying = still.copy()
        lying[2] = round(1 / wire.G)
        period_s = wire.MOTION_SAMPLES / MOTION_HZ
        for n in count(ceil(since_s / period_s)):
            at, counter = n * period_s, n % COUNTERS
            yield Frame(
                at, muse_classic.ACCELEROMETER, wire.encode_axes(counter, lying)
            )
            yield Frame(at, muse_classic.GYROSCOPE, wire.encode_axes(counter, still))

    def _charge(self, since_s: float) -> Iterator[Frame]:
        for n in count(ceil(since_s / TELEMETRY_S)):
            at = n * TELEMETRY_S
            payload = wire.encode_telemetry(n % COUNTERS, self.battery(at))
            yield Frame(at, muse_classic.TELEMETRY, payload)
