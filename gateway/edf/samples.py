"""Samples as data records have them: 16 bits in EDF, 24 in BDF. Pure."""

import numpy as np
from numpy.typing import NDArray

from gateway.edf.signals import INT16, INT24

Counts = NDArray[np.int16] | NDArray[np.int32]


def pack(counts: NDArray[np.int32], *, wide: bool) -> bytes:
    """Write counts one after the other; those that do not fit are at the rails."""
    container = INT24 if wide else INT16
    counts = np.clip(counts, container[0], container[-1])
    if not wide:
        return counts.astype("<i2").tobytes()
    octets = np.ascontiguousarray(counts, "<i4").view(np.uint8)
    return octets.reshape(-1, 4)[:, :3].tobytes()


def unpack(raw: bytes | NDArray[np.uint8], *, wide: bool) -> Counts:
    """Return the counts of consecutive samples, shape (n_samples,).

    Parameters
    ----------
    raw : bytes or ndarray of uint8
    wide : bool
        Samples have 24 bits: int32 then, else int16.
    """
    if not wide:
        return np.frombuffer(raw, "<i2").astype(np.int16, copy=False)
    octets = np.frombuffer(raw, np.uint8).reshape(-1, 3)
    padded = np.zeros((octets.shape[0], 4), np.uint8)
    padded[:, 1:] = octets
    counts: NDArray[np.int32] = padded.reshape(-1).view("<i4") >> 8  # keeps the sign
    return counts.astype(np.int32, copy=False)
