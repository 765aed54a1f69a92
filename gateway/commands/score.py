"""``sleepgate score``: recordings through the daemon's own chain."""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from gateway.cli.options import CHANNEL, MAINS, MODEL, UNIT, examples
from gateway.edf.file_reader import read_edf
from gateway.epoch_length import EPOCH_S
from gateway.errors import ConfigError
from gateway.evaluation.agreement import agreement
from gateway.formats.epoch_json import Posting, epoch_document, epoch_payload
from gateway.formats.summary_json import summary_payload
from gateway.messages.outputs import Reading
from gateway.models.load import read_model
from gateway.offline.batch import BatchPlan, score_archive
from gateway.offline.score_file import OFFLINE, RESULTS, ScoreOptions
from gateway.offline.score_recording import night_for, score
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.recordings.npz import npz_hypnogram
from gateway.recordings.open_recording import NPZ, open_night
from gateway.reports.comparison import agreement_line
from gateway.reports.summary_text import summary_lines
from gateway.staging.plausibility import plausibility_warnings
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal, Stage


@examples(
    "sleepgate score NIGHT-PSG.edf",
    "sleepgate score OTHER.edf --channel 'EEG Fpz-Cz=Fp1-A2'",
)
@click.command()
@click.argument(
    "paths", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE..."
)
@CHANNEL
@UNIT
@MODEL
@MAINS
@click.option(
    "--out",
    "outs",
    type=click.Choice(list(RESULTS)),
    multiple=True,
    help="Write results beside each FILE: NAME_night.json, NAME_hypnogram.csv, .edf, "
    "or .tsv and .json for BIDS; repeat for several.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write results into this folder instead.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    default=lambda: os.cpu_count() or 1,
    show_default="one per core",
    help="Number of recordings scored at the same time.",
)
@click.option(
    "--dask", metavar="ADDRESS", help="Score on the workers of this dask scheduler."
)
@click.option(
    "--again",
    is_flag=True,
    help="Score again what is scored already, and replace its results.",
)
def command(  # noqa: PLR0913 (one per option)
    *,
    paths: tuple[Path, ...],
    channels: dict[str, str] | None,
    unit: str | None,
    model: str,
    mains_hz: int | None,
    outs: tuple[str, ...],
    into: Path | None,
    jobs: int,
    dask: str | None,
    again: bool,
) -> None:
    """Score recordings (EDF, EDF+, BDF, npz): sleep stages as JSON.

    One line per epoch, as published over MQTT. The summary goes to stderr; so does the
    agreement with the expert's hypnogram if it lies beside FILE, as in Sleep-EDF.

    With --out or --into, with several FILEs or with a folder, results are written to
    files instead, NAME_night.json by default. An interrupted run goes on where it was;
    files that cannot be scored are listed at the end, with exit code 2.
    """
    options = ScoreOptions(
        channels=channels,
        unit=unit,
        model=model,
        mains_hz=mains_hz,
        outs=outs or ("json",),
    )
    if len(paths) == 1 and not paths[0].is_dir() and not (outs or into or dask):
        _score_one(paths[0], options)
        return
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise ConfigError([f"{path}: no such file or folder" for path in missing])
    plan = BatchPlan(options=options, into=into, jobs=jobs, dask=dask, again=again)
    if score_archive(paths, plan):
        sys.exit(2)


def _score_one(file: Path, options: ScoreOptions) -> None:
    recording = open_night(file, options.channels, options.unit)
    scorer = read_model(options.model)
    card = scorer.card
    scored: list[ScoredEpoch] = []
    in_bed = None
    for value in score(recording, night_for(recording, scorer, options.mains_hz)):
        reading = Reading(
            device=OFFLINE,
            session=recording.name,
            model=card.name,
            model_digest=card.short_digest,
            channels=card.channels,
            value=value,
        )
        if isinstance(value, ScoredEpoch):
            scored.append(value)
            document = epoch_document(reading, value)
            click.echo(epoch_payload(document, _posting(value)))
        elif isinstance(value, NightSummary):
            in_bed = value.in_bed
            click.echo(summary_payload(reading, value, final=True))
            click.echo("\n".join(summary_lines(value)), err=True)
    stages = [epoch.stage for epoch in scored]
    flaws = [frozenset(f.value for q in e.quality for f in q.flaws) for e in scored]
    for note in (
        *recording.notes,
        *plausibility_warnings(stages, flaws, recording.montage, card.band, in_bed),
    ):
        click.echo(f"sleepgate: {file}: {note}", err=True)
    _compare(file, recording.start_utc, stages)


def _posting(epoch: ScoredEpoch) -> Posting:
    """Post an epoch the moment it is over; a file's stamps are no latency."""
    end = epoch.start_utc + timedelta(seconds=EPOCH_S)
    return Posting(seq=epoch.index, published=end)


def _compare(
    file: Path, start_utc: datetime | None, ours: list[Stage | Refusal]
) -> None:
    if file.suffix.lower() == NPZ:
        expert, name = npz_hypnogram(file), "its labels"
    elif beside := find_hypnogram(file):
        expert = read_hypnogram(beside, start_utc=start_utc, n_epochs=len(ours))
        name = beside.name
    else:
        return
    if expert is None:
        return
    found = agreement(ours, expert)
    why = ""
    if not found.n_both:
        why = f"; {name} and {file.name} have no scored epoch in common"
        if file.suffix.lower() != NPZ:
            why += f": {_begin(file)}"
    click.echo(f"{name}: {agreement_line(found)}{why}", err=True)


def _begin(file: Path) -> str:
    """Return when a recording and the hypnogram beside it began, for people."""
    beside = find_hypnogram(file)
    starts = [(path.name, read_edf(path).start_utc) for path in (file, beside) if path]
    return ", ".join(
        f"{name} begins {start:%Y-%m-%d %H:%M}" if start else f"{name} has no date"
        for name, start in starts
    )
