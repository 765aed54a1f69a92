"""The headband's firmware: a recording, cut into notifications. Pure.

Device time runs in seconds from power-on, by the headband's own crystal; sample
`i` of a stream exists from ``i / sfreq`` on. A crystal `drift_ppm` too fast makes
everything come that much early, as sampling and ticks hang on the same crystal.
"""

import heapq
import zlib
from collections.abc import Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import Battery, SamplePacket
from gateway.drivers import diy
from gateway.drivers.diy.frame import CRC_BYTES, HEADER, MAX_SAMPLES
from gateway.drivers.diy.info import sample_bytes
from gateway.errors import RecordingError

TICK_HZ = 32_768
ATT_BYTES = 3  # of a notification, before its value
STATUS_S = 10.0
NIGHT_S = 12 * 3600.0  # a full battery lasts this long
OK = 0


class Frame(NamedTuple):
    """A notification and the device time at which it is ready."""

    due_s: float
    char: str
    payload: bytes


class Reply(NamedTuple):
    """Answer to a write to CONTROL; `status` is 0 or an ATT application error."""

    status: int
    payload: bytes = b""


class Firmware:
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

    Raises
    ------
    RecordingError
        If the open profile cannot carry this recording; says what to change.
    """

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
    ) -> None:
        self.skip_s = skip_s
        self.drift_ppm = drift_ppm
        self._counts = tuple(counts)
        self._batch_s = batch_s
        self._crc = crc
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

    def read_info(self) -> bytes:
        """Answer a read of INFO."""
        return self._info_value

    def battery(self, device_s: float) -> Battery:
        """Return the charge: full at power-on, and never quite empty."""
        return Battery(max(1, round(100 * (1 - device_s / NIGHT_S))))

    def control(self, request: bytes, mtu: int) -> Reply:
        """Answer a write to CONTROL that came over a connection of this `mtu`."""
        operation = request[0] if request else 0
        if operation == diy.START:
            status = self._start(request, mtu)
        elif operation in (diy.STOP, diy.IDENTIFY):
            status = OK
        else:
            status = diy.UNKNOWN_OPERATION
        return Reply(status, bytes([operation | 0x80, status]))

    def frames(self, request: bytes, since_s: float, mtu: int) -> Iterator[Frame]:
        """Yield what follows an accepted START `request`, in order of device time.

        Parameters
        ----------
        request : bytes
            As accepted by `control`.
        since_s : float
            Device time now; older samples were lost while nobody listened.
        mtu : int
            Of the connection: no payload is longer than `mtu` - 3.
        """
        mask = int.from_bytes(request[1:], "little")
        parts = [
            self._stream_frames(stream, since_s, mtu)
            for stream, wire_id in enumerate(self.info.stream_ids)
            if mask >> wire_id & 1
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
        return OK if fits else diy.MTU_TOO_SMALL

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
