"""An NPG Lite of three or six inputs, a few samples a time. Pure."""

import heapq
import re
from collections.abc import Iterator
from dataclasses import replace
from math import ceil

import numpy as np

from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import Battery
from gateway.drivers import npg_lite
from gateway.drivers.npg_lite import N_CHANNELS, SFREQ, encode
from gateway.recordings.recording import Counts, Recording
from sim.device import Attribute, DeviceSettings, Frame, Reaction
from sim.night.electrodes import electrodes

NAME = "NPG-Lite-3CH:5A:1C"
LSB_UV = 0.25  # of this simulated one; a real one's nobody knows
FIRMWARE = {"arduino": 10, "armband": 20, "idf": 25}  # samples per notification
BATTERY_S = 10.0
NIGHT_S = 10 * 3600.0  # what a charge lasts
ATT_BYTES = 3  # of a notification, before its value
NOTIFY = frozenset({"notify"})
ATTRIBUTES = (
    Attribute(npg_lite.DATA, NOTIFY),
    Attribute(npg_lite.CONTROL, frozenset({"read", "write", "notify"})),
    Attribute(npg_lite.BATTERY, frozenset({"read", "notify"})),
)


def device(recording: Recording, knobs: DeviceSettings) -> "NpgLiteDevice":
    """Wire `recording` to the inputs of a board: six if its name says ``6CH``.

    Raises
    ------
    RecordingError
        If the recording has no signal for these inputs.
    ConfigError
        If there is no such firmware, or no such rate.
    """
    knobs.check_firmware("npg_lite", FIRMWARE)
    firmware = knobs.firmware or "arduino"
    n_channels = 6 if re.search("6CH", knobs.name or NAME) else min(N_CHANNELS)
    montage = wired(npg_lite.montage(n_channels, FIRMWARE[firmware]))
    return NpgLiteDevice(electrodes(recording, montage, knobs.sfreq_hz), knobs)


def wired(montage: Montage) -> Montage:
    """Return `montage` with the microvolts per count of the simulated board."""
    (stream,) = montage.streams
    channels = tuple(replace(channel, lsb_uv=LSB_UV) for channel in stream.channels)
    return Montage((replace(stream, channels=channels),))


class NpgLiteDevice:
    """A board that samples `counts` and forgets all when its connection ends.

    Parameters
    ----------
    counts : ndarray of int16 or int32, shape (3 or 6, n_samples)
        From the moment of power-on.
    knobs : DeviceSettings
    """

    driver = "npg_lite"
    service = npg_lite.SERVICE
    attributes = ATTRIBUTES

    def __init__(self, counts: Counts, knobs: DeviceSettings) -> None:
        self.name = knobs.name or NAME
        self.skip_s = knobs.skip_s
        self.drift_ppm = knobs.drift_ppm
        self._counts = counts
        self._batch = FIRMWARE[knobs.firmware or "arduino"]
        self._sfreq = knobs.sfreq_hz or SFREQ[self._batch]
        self._streaming = False

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        return (self._counts.shape[1] - 1) / self._sfreq

    def connected(self) -> None:
        """Begin a new connection; the board stops when one ends."""
        self._streaming = False

    def battery(self, device_s: float) -> Battery:
        """Return the charge: full at power-on, and never too low to go on."""
        return Battery(max(5, round(100 * (1 - device_s / NIGHT_S))))

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read of the charge, or of whether samples are sent."""
        if char == npg_lite.BATTERY:
            return bytes([self.battery(device_s).percent])
        return b"RUNNING" if self._streaming else b"STOPPED"

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Obey a word, large or small."""
        del mtu, device_s
        word = payload.strip().upper()
        if word in (npg_lite.START, npg_lite.STOP):
            self._streaming = word == npg_lite.START
            return Reaction(streaming=self._streaming)
        said = {
            b"WHORU": b"NPG-LITE",
            b"STATUS": b"RUNNING" if self._streaming else b"STOPPED",
        }
        return Reaction(replies=((char, said.get(word, b"UNKNOWN COMMAND")),))

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield the samples from `since_s` on, counted from 0, and the charge.

        What does not fit the connection is cut off, as the board's stack does.
        """
        samples = self._samples(since_s, mtu - ATT_BYTES)
        return heapq.merge(samples, self._charge(since_s))

    def _samples(self, since_s: float, room: int) -> Iterator[Frame]:
        start, end = ceil(since_s * self._sfreq - 1e-6), self._counts.shape[1]
        for first in range(start, end - self._batch + 1, self._batch):
            window = self._counts[:, first : first + self._batch].astype(np.int32)
            due_s = (first + self._batch - 1) / self._sfreq
            payload = encode(window, first - start)[:room]
            yield Frame(due_s, npg_lite.DATA, payload)

    def _charge(self, since_s: float) -> Iterator[Frame]:
        for n in range(ceil(since_s / BATTERY_S), int(self.duration_s / BATTERY_S) + 1):
            charge = self.battery(n * BATTERY_S).percent
            yield Frame(n * BATTERY_S, npg_lite.BATTERY, bytes([charge]))
