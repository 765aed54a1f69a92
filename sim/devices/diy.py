"""A headband of the open profile OSB 1: the recording as it is, in frames. Pure."""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import Battery, SamplePacket
from gateway.drivers import diy
from gateway.drivers.diy.frame import CRC_BYTES, HEADER, MAX_SAMPLES
from gateway.drivers.diy.info import sample_bytes
from gateway.errors import ConfigError, RecordingError
from gateway.recordings.recording import Recording
from sim.device import OK, Attribute, DeviceSettings, Frame, Reaction, assigned

NAME = "Sleepgate simulator"
TICK_HZ = 32_768
ATT_BYTES = 3  # of a notification, before its value
STATUS_S = 10.0
NIGHT_S = 12 * 3600.0  # a full battery lasts this long
BATTERY_LEVEL, BATTERY_SERVICE = assigned(0x2A19), assigned(0x180F)
DEVICE_INFORMATION = assigned(0x180A)
ABOUT = {
    assigned(0x2A29): b"Sleepgate",  # manufacturer
    assigned(0x2A24): b"OSB 1 simulator",  # model number
}
READ = frozenset({"read"})
ATTRIBUTES = (
    Attribute(diy.INFO, READ),
    Attribute(diy.DATA, frozenset({"notify"})),
    Attribute(diy.STATUS, frozenset({"notify"})),
    Attribute(diy.CONTROL, frozenset({"write", "indicate"})),
    Attribute(BATTERY_LEVEL, READ, BATTERY_SERVICE),
    *(Attribute(uuid, READ, DEVICE_INFORMATION) for uuid in ABOUT),
)


def device(recording: Recording, knobs: DeviceSettings) -> "DiyDevice":
    """Make a headband whose montage is the recording's own.

    Raises
    ------
    RecordingError
        If the open profile cannot carry this recording; says what to change.
    ConfigError
        If a true rate is asked for: its only clock is the crystal.
    """
    if knobs.sfreq_hz is not None:
        why = "a diy headband samples at the recording's rate; give drift_ppm instead"
        raise ConfigError([f"sfreq_hz {knobs.sfreq_hz:g}: {why}"])
    return DiyDevice(
        recording.montage,
        recording.counts,
        boot_id=knobs.boot_id,
        drift_ppm=knobs.drift_ppm,
        skip_s=knobs.skip_s,
        name=knobs.name or NAME,
    )


class DiyDevice:
    """A headband that has recorded `counts` and streams them as they come.

    Parameters
    ----------
    montage : Montage
    counts : sequence of ndarray of int, shape (n_channels, n_samples)
        One per stream, from the moment of power-on.
    boot_id : int
        Of this power-on.
    drift_ppm : float
        How much too fast its crystal runs.
    skip_s : float
        Device time at which streaming begins, e.g. because the night went on while
        the simulator was away.
    batch_s : float
        A frame holds no more than this many seconds, whatever the MTU. 1 keeps a
        slow stream within two seconds of a fast one.
    crc : bool
        Whether frames end in a CRC.
    name : str
        As advertised.

    Raises
    ------
    RecordingError
        If the open profile cannot carry this recording; says what to change.
    """

    driver = "diy"
    service = diy.SERVICE
    attributes = ATTRIBUTES

    def __init__(  # noqa: PLR0913 - a headband has these knobs
        self,
        montage: Montage,
        counts: Sequence[NDArray[np.integer[Any]]],
        *,
        boot_id: int,
        drift_ppm: float = 0.0,
        skip_s: float = 0.0,
        batch_s: float = 1.0,
        crc: bool = False,
        name: str = NAME,
    ) -> None:
        self.name = name
        self.skip_s = skip_s
        self.drift_ppm = drift_ppm
        self._counts = tuple(counts)
        self._batch_s = batch_s
        self._crc = crc
        self._mask = 0
        self.info = _info(montage, boot_id)
        try:
            self._widths = tuple(map(sample_bytes, montage.streams))
            self._info_value = diy.encode_info(
                self.info, tuple(self._samples(n, 247) for n in self.info.stream_ids)
            )
            for stream, width in enumerate(self._widths):
                self._check(stream, width)
        except ValueError as error:
            raise RecordingError(
                f"this recording cannot be played as an OSB 1 headband: {error}"
            ) from error

    @property
    def duration_s(self) -> float:
        """Device time at which the last sample exists."""
        return max(
            (counts.shape[1] - 1) / stream.sfreq
            for counts, stream in zip(
                self._counts, self.info.montage.streams, strict=True
            )
        )

    def connected(self) -> None:
        """Begin a new connection, with nothing switched on."""
        self._mask = 0

    def read(self, char: str, device_s: float) -> bytes:
        """Answer a read of INFO, the battery level or the device information."""
        if char == diy.INFO:
            return self._info_value
        if char == BATTERY_LEVEL:
            return bytes([self.battery(device_s).percent])
        return ABOUT[char]

    def battery(self, device_s: float) -> Battery:
        """Return the charge: full at power-on, and never quite empty."""
        return Battery(max(1, round(100 * (1 - device_s / NIGHT_S))))

    def write(self, char: str, payload: bytes, mtu: int, device_s: float) -> Reaction:
        """Answer a write to CONTROL."""
        del device_s
        operation = payload[0] if payload else 0
        replies = ((char, bytes([operation | 0x80, OK])),)
        match operation:
            case diy.START:
                status = self._start(payload, mtu)
                if status:
                    return Reaction(status)
                return Reaction(replies=replies, streaming=True)
            case diy.STOP:
                return Reaction(replies=replies, streaming=False)
            case diy.IDENTIFY:
                return Reaction(replies=replies)
        return Reaction(diy.UNKNOWN_OPERATION)

    def frames(self, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield the frames of the streams that the last START named, and STATUS."""
        parts = [
            self._stream_frames(stream, since_s, mtu)
            for stream, wire_id in enumerate(self.info.stream_ids)
            if self._mask >> wire_id & 1
        ]
        return heapq.merge(*parts, self._status_frames(since_s))

    def _stream_frames(self, stream: int, since_s: float, mtu: int) -> Iterator[Frame]:
        counts, sfreq = self._counts[stream], self.info.montage.streams[stream].sfreq
        batch, end = self._samples(stream, mtu), counts.shape[1]
        for index in range(ceil(since_s * sfreq - 1e-6), end, batch):
            window = counts[:, index : index + batch].astype(np.int32)
            last = index + window.shape[1] - 1
            packet = SamplePacket(stream, index, window, 0.0, _ticks(index / sfreq))
            payload = diy.encode(self.info, packet, crc=self._crc)
            yield Frame(last / sfreq, diy.DATA, payload)

    def _status_frames(self, since_s: float) -> Iterator[Frame]:
        for n in range(ceil(since_s / STATUS_S), int(self.duration_s / STATUS_S) + 1):
            due_s = n * STATUS_S
            status = diy.encode_status(_ticks(due_s), self.battery(due_s))
            yield Frame(due_s, diy.STATUS, status)

    def _samples(self, stream: int, mtu: int) -> int:
        """Return how many samples a frame of `stream` holds; 0 if not even one fits."""
        room = mtu - ATT_BYTES - HEADER.size - CRC_BYTES * self._crc
        n_channels = len(self.info.montage.streams[stream].channels)
        fit = room // (n_channels * self._widths[stream])
        batch = int(self._batch_s * self.info.montage.streams[stream].sfreq)
        return max(0, min(fit, max(1, batch), MAX_SAMPLES))

    def _start(self, request: bytes, mtu: int) -> int:
        mask = int.from_bytes(request[1:], "little")
        known = sum(1 << wire_id for wire_id in self.info.stream_ids)
        if len(request) != 1 + 4 or not mask or mask & ~known:
            return diy.BAD_ARGUMENTS
        fits = all(
            self._samples(stream, mtu)
            for stream, wire_id in enumerate(self.info.stream_ids)
            if mask >> wire_id & 1
        )
        if not fits:
            return diy.MTU_TOO_SMALL
        self._mask = mask
        return OK

    def _check(self, stream: int, width: int) -> None:
        counts, rail = self._counts[stream], 1 << 8 * width - 1
        labels = [c.label for c in self.info.montage.streams[stream].channels]
        if counts.shape[0] != len(labels) or not counts.shape[1]:
            raise ValueError(f"{labels}: samples of shape {counts.shape}")
        if counts.min() < -rail or counts.max() >= rail:
            raise ValueError(
                f"{labels}: counts beyond their digital minimum or maximum"
            )


def _info(montage: Montage, boot_id: int) -> diy.DiyInfo:
    config_id = zlib.crc32(repr(montage).encode())  # other settings, another id
    ids = tuple(range(len(montage.streams)))
    clock = float(TICK_HZ)
    return diy.DiyInfo(montage, clock, boot_id, config_id=config_id, stream_ids=ids)


def _ticks(device_s: float) -> int:
    return round(device_s * TICK_HZ) % 2**32
