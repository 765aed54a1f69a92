"""Whether a headband was off the head for most of an epoch. Pure.

The verdict of `contact.py`, which begins a night, for the seconds of one epoch.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Modality, Stream
from gateway.epoch_length import EPOCH_S
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import (
    RAILED_OFF,
    SHORTEST_S,
    Contact,
    judge_channels,
)
from gateway.preprocessing.signal_quality import FLAT_UV

MAINS_HZ = 50.0  # where nobody says another
WINDOWS = 3  # of an epoch
MOST = 0.5  # of the windows in which anything arrived


class StreamSamples(NamedTuple):
    """One stream's samples of an epoch, and which of them arrived.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_channels, n_samples)
        Unfiltered, microvolts.
    present : ndarray of bool, shape (n_samples,)
    """

    uv: NDArray[np.float32]
    present: NDArray[np.bool_]


def is_off_head(
    streams: Sequence[Stream], stretches: Sequence[StreamSamples], mains_hz: float
) -> bool:
    """Tell whether every EEG electrode was off in most of the epoch.

    False where nothing arrived, or the sampling is too slow to tell; and where all is
    flat, which no electrode in the air is.

    Parameters
    ----------
    streams : sequence of Stream
    stretches : sequence of StreamSamples
        One per stream.
    mains_hz : float
    """
    told = [
        verdict
        for number in range(WINDOWS)
        if (verdict := _off_in(number, streams, stretches, mains_hz)) is not None
    ]
    return bool(told) and sum(told) > MOST * len(told)


def _off_in(
    number: int,
    streams: Sequence[Stream],
    stretches: Sequence[StreamSamples],
    mains_hz: float,
) -> bool | None:
    """Judge one window; None where too little of it arrived."""
    contacts: list[Contact | None] = []
    for stream, (uv, present) in zip(streams, stretches, strict=True):
        eeg = [c.modality is Modality.EEG for c in stream.channels]
        edges = [round(present.size * n / WINDOWS) for n in (number, number + 1)]
        window = slice(*edges)
        there = present[window]
        if not any(eeg) or np.count_nonzero(there) < SHORTEST_S * _sfreq(present):
            continue
        judged = judge_channels(uv[:, window], there, stream, mains_hz)
        contacts += [c for c, is_eeg in zip(judged, eeg, strict=True) if is_eeg]
    return _all_off(contacts) if contacts else None


def _all_off(contacts: Sequence[Contact | None]) -> bool:
    off = [c for c in contacts if c is not None and c.state is ContactState.OFF]
    loud = any(c.railed > RAILED_OFF or c.rms_uv >= FLAT_UV for c in off)
    return loud and len(off) == len(contacts)


def _sfreq(present: NDArray[np.bool_]) -> float:
    return present.size / EPOCH_S
