"""Night that a demo replays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.epoch_length import EPOCH_S
from gateway.errors import RecordingError
from gateway.recordings.edf_recording import read_recording
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.staging.stage import Stage
from sim.night.synthetic_night import synthetic_night


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoNight:
    """Night that is replayed.

    Attributes
    ----------
    title : str
    play : tuple of str
        Arguments of ``sleepgate sim`` that choose the recording.
    expert : tuple of (Stage or None), or None
        Its hypnogram, if there is one.
    scorer : str
        Whose hypnogram that is.
    n_epochs : int
    """

    title: str
    play: tuple[str, ...]
    expert: tuple[Stage | None, ...] | None
    scorer: str
    n_epochs: int


def synthetic(seed: int, hours: float) -> DemoNight:
    """Make up a night."""
    recording, stages = synthetic_night(seed, hours)
    return DemoNight(
        title=recording.name,
        play=("--synthetic", "--seed", str(seed), "--hours", repr(hours)),
        expert=stages,
        scorer="the SYNTHETIC night's own stages",
        n_epochs=int(recording.duration_s // EPOCH_S),
    )


def recorded(file: Path, channels: Mapping[str, str] | None) -> DemoNight:
    """Take a recording, and the hypnogram beside it.

    Raises
    ------
    RecordingError
        If it cannot be used.
    """
    recording = read_recording(file, channels)
    n_epochs = int(recording.duration_s // EPOCH_S)
    if not n_epochs:
        raise RecordingError(
            f"{file}: {recording.duration_s:g} s hold no epoch of 30 s"
        )
    beside = find_hypnogram(file)
    expert = None
    if beside is not None:
        start = recording.start_utc
        expert = read_hypnogram(beside, start_utc=start, n_epochs=n_epochs)
    mapped = (f"--channel={ours}={theirs}" for ours, theirs in (channels or {}).items())
    return DemoNight(
        title=recording.name,
        play=(str(file), *mapped),
        expert=expert,
        scorer=beside.name if beside else "",
        n_epochs=n_epochs,
    )
