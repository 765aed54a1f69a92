"""``sleepgate report``: a night on one page."""

from collections.abc import Callable
from pathlib import Path

import click

from gateway import __version__
from gateway.cli.options import CHANNEL, MAINS, MODEL, UNIT, examples
from gateway.cli.svg_to_png import png_of
from gateway.errors import ModelError
from gateway.formats.night_json import night_json
from gateway.formats.night_tables import bids_json, bids_tsv, night_csv
from gateway.models.load import read_model
from gateway.offline.find_night import LAST, FoundNight, find_night
from gateway.offline.result_files import write_results
from gateway.offline.score_file import ScoreOptions, result_name
from gateway.reports.hypnogram_text import draw_text
from gateway.reports.night.html_page import report_html
from gateway.reports.night.night_report import NightReport
from gateway.reports.night.svg_picture import report_svg
from gateway.reports.summary_text import summary_lines

TERMINAL = 80
Writer = Callable[[NightReport], bytes]
# what an option writes, by the end of the file's name
FORMATS: dict[str, dict[str, Writer]] = {
    "html": {"_report.html": report_html},
    "svg": {"_report.svg": report_svg},
    "png": {"_report.png": lambda report: png_of(report_svg(report, "light"))},
    "json": {"_night.json": lambda report: night_json(report.night)},
    "csv": {"_hypnogram.csv": lambda report: night_csv(report.night)},
    "bids": {
        "_hypnogram.tsv": lambda report: bids_tsv(report.night),
        "_hypnogram.json": lambda report: bids_json(report.night),
    },
}


@examples("sleepgate report", "sleepgate report NIGHT-PSG.edf --png --out reports")
@click.command()
@click.argument("what", default=LAST, metavar="[SESSION|FILE]")
@click.option(
    "--html",
    is_flag=True,
    help="Write one HTML page that needs no other file (default).",
)
@click.option("--svg", is_flag=True, help="Write an SVG picture.")
@click.option("--png", is_flag=True, help="Write a PNG picture; needs the extra [png].")
@click.option(
    "--json", "as_json", is_flag=True, help="Write every epoch as JSON (night.v1)."
)
@click.option("--csv", is_flag=True, help="Write a CSV table with a line per epoch.")
@click.option("--bids", is_flag=True, help="Write a BIDS _hypnogram.tsv and its .json.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    help="Folder for the files; default: the current one.",
)
@click.option(
    "--journal",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Journal file to read a session from; default: the daemon's.",
)
@CHANNEL
@UNIT
@MODEL
@MAINS
def command(  # noqa: PLR0913 (one per option)
    *,
    what: str,
    out: Path,
    journal: Path | None,
    channels: dict[str, str] | None,
    unit: str | None,
    model: str,
    mains_hz: int | None,
    as_json: bool,
    **wanted: bool,
) -> None:
    """Write a report of a night as a page, a picture or tables.

    Of the last night, of a SESSION, or of a FILE: a recording, which is scored, a
    NAME_night.json of `sleepgate score`, or its lines. The names of the files written
    go to stdout, a sketch of the night to stderr.
    """
    options = ScoreOptions(channels=channels, unit=unit, model=model, mains_hz=mains_hz)
    found = find_night(what, options, journal)
    report = _report(found, model)
    chosen = [name for name, asked in {**wanted, "json": as_json}.items() if asked]
    results = {
        out / result_name(Path(found.night.name).name, name, end): writer(report)
        for name in chosen or ["html"]
        for end, writer in FORMATS[name].items()
    }
    write_results(results)
    for path in results:
        click.echo(path)
    for line in (*draw_text(found.night.stages, TERMINAL), *found.night.notes):
        click.echo(line, err=True)
    click.echo("\n".join(summary_lines(report.live_summary)), err=True)


def _report(found: FoundNight, model: str) -> NightReport:
    try:
        card = read_model(model).card
    except ModelError:
        card = None
    known = card is not None and card.short_digest == found.night.model_digest
    return NightReport(
        night=found.night,
        zone=found.zone,
        zone_name=found.zone_name,
        version=__version__,
        about=card.about if card is not None and known else None,
        expert=found.expert,
        expert_name=found.expert_name,
    )
