"""Recordings and hypnograms to labelled epochs, through the daemon's own chain."""

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gateway.epoch_length import EPOCH_S
from gateway.errors import GatewayError, RecordingError
from gateway.offline.score_recording import score
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.filtering import Band
from gateway.recordings.edf_recording import open_edf
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.recordings.recording import Recording
from gateway.session.pipeline import Night
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import STAGES, Refusal, Stage
from training.errors import TrainingDataError
from training.progress import Progress
from training.sleep_edf.nights import (
    LARGEST_UV,
    PreparedNight,
    read_about,
    write_night,
)

CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
MARGIN = 60  # epochs of wake kept before and after sleep: half an hour
MAINS_HZ = 50.0  # recorded in the Netherlands
VERSION = 1
EVEN = (1.0 / len(STAGES),) * len(STAGES)


@dataclass(slots=True)
class Collector:
    """A scorer that keeps what a model would have been shown.

    Attributes
    ----------
    card : ModelCard
    kept : mapping of int to ndarray of float16, shape (n_channels, 3000)
        By epoch, microvolts.
    """

    card: ModelCard
    kept: dict[int, NDArray[np.float16]] = field(default_factory=dict)

    def hypnodensity(self, epoch: Epoch) -> tuple[float, ...]:
        """Keep the epoch; say nothing about it."""
        self.kept[epoch.index] = epoch.uv.clip(-LARGEST_UV, LARGEST_UV).astype(
            np.float16
        )
        return EVEN

    def in_context(self, codes: NDArray[np.int8]) -> tuple[float, ...]:
        """Say nothing; nobody asks, because the card has no context."""
        del codes
        return EVEN


def prepare(
    folder: Path,
    prepared: Path,
    channels: Sequence[str] = CHANNELS,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Mapping[str, Any]]:
    """Prepare every recording of `folder` that is not prepared yet.

    Parameters
    ----------
    folder : Path
        Holds ``*-PSG.edf`` and their hypnograms.
    prepared : Path
        Gets one folder a night, whole or not at all.
    channels : sequence of str
        The recordings' labels, in the network's order.
    workers : int
        Processes; each holds one recording in memory, about 0.15 GB.
    progress : Progress or None

    Returns
    -------
    list of mapping
        What is noted about each night, by name.

    Raises
    ------
    TrainingDataError
        If there is no recording, or listing every one that cannot be used; the
        others are prepared.
    """
    recordings = sorted(folder.glob("*-PSG.edf"))
    if not recordings:
        raise TrainingDataError(f"{folder}: no *-PSG.edf; fetch them first")
    prepared.mkdir(parents=True, exist_ok=True)
    progress = progress or Progress("prepare")
    way = the_way(channels)
    due = [path for path in recordings if not _is_there(prepared, path, way)]
    done = len(recordings) - len(due)
    problems: list[str] = []
    progress.show(done / len(recordings))
    work = partial(_prepare_one, prepared, tuple(channels))
    for problem in _each(work, due, workers):
        done += 1
        problems += [] if problem is None else [problem]
        progress.show(done / len(recordings), f"{done} of {len(recordings)} nights")
    if problems:
        raise TrainingDataError("\n".join(sorted(problems)))
    return [read_about(prepared, path.name[:6]) or {} for path in recordings]


def prepare_night(path: Path, channels: Sequence[str] = CHANNELS) -> PreparedNight:
    """Return the labelled epochs of one recording.

    Rechtschaffen and Kales' stages 3 and 4 are N3; movement and unscored time are
    left out, and so is wake more than half an hour before or after sleep. What the
    daemon would refuse to score is left out and counted.

    Raises
    ------
    TrainingDataError, RecordingError
        If the night has no hypnogram, no sleep, or cannot be read.
    """
    beside = find_hypnogram(path)
    if beside is None:
        raise TrainingDataError(f"{path}: no hypnogram beside it; fetch it")
    recording = _whole(path, tuple(channels))
    n_epochs = int(recording.duration_s // EPOCH_S)
    expert = read_hypnogram(beside, start_utc=recording.start_utc, n_epochs=n_epochs)
    first, last = _night(expert, path)
    collector = Collector(_card(channels))
    refused: Counter[str] = Counter()
    part = recording.between(first * EPOCH_S, last * EPOCH_S)
    for value in score(part, Night(collector, {}, MAINS_HZ)):
        if (
            isinstance(value, ScoredEpoch)
            and isinstance(value.stage, Refusal)
            and first + value.index < last
            and expert[first + value.index] is not None
        ):
            refused[value.stage.value] += 1
    kept = [i for i in sorted(collector.kept) if expert[first + i] is not None]
    stages = [STAGES.index(_known(expert[first + i])) for i in kept]
    shape = (len(kept), len(channels), round(EPOCH_S * collector.card.band.sfreq))
    uv = np.array([collector.kept[i] for i in kept], np.float16).reshape(shape)
    return PreparedNight(
        name=path.name[:6],
        uv=uv,
        stages=np.array(stages, np.int8),
        epochs=np.array(kept, np.int32) + first,
        about={
            "prepared": the_way(channels),
            "source": _source(path),
            "hypnogram": beside.name,
            "stages": {s.value: stages.count(n) for n, s in enumerate(STAGES)},
            "unscored_by_the_expert": sum(s is None for s in expert[first:last]),
            "refused_by_the_daemon": dict(refused),
            "wake_before_and_after_min": MARGIN // 2,
        },
    )


def _whole(path: Path, channels: tuple[str, ...]) -> Recording:
    """Read a recording that is as long as its header says."""
    night = open_edf(path, {label: label for label in channels})
    if night.edf.is_short:
        raise RecordingError(
            f"{path}: shorter than its header says: {night.notes[0]}; copy it again"
        )
    return night.load()


def the_way(channels: Sequence[str]) -> dict[str, Any]:
    """Return what two nights must share to be trained on together."""
    band = Band()
    return {
        "version": VERSION,
        "channels": list(channels),
        "band": {name: getattr(band, name) for name in Band.__slots__},
        "mains_hz": MAINS_HZ,
    }


def _night(expert: Sequence[Stage | None], path: Path) -> tuple[int, int]:
    asleep = [i for i, s in enumerate(expert) if s not in (None, Stage.W)]
    if not asleep:
        raise TrainingDataError(
            f"{path}: its hypnogram holds no sleep within the recording; are the two "
            "of the same night?"
        )
    return max(0, asleep[0] - MARGIN), min(len(expert), asleep[-1] + 1 + MARGIN)


def _known(stage: Stage | None) -> Stage:
    if stage is None:
        raise ValueError("no stage")
    return stage


def _card(channels: Sequence[str]) -> ModelCard:
    scale = (1.0,) * len(channels)
    return ModelCard("none", tuple(channels), scale, Band(), 1.0, "")


def _source(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size}


def _is_there(prepared: Path, path: Path, way: Mapping[str, Any]) -> bool:
    about = read_about(prepared, path.name[:6])
    return (
        about is not None
        and about["prepared"] == way
        and about["source"] == _source(path)
    )


def _each(
    work: Callable[[Path], str | None], due: Sequence[Path], workers: int
) -> Iterator[str | None]:
    if workers <= 1 or len(due) <= 1:
        yield from map(work, due)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap_unordered(work, due)


def _prepare_one(prepared: Path, channels: Sequence[str], path: Path) -> str | None:
    try:
        write_night(prepared, prepare_night(path, channels))
    except GatewayError as error:
        return str(error)
    return None
