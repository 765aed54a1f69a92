"""Driver of an invented board: two EEG channels at 250 Hz, 10 samples a notification.

A notification is a little-endian u32, the number of its first sample since power-on,
then 10 times two little-endian i16, 0.5 uV a count.
"""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import Notification, SamplePacket
from gateway.drivers import Driver, Handshake, Read, Write
from gateway.errors import DecodeError

SERVICE = "7a0e0001-5a3c-4f0b-9c1d-2b6f4e8d9a10"
DATA = "7a0e0002-5a3c-4f0b-9c1d-2b6f4e8d9a10"
CONTROL = "7a0e0003-5a3c-4f0b-9c1d-2b6f4e8d9a10"
VERSION = "7a0e0004-5a3c-4f0b-9c1d-2b6f4e8d9a10"
FIRMWARE = b"1.0"
N_CHANNELS, N_SAMPLES, SFREQ, LSB_UV = 2, 10, 250.0, 0.5
N_BYTES = 4 + 2 * N_CHANNELS * N_SAMPLES


def encode(index: int, counts: NDArray[np.int32]) -> bytes:
    """Return the notification of `counts` of shape (2, 10)."""
    return struct.pack("<I", index) + counts.T.astype("<i2").tobytes()


def handshake() -> Handshake:
    """Ask for the firmware's version, start the samples, return what they will be."""
    version = yield Read(VERSION)
    if version != FIRMWARE:
        raise DecodeError("no firmware 1.0", version)
    yield Write(CONTROL, b"start")
    channels = tuple(Channel(name, Modality.EEG, LSB_UV) for name in ("Fp1", "Fp2"))
    return HeadbandInfo(Montage((Stream(SFREQ, channels),)))


class TwoChannelDecoder:
    """Decoder of one connection; this board's format needs no memory."""

    def feed(self, notification: Notification) -> Iterator[SamplePacket]:
        """Yield the samples of a notification; raise `DecodeError` if it is none."""
        payload = notification.payload
        if notification.char != DATA or len(payload) != N_BYTES:
            raise DecodeError("no 10 samples of two channels", payload)
        (index,) = struct.unpack_from("<I", payload)
        counts = np.frombuffer(payload, "<i2", offset=4).astype(np.int32)
        samples = counts.reshape(N_SAMPLES, N_CHANNELS).T
        yield SamplePacket(0, index, samples, notification.t_rx)


def decoder(_info: HeadbandInfo) -> TwoChannelDecoder:
    """Make the decoder of a connection."""
    return TwoChannelDecoder()


DRIVER = Driver(
    name="two_channel",
    service=SERVICE,
    notify=(DATA,),
    handshake=handshake,
    stop=(Write(CONTROL, b"stop"),),
    decoder=decoder,
    derivations={"EEG Fpz-Cz": ("Fp1", "Fp2")},
)
