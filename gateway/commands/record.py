"""``sleepgate record``: the recordings on disk."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gateway.cli.options import HelpGroup, examples
from gateway.errors import ConfigError, RecordingError
from gateway.paths import recordings_folder
from gateway.recorder import folder as folders
from gateway.recorder.listing import glance, row

SERVICE = Path("/var/lib/sleepgate/recordings")
FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of recordings; default: that of this user's daemon, or of the "
    "service.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
FILE = click.argument("file")


@examples(
    "sleepgate record ls",
    "sleepgate record info 01J8ZQ6T5R",
    "sleepgate record export 01J8ZQ6T5R night.edf --anonymise",
)
@click.group(cls=HelpGroup)
def command() -> None:
    """List, show, repair, copy or delete recordings.

    FILE is a recording, or a part of the name of one in the folder. All of these
    may be used while the daemon records.
    """


@examples("sleepgate record ls", "sleepgate record ls --json")
@command.command("ls")
@FOLDER
@JSON
def ls(*, folder: Path | None, as_json: bool) -> None:
    """List the recordings, the oldest first."""
    where = _folder(folder)
    rows = []
    for path in folders.recordings(where):
        try:
            rows.append(row(glance(path)))
        except RecordingError as error:
            click.echo(f"sleepgate: skipped: {error}", err=True)
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    for each in rows:
        epochs = (each["epochs"] or {}).get("total", "?")
        missing = each["annotated"] or {}
        lost_s = sum(missing.get(key, 0.0) for key in ("gap_s", "unrecorded_s"))
        click.echo(
            f"{each['file']:<58} {_clock(each['duration_s']):>8} {epochs:>5} epochs "
            f"{lost_s:>7.1f} s missing {each['bytes'] / 1e6:>6.1f} MB  {each['state']}"
        )
    n_mb = sum(each["bytes"] for each in rows) / 1e6
    free = f"{folders.free_mb(where):.0f} MB free" if where.is_dir() else "no folder"
    click.echo(f"{len(rows)} in {where}, {n_mb:.1f} MB; {free}", err=True)


@examples("sleepgate record info NIGHT.edf")
@command.command("info")
@FILE
@FOLDER
@JSON
def info(*, file: str, folder: Path | None, as_json: bool) -> None:
    """Read FILE from end to end and print a summary of its content."""
    from gateway.recorder.integrity import details, survey  # noqa: PLC0415 -- numpy

    path = _found(file, folder)
    found = details(glance(path), survey(path))
    if as_json:
        click.echo(json.dumps(found, indent=1))
        return
    click.echo("\n".join(_lines(found)))


@examples("sleepgate record repair NIGHT.edf")
@command.command("repair")
@FILE
@FOLDER
def repair(*, file: str, folder: Path | None) -> None:
    """Cut an incomplete data record off the end of FILE and mend its header.

    What is cut off stays beside it, as FILE.cut-1. Damaged records in mid-night stay
    where they are. The daemon does the same when the session goes on. Only recordings
    that Sleepgate wrote are touched.
    """
    from gateway.recorder.recording_file import reopen  # noqa: PLC0415 -- numpy

    path = _found(file, folder)
    try:
        mended, before = reopen(path)
        mended.close()
    except BlockingIOError as error:
        raise RecordingError(f"{path}: is being recorded; nothing to repair") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if before.is_whole:
        click.echo(f"{path}: {before.n_records} records, nothing to repair", err=True)
    else:
        n_cut = before.n_bytes - before.whole_bytes
        kept = f"{n_cut} bytes moved to {path.name}.cut-*" if n_cut else "nothing cut"
        click.echo(
            f"{path}: {before.n_records} whole records, {kept}, "
            f"its header promised {before.n_promised}",
            err=True,
        )


@examples("sleepgate record export NIGHT.edf copy.edf")
@command.command("export")
@FILE
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--anonymise",
    is_flag=True,
    help="Leave out date, codes, device and your markers; keep the time of day.",
)
@FOLDER
def export(*, file: str, target: Path, anonymise: bool, folder: Path | None) -> None:
    """Copy FILE to TARGET: .edf or .bdf for all of it, .csv for the annotations."""
    from gateway.recorder.export import copy, write_csv  # noqa: PLC0415 -- numpy

    path = _found(file, folder)
    if target.suffix.lower() == ".csv":
        click.echo(f"{write_csv(path, target)} annotations in {target}", err=True)
    elif target.suffix.lower() == path.suffix.lower():
        n_records = copy(path, target, anonymise=anonymise)
        click.echo(f"{n_records} data records in {target}", err=True)
    else:
        raise ConfigError([f"{target}: end its name in {path.suffix.lower()} or .csv"])


@examples("sleepgate record prune --keep-days 60")
@command.command("prune")
@click.option(
    "--keep-days",
    type=click.FloatRange(0),
    required=True,
    help="Delete recordings that ended more than this many days ago.",
)
@FOLDER
def prune(*, keep_days: float, folder: Path | None) -> None:
    """Delete old recordings of Sleepgate, never the one being written.

    Recordings that another program wrote stay, and are named.
    """
    where = _folder(folder)
    for path in folders.prune(where, keep_days, time.time()):
        click.echo(path)
    for path in folders.recordings(where):
        if not folders.is_ours(path):
            click.echo(f"sleepgate: {path}: not recorded by sleepgate; kept", err=True)


def _folder(folder: Path | None) -> Path:
    if folder is not None:
        return folder
    own = recordings_folder()
    return SERVICE if not own.exists() and SERVICE.exists() else own


def _found(file: str, folder: Path | None) -> Path:
    """Return the one recording that `file` is, or is part of the name of."""
    if Path(file).exists():
        return Path(file)
    where = _folder(folder)
    found = [path for path in folders.recordings(where) if file in path.name]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise RecordingError(f"{file}: {names} in {where}; name one recording")
    return found[0]


def _lines(found: dict[str, Any]) -> Iterator[str]:
    missing, epochs = found["annotated"], found["epochs"]
    cut = "cut off: sleepgate record repair mends it"
    if not found["recorded_by_sleepgate"]:
        cut = "not as long as its header says"
    states = [found["state"], "whole" if found["whole"] else cut]
    if found["damaged_records"] and found["recorded_by_sleepgate"]:
        states.append(f"{found['damaged_records']} records damaged")
    beside = found["beside"] or {}
    measured = beside.get("measured", {}).get("sfreq_hz")
    state = ", ".join(words for words in states if not cut.startswith(f"{words}:"))
    size = f"{found['bytes'] / 1e6:.1f} MB"
    records = f"{found['data_records']} records of {found['record_s']:g} s"
    yield f"{found['file']}  {found['format']}  {size}  {state}"
    lasts = _clock(found["duration_s"])
    yield f"began {found['start_local']} local, lasts {lasts}, {records}"
    yield f"patient: {found['patient']}   recording: {found['recording']}"
    for each in found["signals"]:
        physical = f"{each['physical_min']:g} to {each['physical_max']:g}"
        digital = f"({each['digital_min']} to {each['digital_max']})"
        rate = f"{each['sfreq_hz']:g} Hz"
        yield f"  {each['label']:<16} {rate}  {physical} {each['dimension']}  {digital}"
    if measured is not None:
        yield f"measured sampling rate: {measured:.4f} Hz"
    lost = f"{missing['gap_s']:.2f} s lost on the way"
    yield f"missing: {lost}, {missing['unrecorded_s']:.2f} s not recorded"
    if missing["unscored_s"]:
        kept = f"{missing['unscored_s']:.2f} s"
        yield f"recorded when the daemon died, but not scored: {kept}"
    yield f"epochs: {epochs['total']}, scored {epochs['scored']}"


def _clock(seconds: float) -> str:
    minutes, second = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{second:02}"
