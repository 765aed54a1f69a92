"""``sleepgate compare``: two scorings of the same nights."""

import sys
from pathlib import Path

import click

from gateway.atomic_write import write_result
from gateway.cli.options import JSON, examples
from gateway.errors import ConfigError, RecordingError
from gateway.evaluation.bland_altman import FEWEST
from gateway.evaluation.night_numbers import (
    NightComparison,
    compare_night,
    compare_nights,
)
from gateway.offline.read_scoring import aligned, pairs, read_scoring, time_in_bed
from gateway.reports.bland_altman_svg import bland_altman_svg
from gateway.reports.comparison import comparison_json, comparison_lines


@examples("sleepgate compare NIGHT_night.json EXPERT-Hypnogram.edf")
@click.command()
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("reference", type=click.Path(path_type=Path))
@JSON
@click.option(
    "--figure",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write Bland-Altman plots of several nights to this SVG file.",
)
@click.option(
    "--final",
    is_flag=True,
    help="Compare the stages of the second pass where a file has them.",
)
def command(
    *, ours: Path, reference: Path, as_json: bool, figure: Path | None, final: bool
) -> None:
    """Compare a scoring with a reference: two files, or two folders.

    OURS and REFERENCE may each be EDF+ with annotations (as the *-Hypnogram.edf of
    Sleep-EDF), what `sleepgate score` writes or prints, CSV, BIDS _hypnogram.tsv or
    npz with labels. Epochs are matched by their times where both files have them.
    """
    if ours.is_dir() != reference.is_dir():
        raise ConfigError([f"{ours} and {reference}: give two files or two folders"])
    both, alone = _matched(ours, reference)
    nights, problems = _compare_all(both, final=final)
    over = compare_nights(nights) if len(nights) >= FEWEST else {}
    if figure is not None:
        if not over:
            raise ConfigError([f"--figure: {len(nights)} nights; it takes {FEWEST}"])
        write_result(figure, bland_altman_svg(over))
    if as_json:
        click.echo(comparison_json(nights, over, alone), nl=False)
    else:
        click.echo("\n".join(comparison_lines(nights, over)))
    for path in alone:
        click.echo(f"sleepgate: {path}: no counterpart", err=True)
    for problem in problems:
        click.echo(f"sleepgate: not compared: {problem}", err=True)
    if problems:
        sys.exit(2)


def _matched(ours: Path, reference: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    if ours.is_dir():
        return pairs(ours, reference)
    return [(ours, reference)], []


def _compare_all(
    both: list[tuple[Path, Path]], *, final: bool
) -> tuple[list[NightComparison], list[str]]:
    """Compare all that can be; raise what is wrong if that is none."""
    nights: list[NightComparison] = []
    problems: list[str] = []
    for mine, its in both:
        try:
            nights.append(_compare(mine, its, final=final))
        except RecordingError as error:
            problems.append(str(error))
    if not nights:
        raise RecordingError("\n".join(problems))
    return nights, problems


def _compare(ours: Path, reference: Path, *, final: bool) -> NightComparison:
    mine = read_scoring(ours, final=final)
    its = read_scoring(reference)
    night = compare_night(mine.path.stem, *aligned(mine, its), time_in_bed(mine, its))
    if not night.epochs.n_both:
        raise RecordingError(
            f"{ours} and {reference}: no epoch was scored by both; nothing to compare"
        )
    return night
