"""Samples in the sensor blocks of a Muse S Athena."""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Battery
from gateway.drivers.muse_athena.frame import EEG_4, EEG_8, PAYLOAD_BYTES

SFREQ = 256.0
SITES = ("TP9", "AF7", "AF8", "TP10")
AUXES = ("AUX1", "AUX2", "AUX3", "AUX4")
SAMPLES = {EEG_4: 4, EEG_8: 2}  # per block
LSB_UV = 1450 / 16383
ZERO, RAIL = 8192, 16383
MOTION_SAMPLES = 3
G = 1 / 16384  # per count
DPS = -245 / 32768
CHARGE = 256  # counts per cent
FULL = 100

_BITS = 14
_BLOCK_VALUES = 16
_VALUES, _GROUP_BYTES = 4, 7  # the fewest values that end on a byte
_SHIFTS = np.arange(_VALUES, dtype=np.uint64) * np.uint64(_BITS)
_MASK = np.uint64((1 << _BITS) - 1)
_BATTERY = struct.Struct("<10H")


def montage(tag: int) -> Montage:
    """Return what a headband records whose EEG blocks have `tag`."""
    sites = SITES if tag == EEG_4 else SITES + AUXES
    channels = (
        Channel(
            site,
            Modality.EEG if site in SITES else Modality.AUX,
            LSB_UV,
            ZERO,
            0,
            RAIL,
        )
        for site in sites
    )
    return Montage((Stream(SFREQ, tuple(channels), rough_rate=True),))


def eeg_tag(montage: Montage) -> int:
    """Return the tag of the EEG blocks of `montage`."""
    (stream,) = montage.streams
    return EEG_4 if len(stream.channels) == len(SITES) else EEG_8


def decode_eeg(tag: int, payload: bytes) -> NDArray[np.int32]:
    """Read the payloads of consecutive EEG blocks, 14 bits a sample.

    Returns
    -------
    counts : ndarray of int32, shape (n_channels, n_samples)
    """
    groups = np.zeros((len(payload) // _GROUP_BYTES, 8), np.uint8)
    groups[:, :_GROUP_BYTES] = np.frombuffer(payload, np.uint8).reshape(
        -1, _GROUP_BYTES
    )
    values = groups.view(np.uint64) >> _SHIFTS & _MASK
    n_channels = _BLOCK_VALUES // SAMPLES[tag]
    return values.astype(np.int32).reshape(-1, n_channels).T


def encode_eeg(counts: NDArray[np.integer[Any]]) -> bytes:
    """Return the payload of one block, or more; the inverse of `decode_eeg`.

    Raises
    ------
    ValueError
        If a count is beyond the rails.
    """
    if counts.min() < 0 or counts.max() > RAIL:
        raise ValueError(f"counts {counts.min()}..{counts.max()} in {_BITS} bits")
    values = counts.T.astype(np.uint64).reshape(-1, _VALUES) << _SHIFTS
    groups: NDArray[np.uint64] = np.bitwise_or.reduce(values, axis=1, keepdims=True)
    return groups.view(np.uint8)[:, :_GROUP_BYTES].tobytes()


def decode_motion(payload: bytes) -> NDArray[np.int16]:
    """Read the payloads of motion blocks.

    Returns
    -------
    axes : ndarray of int16, shape (6, n_samples)
        Acceleration x, y, z, then rotation x, y, z.
    """
    return np.frombuffer(payload, "<i2").reshape(-1, 6).T


def encode_motion(axes: NDArray[np.integer[Any]]) -> bytes:
    """Return the payload of one motion block, or more."""
    return axes.T.astype("<i2").tobytes()


def decode_battery(payload: bytes) -> Battery:
    """Read the charge: the first u16, in 1/256 per cent.

    Most public decoders take it for 1/512 and show half the truth; charge and
    capacity in mAh and the cell's voltage, which follow, agree with this scale.
    """
    return Battery(min(FULL, round(_BATTERY.unpack(payload)[0] / CHARGE)))


def encode_battery(tag: int, battery: Battery) -> bytes:
    """Return the payload of a battery block, of a cell of 175 mAh at 3.9 V."""
    left = round(battery.percent / 100 * 175)
    fields = (left, 175, 0, 0xFFFF, 0, 0, 49920, 0, 0)
    return _BATTERY.pack(battery.percent * CHARGE, *fields)[: PAYLOAD_BYTES[tag]]
