"""Samples that an app wrote beside their times, as a recording. Pure."""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.recordings.recording import Recording

GAP_S = 1.0  # apps write bursts; longer than this without a row, samples are missing
LSB_UV = 0.05  # below the noise of any of these headbands
RANGE = 2**15 - 1
LONGEST_S = 7 * 86400.0
MIN_SAMPLES = 256


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HeadbandSamples:
    """Rows of a file.

    Attributes
    ----------
    app : str
        That wrote them.
    labels : tuple of str
        Electrodes, as the headband's driver names them.
    times_s : ndarray of float64, shape (n_samples,)
    microvolts : ndarray of float32, shape (n_channels, n_samples)
    start_local : datetime
        Of the first row, on the recorder's clock, labelled UTC as that of EDF is.
    derivations : dict of str to tuple of str
        Of the headband's driver.
    """

    app: str
    labels: tuple[str, ...]
    times_s: NDArray[np.float64]
    microvolts: NDArray[np.float32]
    start_local: datetime
    derivations: dict[str, tuple[str, ...]]


def recording_of(samples: HeadbandSamples, name: str) -> Recording:
    """Place the samples on a grid at their measured rate; what is missing stays so.

    Rows that follow each other within a second are consecutive samples: apps stamp a
    radio packet's samples with one time of arrival.

    Raises
    ------
    ValueError
        If there are too few rows, times run backwards, or span more than a week.
    """
    times_s = samples.times_s - samples.times_s[:1]
    whole = _consecutive(times_s)
    steps_s = np.diff(times_s)
    sfreq = round(float(whole.sum() / steps_s[whole].sum()), 2)
    counts, missing = _placed(samples.microvolts, times_s, whole, sfreq)
    n_samples = counts.shape[1]
    lost_s = sum(stop - start for start, stop in missing) / sfreq
    note = (
        f"read as {samples.app}: {', '.join(samples.labels)} in uV, {sfreq:g} Hz "
        f"measured, {n_samples / sfreq:.0f} s from "
        f"{samples.start_local:%Y-%m-%d %H:%M} "
        f"local time, {lost_s:.1f} s missing in {len(missing)} gaps"
    )
    channels = tuple(
        Channel(label, Modality.EEG, LSB_UV, 0, -RANGE, RANGE)
        for label in samples.labels
    )
    return Recording(
        name=name,
        montage=Montage((Stream(sfreq, channels),)),
        counts=(counts,),
        start_utc=samples.start_local,
        notes=(note,),
        missing=tuple(missing),
        derivations=samples.derivations,
    )


def _consecutive(times_s: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return whether each sample follows the one before it without a gap."""
    if times_s.size < MIN_SAMPLES or times_s[-1] <= 0:
        raise ValueError(f"{times_s.size} rows with samples; too few for a rate")
    if not np.all(np.isfinite(times_s)) or times_s[-1] > LONGEST_S:
        raise ValueError(f"its times span {times_s[-1]:g} s; check them")
    steps_s = np.diff(times_s)
    if steps_s.min() < -GAP_S:
        row = int(np.argmin(steps_s)) + 1
        raise ValueError(f"time runs back {-steps_s[row - 1]:g} s at sample {row}")
    return steps_s <= GAP_S


def _placed(
    microvolts: NDArray[np.float32],
    times_s: NDArray[np.float64],
    whole: NDArray[np.bool_],
    sfreq: float,
) -> tuple[NDArray[np.int16], list[tuple[int, int]]]:
    """Return counts on the grid, and from where to where nothing was written."""
    scaled = np.clip(np.rint(microvolts / LSB_UV), -RANGE, RANGE).astype(np.int16)
    edges = [0, *(np.flatnonzero(~whole) + 1).tolist(), times_s.size]
    pieces: list[NDArray[np.int16]] = []
    missing: list[tuple[int, int]] = []
    end = 0
    for first, stop in pairwise(edges):
        at = max(end, round(float(times_s[first]) * sfreq))
        if at > end:
            missing.append((end, at))
            pieces.append(np.zeros((len(microvolts), at - end), np.int16))
        pieces.append(scaled[:, first:stop])
        end = at + stop - first
    return np.concatenate(pieces, axis=1), missing
