"""``python -m training sleep-edf``: from PhysioNet to a model package of one's own."""

import json
import os
from pathlib import Path
from typing import Any

import click

from training.evaluate.text import figure_lines
from training.sleep_edf.course import SleepEdfSettings
from training.sleep_edf.crossvalidate import RESULT, cross_validate, plan
from training.sleep_edf.fetch import PHYSIONET, fetch
from training.sleep_edf.folds import PROTOCOLS
from training.sleep_edf.nights import read_nights
from training.sleep_edf.prepare import prepare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")  # TensorFlow talks about itself

RAW, PREPARED, RUNS = "raw", "prepared", "runs"
FOLDER = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
SUBJECTS = click.option(
    "--subjects",
    type=click.Choice(["20", "78"]),
    default="20",
    show_default=True,
    help="20: 39 nights, 1.9 GB; 78: 153 nights, 7.4 GB.",
)
URL = click.option(
    "--url", default=PHYSIONET, show_default=True, help="PhysioNet, or a mirror of it."
)
TELEMETRY = click.option(
    "--telemetry", is_flag=True, help="Also the 44 nights of the telemetry study."
)
WORKERS = click.option(
    "--workers", default=2, show_default=True, help="Processes, 0.15 GB each."
)
PASSES = click.option(
    "--passes",
    default=SleepEdfSettings().passes,
    show_default=True,
    help="Over the data.",
)
SEEDS = click.option(
    "--seeds", default=3, show_default=True, help="How often each fold is fitted."
)


@click.group()
def command() -> None:
    """Train on Sleep-EDF itself. Every step takes up what is there and goes on.

    FOLDER gets raw/, prepared/ and runs/: 3 GB for 20 subjects, 12 GB for 78.
    """


@command.command(name="fetch")
@FOLDER
@SUBJECTS
@TELEMETRY
@URL
def fetch_verb(*, folder: Path, subjects: str, telemetry: bool, url: str) -> None:
    """Download the nights, checked against PhysioNet's SHA-256."""
    fetch(folder / RAW, int(subjects), telemetry=telemetry, url=url)


@command.command(name="prepare")
@FOLDER
@WORKERS
def prepare_verb(*, folder: Path, workers: int) -> None:
    """Cut the nights into labelled epochs, through the daemon's own filters."""
    notes = prepare(folder / RAW, folder / PREPARED, workers=workers)
    click.echo("\n".join(_prepared_lines(notes)))


@command.command(name="train")
@FOLDER
@click.option(
    "--protocol",
    type=click.Choice([*PROTOCOLS, "final"]),
    default="subjects",
    show_default=True,
    help="subjects: nobody is in two parts; paper: as published, leak included; "
    "final: weights to use, nobody left to judge by.",
)
@SEEDS
@PASSES
@click.option("--folds", type=int, help="Default: one a subject up to 20, else 10.")
def train_verb(
    *, folder: Path, protocol: str, seeds: int, passes: int, folds: int | None
) -> None:
    """Fit every fold with every seed; print and write the table."""
    train(folder, protocol, seeds, passes, folds)


@command.command(name="export")
@FOLDER
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--protocol",
    type=click.Choice(["final", "subjects"]),
    default="final",
    show_default=True,
)
@click.option("--fold", default=1, show_default=True, help="Counted from 1.")
@click.option("--seed", default=1, show_default=True)
def export_verb(
    *, folder: Path, out: Path, protocol: str, fold: int, seed: int
) -> None:
    """Quantise the weights and write the model package OUT."""
    export(folder, out, protocol, fold - 1, seed)


@command.command(name="all")
@FOLDER
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@SUBJECTS
@URL
@WORKERS
@SEEDS
@PASSES
def all_verb(  # noqa: PLR0913 (one for each option)
    *,
    folder: Path,
    out: Path,
    subjects: str,
    url: str,
    workers: int,
    seeds: int,
    passes: int,
) -> None:
    """Do it all: fetch, prepare, judge by folds, fit the final weights, export."""
    fetch(folder / RAW, int(subjects), url=url)
    prepare(folder / RAW, folder / PREPARED, workers=workers)
    train(folder, "subjects", seeds, passes)
    train(folder, "final", 1, passes)
    export(folder, out)


def train(
    folder: Path, protocol: str, seeds: int, passes: int, folds: int | None = None
) -> None:
    """Fit and print."""
    nights = read_nights(folder / PREPARED)
    what = plan(nights, protocol, range(1, seeds + 1), folds)
    result = cross_validate(
        nights, what, folder / RUNS, SleepEdfSettings(passes=passes)
    )
    click.echo("\n".join(_result_lines(result)))
    click.echo(f"written to {folder / RUNS / protocol / RESULT}")


def export(
    folder: Path, out: Path, protocol: str = "final", fold: int = 0, seed: int = 1
) -> None:
    """Write the package and say what it is."""
    from training.sleep_edf.export import export_run  # noqa: PLC0415 (TensorFlow)

    run = Path(protocol) / f"fold-{fold:02}" / f"seed-{seed}"
    made = export_run(folder / PREPARED, folder / RUNS, run, out.stem)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(made)
    click.echo(f"{out}: {len(made)} bytes; `sleepgate model verify {out}`")


def _prepared_lines(notes: list[Any]) -> list[str]:
    stages: dict[str, int] = {}
    refused = 0
    for note in notes:
        refused += sum(note["refused_by_the_daemon"].values())
        for stage, count in note["stages"].items():
            stages[stage] = stages.get(stage, 0) + count
    counts = ", ".join(f"{stage} {count}" for stage, count in stages.items())
    return [f"{len(notes)} nights: {counts}; {refused} epochs unfit to be scored"]


def _result_lines(result: Any) -> list[str]:  # noqa: ANN401 (JSON)
    title = (
        f"{result['data']}: {len(result['nights'])} nights, protocol "
        f"{result['protocol']}, {len(result['folds'])} folds, {result['precision']}, "
        f"seeds {json.dumps(result['seeds'])}"
    )
    lines = [title]
    for name, table in result["figures"].items():
        lines += figure_lines(name, table)
    kappas = [table["kappa"]["value"] for table in result["figures"].values()]
    if len(kappas) > 1:
        lines.append(f"kappa over seeds: {min(kappas):.3f} to {max(kappas):.3f}")
    return lines
