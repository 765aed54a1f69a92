"""Upside Down Labs NPG Lite: 3 or 6 inputs of 12 bits, on an ESP32-C6.

A notification holds `n` samples, each a u8 that counts samples and, for every input,
a big-endian u16 of the converter: 0 to 4095 with 2048 in the middle. Nothing says how
many inputs there are or how fast they are sampled, so a notification is listened for
before anything is said of the montage: the counts of samples run on by one in one
layout only. 10 or 20 samples a notification are the 500-Hz firmware (Arduino, arm
band), 25 the 250-Hz one (ESP-IDF); the true rate is measured from there.

The count comes round after 256 samples, 0.5 s or 1 s. Lost are always whole
notifications, so together with `n` it comes round after 2.56 s (10 or 20) or 25.6 s
(25), and a longer silence is measured by its arrival. Samples that the board drops
before it counts them leave no trace.

No document gives the gain before the converter. A count is called a microvolt until
the configuration says how many it is (`lsb_uv`); amplitudes mean nothing without.
"""

from collections.abc import Iterator
from math import lcm

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.counter_unwrap import unwrap
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import Battery, Decoded, Notification, SamplePacket
from gateway.drivers import Driver, Handshake, Listen, Write
from gateway.errors import DecodeError

SERVICE = "4fafc201-1fb5-459e-8fcc-c5c9c331914b"
DATA = "beb5483e-36e1-4688-b7f5-ea07361b26a8"
CONTROL = "0000ff01-0000-1000-8000-00805f9b34fb"
BATTERY = "f633d0ec-46b4-43c1-a39f-1ca06d0602e1"
START, STOP = b"START", b"STOP"

N_CHANNELS = (3, 6)
SFREQ = {10: 500.0, 20: 500.0, 25: 250.0}  # by samples per notification
COUNTER = 256
ZERO, TOP = 2048, 4095
CEILING = 8192  # ESP-IDF stretches 0-3329 to 0-4095, and what is above beyond
FULL = 100  # per cent
WAIT_S, TRIES = 3.0, 3
KINDS = (Modality.EEG, Modality.EEG, Modality.EOG, Modality.EMG)


def encode(counts: NDArray[np.int32], index: int) -> bytes:
    """Return the notification of samples of shape (n_channels, n), the first `index`.

    Raises
    ------
    ValueError
        If a count is none of the converter's.
    """
    if counts.min() < 0 or counts.max() >= CEILING:
        raise ValueError(f"counts {counts.min()}..{counts.max()} of a 12-bit converter")
    n_channels, n_samples = counts.shape
    rows = np.empty((n_samples, 1 + 2 * n_channels), np.uint8)
    rows[:, 0] = (index + np.arange(n_samples)) % COUNTER
    rows[:, 1:] = counts.T.astype(">u2", order="C").view(np.uint8)
    return rows.tobytes()


def decode(payload: bytes, n_channels: int) -> tuple[int, NDArray[np.int32]]:
    """Read a notification.

    Returns
    -------
    counter : int
        Of the first sample, modulo 256.
    counts : ndarray of int32, shape (n_channels, n_samples)

    Raises
    ------
    DecodeError
        If these are no samples of so many inputs.
    """
    width = 1 + 2 * n_channels
    n_samples, rest = divmod(len(payload), width)
    if rest or n_samples not in SFREQ:
        raise DecodeError(f"no samples of {n_channels} inputs", payload)
    rows = np.frombuffer(payload, np.uint8).reshape(n_samples, width)
    counter = int(rows[0, 0])
    if (rows[:, 0] != (counter + np.arange(n_samples)) % COUNTER).any():
        raise DecodeError("samples are not counted one by one", payload)
    counts = rows[:, 1:].copy().view(">u2").astype(np.int32)
    if counts.max() >= CEILING:
        raise DecodeError(f"{counts.max()} from a 12-bit converter", payload)
    return counter, counts.T


def decode_battery(payload: bytes) -> Battery:
    """Read the charge; raises `DecodeError` on what is no percentage."""
    if len(payload) != 1 or payload[0] > FULL:
        raise DecodeError("no charge in per cent", payload)
    return Battery(payload[0])


def montage(n_channels: int, n_samples: int) -> Montage:
    """Return what a board records; each input is wired as one likes.

    The kinds are those of the wiring that `DRIVER.derivations` supposes.

    Parameters
    ----------
    n_channels : int
        3 or 6.
    n_samples : int
        Per notification: 10, 20 or 25.
    """
    kinds = [*KINDS, Modality.AUX, Modality.AUX][:n_channels]
    channels = tuple(
        Channel(f"CH{n}", kind, 1.0, ZERO, 0, TOP)
        for n, kind in enumerate(kinds, start=1)
    )
    return Montage((Stream(SFREQ[n_samples], channels, rough_rate=True),))


def handshake() -> Handshake:
    """Start, and see from the first notification what the board is."""
    yield Write(CONTROL, START)
    for _ in range(TRIES):
        payload = yield Listen(DATA, WAIT_S)
        for n_channels in N_CHANNELS:
            try:
                _, counts = decode(payload, n_channels)
            except DecodeError:
                continue  # of the other kind, or cut short by the start
            return HeadbandInfo(montage(*counts.shape))
    if not payload:
        raise DecodeError("silent after START: charge it (below 5 % it stops)", payload)
    raise DecodeError("no samples of 3 or 6 inputs: no NPG Lite, or newer", payload)


class NpgLiteDecoder:
    """Decodes the notifications of one connection.

    Parameters
    ----------
    stream : Stream
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._last: int | None = None  # index of the first sample of the last packet
        self._t_rx = 0.0

    def feed(self, notification: Notification) -> Iterator[Decoded]:
        """Yield the samples or the charge that `notification` holds."""
        char, payload, t_rx = notification
        if char == BATTERY:
            yield decode_battery(payload)
        elif char == DATA:
            counter, counts = decode(payload, len(self._stream.channels))
            index = self._index(counter, counts.shape[1], t_rx)
            if self._last is not None and index <= self._last:
                return  # repeated
            self._last, self._t_rx = index, t_rx
            yield SamplePacket(0, index % 2**32, counts, t_rx)
        else:
            raise DecodeError(f"from {char}, where nothing is expected", payload)

    def _index(self, counter: int, n_samples: int, t_rx: float) -> int:
        """Return the index of a notification's first sample."""
        if self._last is None:
            return counter
        away = round((t_rx - self._t_rx) * self._stream.sfreq)
        ahead = (counter - self._last) % COUNTER
        whole = [ahead + COUNTER * n for n in range(n_samples)]
        for step in whole:
            if step % n_samples == 0:  # whole notifications were lost
                return self._last + unwrap(step, away, lcm(COUNTER, n_samples))
        return self._last + unwrap(ahead, away, COUNTER)


def decoder(info: HeadbandInfo) -> NpgLiteDecoder:
    """Make the decoder of a connection; `info` is what `handshake` returned."""
    (stream,) = info.montage.streams
    return NpgLiteDecoder(stream)


DRIVER = Driver(
    name="npg_lite",
    service=SERVICE,
    notify=(DATA,),
    handshake=handshake,
    stop=(Write(CONTROL, STOP),),
    decoder=decoder,
    prefixes=("NPG-",),
    also_notify=(BATTERY,),
    derivations={
        "EEG Fpz-Cz": ("CH1",),
        "EEG Pz-Oz": ("CH2",),
        "EOG horizontal": ("CH3",),
        "EMG submental": ("CH4",),
    },
    uncalibrated=True,
)
