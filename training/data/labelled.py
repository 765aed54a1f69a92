"""Anything that an expert staged: EDF with hypnogram, or the data folder's npz."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.epoch_length import EPOCH_S
from gateway.recordings.edf_recording import read_recording
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.recordings.recording import Recording
from gateway.staging.stage import STAGES, Stage
from training.data.real_pieces import mirrored, mosaics
from training.errors import TrainingDataError

SLEEP_EDF = re.compile(r"S[CT][47]\d{2}")
LABELS = {
    "eeg_fpz_cz": "Fpz-Cz",
    "eeg_pz_oz": "Pz-Oz",
    "eog_horizontal": "EOG",
    "emg_submental": "EMG",
    "eeg": "EEG",
}
UV_PER_UNIT = 85.0  # of archives in arbitrary units: UCDDB's, about


@dataclass(frozen=True, slots=True, eq=False)
class LabelledNight:
    """A recording and what an expert said of it.

    Attributes
    ----------
    name : str
    subject : str
        Nights of one person share it.
    recording : Recording
    stages : mapping of int to Stage
        By 30-s epoch of the recording; only those that were scored.
    recorded : frozenset of int or None
        The epochs there are, if the others are holes.
    """

    name: str
    subject: str
    recording: Recording
    stages: Mapping[int, Stage]
    recorded: frozenset[int] | None = None


def find_labelled(path: Path) -> list[Path]:
    """Return the recordings at `path`: the file, or those in the folder.

    Raises
    ------
    TrainingDataError
        If there is none.
    """
    if not path.is_dir():
        return [path]
    hypnograms = {p for p in path.glob("*.edf") if "hypnogram" in p.name.lower()}
    found = sorted({*path.glob("*.npz"), *path.glob("*.edf")} - hypnograms)
    if not found:
        raise TrainingDataError(f"{path}: no .npz and no .edf in it")
    return found


def read_labelled(
    path: Path,
    channels: Mapping[str, str] | None = None,
    hypnogram: Path | None = None,
    pieces: str = "mirrored",
) -> LabelledNight:
    """Read one recording with its stages.

    Parameters
    ----------
    path : Path
        ``.edf`` with its hypnogram beside it, or ``.npz`` as the data folder's README
        describes them.
    channels : mapping of str to str or None
        As for `gateway.recordings.edf_recording.read_recording`.
    hypnogram : Path or None
        EDF+ file with the stages, where it is not beside the recording.
    pieces : str
        How an archive of the first five seconds of every epoch is fed: ``"mirrored"``,
        each piece and its mirror image in turn for thirty seconds, or ``"mosaic"``,
        six successive pieces of one stage an epoch, runs shorter than that left out.

    Raises
    ------
    TrainingDataError, RecordingError
        If the file cannot be used, or nothing in it is labelled.
    """
    if path.suffix.lower() == ".npz":
        night = _archive(path, pieces)
    else:
        night = _edf(path, channels, hypnogram)
    if not night.stages:
        raise TrainingDataError(f"{path}: nothing in it is labelled")
    return night


def _edf(
    path: Path, channels: Mapping[str, str] | None, hypnogram: Path | None
) -> LabelledNight:
    recording = read_recording(path, channels)
    beside = hypnogram or find_hypnogram(path)
    if beside is None:
        raise TrainingDataError(
            f"{path}: no hypnogram beside it; name it with --hypnogram"
        )
    n_epochs = int(recording.duration_s // EPOCH_S)
    expert = read_hypnogram(beside, start_utc=recording.start_utc, n_epochs=n_epochs)
    stages = {i: stage for i, stage in enumerate(expert) if stage is not None}
    return LabelledNight(path.stem, _subject(path.stem), recording, stages)


def _archive(path: Path, pieces: str) -> LabelledNight:
    try:
        with np.load(path, allow_pickle=False) as archive:
            content = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError) as error:
        raise TrainingDataError(f"{path}: not a readable .npz: {error}") from error
    if "labels" not in content or not LABELS.keys() & content.keys():
        raise TrainingDataError(
            f"{path}: no 'labels', or none of {', '.join(LABELS)}; see the README of "
            "the data folder"
        )
    if "piece_s" in content:
        content |= _whole_epochs(content, pieces)
    labels = content["labels"]
    where = content.get("epoch_index", np.arange(len(labels))).tolist()
    streams, counts = [], []
    for key in LABELS:
        if key in content:
            stream, samples = _channel(content, key, where)
            streams.append(stream)
            counts.append(samples)
    stages = {
        int(at): STAGES[label]
        for at, label in zip(where, labels, strict=True)
        if label < len(STAGES)
    }
    name = str(content.get("record_id", path.stem))
    recording = Recording(
        name=path.stem, montage=Montage(tuple(streams)), counts=tuple(counts)
    )
    return LabelledNight(path.stem, _subject(name), recording, stages, frozenset(where))


def _whole_epochs(content: Mapping[str, Any], pieces: str) -> dict[str, Any]:
    """Return channels and labels of an archive of pieces as thirty-second epochs."""
    found: dict[str, Any] = {}
    for key in LABELS.keys() & content.keys():
        if pieces == "mosaic":
            found[key], found["labels"] = mosaics(content[key], content["labels"])
        else:
            found[key] = mirrored(content[key])
    return found


def _channel(
    content: Mapping[str, Any], key: str, where: list[int]
) -> tuple[Stream, Any]:
    """Lay the epochs of a channel where they lie in the night."""
    sfreq = float(content[f"fs_{key}"])
    scale = content.get(f"uV_per_lsb_{key}")
    lsb_uv = (
        float(content[f"units_per_lsb_{key}"]) * UV_PER_UNIT
        if scale is None
        else float(scale)
    )
    label = LABELS[key]
    modality = Modality(label) if label in ("EOG", "EMG") else Modality.EEG
    per_epoch = round(EPOCH_S * sfreq)
    epochs = content[key].reshape(len(where), per_epoch)
    samples = np.zeros((max(where) + 1, per_epoch), np.int16)
    samples[where] = epochs
    stream = Stream(sfreq, (Channel(label, modality, lsb_uv),))
    return stream, samples.reshape(1, -1)


def without(night: LabelledNight, labels: frozenset[str]) -> LabelledNight:
    """Return the night as if some channels had not been recorded.

    Parameters
    ----------
    night : LabelledNight
    labels : frozenset of str
        Whole, or as the model names them: ``"EEG Pz-Oz"`` is also ``"Pz-Oz"``, and
        ``"EOG horizontal"`` the only ``"EOG"``.
    """
    names = labels | {x.partition(" ")[2] for x in labels}
    names |= {x.partition(" ")[0] for x in labels} - {"EEG"}
    streams, counts = [], []
    pairs = zip(night.recording.montage.streams, night.recording.counts, strict=True)
    for stream, samples in pairs:
        kept = [i for i, c in enumerate(stream.channels) if c.label not in names]
        if kept:
            channels = tuple(stream.channels[i] for i in kept)
            streams.append(Stream(stream.sfreq, channels))
            counts.append(samples[kept])
    recording = Recording(
        name=night.recording.name,
        montage=Montage(tuple(streams)),
        counts=tuple(counts),
        start_utc=night.recording.start_utc,
    )
    return LabelledNight(
        night.name, night.subject, recording, night.stages, night.recorded
    )


def raw_epochs(night: LabelledNight, label: str) -> Iterator[tuple[int, Any, float]]:
    """Yield position, microvolts and rate of each labelled epoch of a channel."""
    pairs = zip(night.recording.montage.streams, night.recording.counts, strict=True)
    for stream, counts in pairs:
        for number, channel in enumerate(stream.channels):
            if channel.label == label:
                per_epoch = round(EPOCH_S * stream.sfreq)
                for at in sorted(night.stages):
                    piece = counts[number, at * per_epoch : (at + 1) * per_epoch]
                    uv = (piece.astype(np.float64) - channel.zero) * channel.lsb_uv
                    yield at, uv, stream.sfreq


def _subject(name: str) -> str:
    found = SLEEP_EDF.match(name)
    return name[:5] if found else name
