"""Montage of a headband: channels, their calibration, their sampling."""

from dataclasses import dataclass
from enum import Enum
from math import ceil

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ, HIGHEST_HZ = 1.0, 20_000.0  # of a stream
MOST_SAMPLES_PER_S = 100_000.0  # of all channels; BLE carries about half of it


class Modality(Enum):
    """Kind of signal of a channel."""

    EEG = "EEG"
    EOG = "EOG"
    EMG = "EMG"
    ECG = "ECG"
    REFERENCE = "reference"
    AUX = "aux"


@dataclass(frozen=True, slots=True)
class Channel:
    """One electrode or bipolar pair as the headband's converter sees it.

    Attributes
    ----------
    label : str
        10-20 site or pair, e.g. ``"AF7"`` or ``"Fpz-Cz"``.
    modality : Modality
    lsb_uv : float
        Microvolts per count.
    zero : int
        Count that means 0 uV.
    digital_min, digital_max : int
        Counts at the rails; a sample there is railed.
    """

    label: str
    modality: Modality
    lsb_uv: float
    zero: int = 0
    digital_min: int = -(2**15)
    digital_max: int = 2**15 - 1


@dataclass(frozen=True, slots=True)
class Stream:
    """Channels that are sampled together.

    Attributes
    ----------
    sfreq : float
        Nominal sampling frequency, Hz.
    channels : tuple of Channel
        In packet order.
    index_modulus : int
        The sample index in packets counts modulo this.
    rough_rate : bool
        Whether `sfreq` is only what the maker prints: the true rate differs by more
        than a crystal's tolerance, from unit to unit, and has to be measured.
    """

    sfreq: float
    channels: tuple[Channel, ...]
    index_modulus: int = 2**32
    rough_rate: bool = False

    def first_sample(self, second: int) -> int:
        """Return the index of the first sample at or after `second`."""
        return ceil(second * self.sfreq - 1e-6)

    def to_microvolts(self, counts: NDArray[np.int32]) -> NDArray[np.float32]:
        """Scale counts to microvolts.

        Parameters
        ----------
        counts : ndarray of int32, shape (n_channels, n_samples)

        Returns
        -------
        uv : ndarray of float32, shape (n_channels, n_samples)
        """
        lsb = np.array([[c.lsb_uv] for c in self.channels], dtype=np.float32)
        zero = np.array([[c.zero] for c in self.channels], dtype=np.int32)
        return (counts - zero).astype(np.float32) * lsb

    def to_counts(self, uv: NDArray[np.float32]) -> NDArray[np.int32]:
        """Return the counts that `to_microvolts` made `uv` of.

        Where float32 has no room for the difference of two counts, one of them: the
        microvolts are the same.

        Parameters
        ----------
        uv : ndarray of float32, shape (n_channels, n_samples)

        Returns
        -------
        counts : ndarray of int32, shape (n_channels, n_samples)
        """
        lsb = np.array([[c.lsb_uv] for c in self.channels], dtype=np.float32)
        zero = np.array([[c.zero] for c in self.channels], dtype=np.int32)
        rail = np.iinfo(np.int32)
        away = np.rint(uv.astype(np.float64) / lsb)
        away = away.clip(rail.min, rail.max).astype(np.int32)
        for step in (-1, 1):
            wrong = away.astype(np.float32) * lsb != uv
            near = away + np.int32(step)
            right = near.astype(np.float32) * lsb == uv
            away[wrong & right] = near[wrong & right]
        counts: NDArray[np.int32] = away + zero
        return counts


@dataclass(frozen=True, slots=True)
class Montage:
    """All that one headband records; streams differ in sampling frequency."""

    streams: tuple[Stream, ...]

    def __str__(self) -> str:
        """Say which channels there are, and how often they are sampled."""
        return ", ".join(
            f"{' '.join(channel.label for channel in stream.channels)} "
            f"at {stream.sfreq:g} Hz"
            for stream in self.streams
        )


@dataclass(frozen=True, slots=True)
class HeadbandInfo:
    """Description that a headband gives of itself when a connection begins.

    Attributes
    ----------
    montage : Montage
    tick_hz : float or None
        Rate of the device clock that stamps packets; None when it has none.
    boot_id : int or None
        Changes when the headband restarts and its sample indices begin again at
        0, together for all streams. None when the headband does not say: each
        connection is then placed by its time of arrival.
    firmware : str or None
        Its version, as the headband says it.
    """

    montage: Montage
    tick_hz: float | None = None
    boot_id: int | None = None
    firmware: str | None = None

    def plain(self) -> "HeadbandInfo":
        """Return this less what only its driver knows."""
        return HeadbandInfo(self.montage, self.tick_hz, self.boot_id, self.firmware)


def rate_problem(montage: Montage) -> str | None:
    """Return what is wrong with the rates; None if nothing is.

    Any other would fill memory before the first notification arrived.
    """
    rates = [stream.sfreq for stream in montage.streams]
    total = sum(s.sfreq * len(s.channels) for s in montage.streams)
    if not all(LOWEST_HZ <= hz <= HIGHEST_HZ for hz in rates):
        return (
            f"rates of {', '.join(f'{hz:g}' for hz in rates)} Hz; each must be "
            f"{LOWEST_HZ:g} to {HIGHEST_HZ:g} Hz"
        )
    if total > MOST_SAMPLES_PER_S:
        return (
            f"{total:g} samples per second of all channels; at most "
            f"{MOST_SAMPLES_PER_S:g}"
        )
    return None
