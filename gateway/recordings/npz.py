"""Cuts of recordings in numpy's archives.

Each channel is an array of int16 counts, named like ``eeg_fpz_cz``, with
``uV_per_lsb_<name>`` and ``fs_<name>`` beside it; ``epoch0`` says with which 30-s
epoch of the night the cut begins, ``labels`` what an expert said of its epochs.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.errors import RecordingError
from gateway.recordings.recording import Counts, Recording, stacked
from gateway.staging.stage import STAGES, Stage

MODALITIES = {m.value: m for m in (Modality.EEG, Modality.EOG, Modality.EMG)}
BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def read_npz(path: Path, channels: Mapping[str, str] | None = None) -> Recording:
    """Read a cut.

    Parameters
    ----------
    path : Path
    channels : mapping of str to str or None
        The array's name of each channel wanted, by our own label that begins with
        its modality; None takes every array whose name begins so.

    Raises
    ------
    RecordingError
        If it is no such archive, lacks a channel or has none.
    """
    arrays = _arrays(path)
    there = [name for name in arrays if f"fs_{name}" in arrays]
    if channels is None:
        wanted = {_label(name): name for name in there if _modality(_label(name))}
    else:
        wanted = dict(channels)
    absent = [name for name in wanted.values() if name not in there]
    if absent or not wanted or not all(map(_modality, wanted)):
        what = f"no channel {absent[0]!r}" if absent else "no channel to use"
        raise RecordingError(
            f"{path}: {what}; it has {', '.join(there) or 'no channels'}; name ours "
            "with EEG, EOG or EMG first, like 'EEG Fpz-Cz'"
        )
    rates = dict.fromkeys(float(arrays[f"fs_{name}"]) for name in wanted.values())
    groups = [
        [(o, n) for o, n in wanted.items() if float(arrays[f"fs_{n}"]) == rate]
        for rate in rates
    ]
    try:
        return Recording(
            name=path.stem,
            montage=Montage(
                tuple(
                    Stream(rate, tuple(_channel(o, n, arrays) for o, n in group))
                    for rate, group in zip(rates, groups, strict=True)
                )
            ),
            counts=tuple(
                stacked([_counts(n, arrays) for _, n in group]) for group in groups
            ),
        )
    except BROKEN as error:
        raise RecordingError(f"{path}: its channels do not fit: {error}") from error


def npz_hypnogram(path: Path) -> tuple[Stage | None, ...] | None:
    """Return what the expert said of a cut; None if it holds no such thing.

    Raises
    ------
    RecordingError
        If it is no such archive.
    """
    labels = _arrays(path).get("labels")
    if labels is None:
        return None
    return tuple(STAGES[n] if 0 <= n < len(STAGES) else None for n in labels.tolist())


def _arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except BROKEN as error:
        raise RecordingError(f"{path}: not an npz archive: {error}") from error


def _label(name: str) -> str:
    word, _, site = name.partition("_")
    if word == "eeg":
        return f"EEG {'-'.join(map(str.capitalize, site.split('_')))}"
    return f"{word.upper()} {site.replace('_', ' ')}".strip()


def _modality(label: str) -> Modality | None:
    return MODALITIES.get(label.partition(" ")[0])


def _channel(
    ours: str, name: str, arrays: Mapping[str, NDArray[np.generic]]
) -> Channel:
    word, _, site = ours.partition(" ")
    counts = _counts(name, arrays)
    lsb_uv = float(np.float32(float(arrays[f"uV_per_lsb_{name}"]) * 1e-6)) * 1e6
    sfreq = float(arrays[f"fs_{name}"])
    if not (0 < lsb_uv < np.inf and 0 < sfreq < np.inf):
        raise ValueError(f"{name} at {sfreq:g} Hz, {lsb_uv:g} uV")
    label = site if word == Modality.EEG.value else word
    widest = 2**11 if int(np.abs(counts.astype(np.int32)).max()) < 2**11 else 2**15
    return Channel(label, MODALITIES[word], lsb_uv, 0, -widest, widest - 1)


def _counts(name: str, arrays: Mapping[str, NDArray[np.generic]]) -> Counts:
    counts = arrays[name]
    if counts.dtype != np.int16 or counts.ndim != 1 or not counts.size:
        raise ValueError(f"{name} is no row of int16")
    return counts.astype(np.int16)
