"""One recording: read, scored, and its results written. Runs in any process."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.edf.hypnogram_writer import hypnogram_edf
from gateway.errors import GatewayError
from gateway.formats.night_json import night_json, staged_as_published, without_holes
from gateway.formats.night_tables import bids_json, bids_tsv, night_csv
from gateway.messages.outputs import Reading
from gateway.models.load import read_model
from gateway.offline.result_files import check_replaceable, write_results
from gateway.offline.score_recording import night_for, score, start_of
from gateway.recordings.open_recording import open_night
from gateway.staging.plausibility import plausibility_warnings
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.scored_night import ScoredNight
from gateway.staging.scorers.litert import LiteRtScorer
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Stage

OFFLINE = "offline"
Writer = Callable[[ScoredNight], bytes]
# what --out may say, and the ends of the files' names
RESULTS: dict[str, dict[str, Writer]] = {
    "json": {"_night.json": night_json},
    "csv": {"_hypnogram.csv": night_csv},
    "edf": {"_hypnogram.edf": hypnogram_edf},
    "bids": {"_hypnogram.tsv": bids_tsv, "_hypnogram.json": bids_json},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """Options of scoring a recording.

    Attributes
    ----------
    channels : mapping of str to str or None
        As for `gateway.recordings.edf_recording.open_edf`.
    unit : str or None
        Of channels where a file names none.
    model : str
        As for `read_model`.
    mains_hz : int or None
        None for what the recording says, or else 50.
    outs : tuple of str
        Keys of `RESULTS`.
    """

    channels: Mapping[str, str] | None = None
    unit: str | None = None
    model: str = "default"
    mains_hz: int | None = None
    outs: tuple[str, ...] = ("json",)


def result_name(name: str, out: str, end: str) -> str:
    """Return the name of a result of the recording `name`.

    In BIDS the suffix of a name is replaced, not followed by another one.

    >>> result_name("sub-01_task-sleep_eeg", "bids", "_hypnogram.tsv")
    'sub-01_task-sleep_hypnogram.tsv'
    """
    if out == "bids" and name.startswith("sub-"):
        name = name.removesuffix("_eeg")
    return f"{name}{end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTask:
    """A recording and the beginning of its results' names."""

    recording: Path
    stem: Path
    options: ScoreOptions

    @property
    def results(self) -> dict[Path, Writer]:
        """The files to be written."""
        return {
            self.stem.with_name(result_name(self.stem.name, out, end)): writer
            for out in self.options.outs
            for end, writer in RESULTS[out].items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOutcome:
    """Outcome of a task.

    Attributes
    ----------
    error : str or None
        Why there are no results.
    notes : tuple of str
        What was odd, for people.
    n_epochs, n_scored : int
    seconds : float
        Of computing.
    """

    error: str | None = None
    notes: tuple[str, ...] = ()
    n_epochs: int = 0
    n_scored: int = 0
    seconds: float = 0.0


@cache
def _model(name: str) -> LiteRtScorer:
    return read_model(name)


def stage_file(path: Path, options: ScoreOptions) -> ScoredNight:
    """Score a recording; raises what `score` in `score_recording` does."""
    scorer = _model(options.model)
    recording = open_night(path, options.channels, options.unit)
    epochs, in_bed = [], None
    for value in score(recording, night_for(recording, scorer, options.mains_hz)):
        if isinstance(value, ScoredEpoch):
            reading = Reading(
                device=OFFLINE,
                session=recording.name,
                model=scorer.card.name,
                model_digest=scorer.card.short_digest,
                channels=scorer.card.channels,
                value=value,
            )
            epochs.append(staged_as_published(reading, value))
        elif isinstance(value, NightSummary):
            in_bed = range(value.in_bed.start, value.in_bed.stop)
    night = ScoredNight(
        name=recording.name,
        device=OFFLINE,
        start_utc=start_of(recording),
        dated=recording.start_utc is not None,
        model=scorer.card.name,
        model_digest=scorer.card.short_digest,
        epochs=without_holes(epochs),
        in_bed=in_bed,
        notes=recording.notes,
    )
    return night.with_notes(
        plausibility_warnings(
            night.stages,
            [epoch.flaws for epoch in night.epochs],
            recording.montage,
            scorer.card.band,
            in_bed,
        )
    )


def run_task(task: ScoreTask) -> ScoreOutcome:
    """Score one recording and write its results; expected failures are an outcome."""
    began = time.monotonic()
    try:
        check_replaceable(task.results)
        night = stage_file(task.recording, task.options)
        write_results({path: write(night) for path, write in task.results.items()})
    except GatewayError as error:
        return ScoreOutcome(error=str(error), seconds=time.monotonic() - began)
    return ScoreOutcome(
        notes=night.notes,
        n_epochs=len(night.epochs),
        n_scored=sum(isinstance(stage, Stage) for stage in night.stages),
        seconds=time.monotonic() - began,
    )
