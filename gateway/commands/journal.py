"""``sleepgate journal``: what is on disk for consumers that missed it."""

import json
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import click

from gateway.cli.options import JSON, HelpGroup, examples
from gateway.errors import ConfigError
from gateway.formats.json_fields import utc_text
from gateway.journal.options import JournalOptions
from gateway.journal.store import JournalStore

FILE = click.option(
    "--file",
    type=click.Path(path_type=Path),
    help="Journal file; default: that of this user's daemon, or of the service.",
)
SERVICE = Path("/var/lib/sleepgate/journal.sqlite")


@click.group(cls=HelpGroup)
def command() -> None:
    """List, resend or shrink the journal of scored epochs.

    All of these may be used while the daemon runs.
    """


@examples("sleepgate journal ls", "sleepgate journal ls --json")
@command.command("ls")
@FILE
@JSON
def ls(*, file: Path | None, as_json: bool) -> None:
    """List the sessions on disk and the epochs still to be published."""
    if as_json:
        with closing(_open(file)) as store:
            click.echo(json.dumps([row._asdict() for row in store.sessions()]))
        return
    with closing(_open(file)) as store:
        click.echo(f"{'session':<28} {'device':<16} {'epochs':>13} {'seq':>15} owed")
        for row in store.sessions():
            epochs = f"{row.first_epoch}-{row.last_epoch}"
            seqs = f"{row.first_seq}-{row.last_seq}"
            click.echo(
                f"{row.session:<28} {row.device:<16} {epochs:>13} {seqs:>15} {row.owed}"
            )
        contents = store.contents()
    since = ""
    if contents.oldest_owed_s is not None:
        moment = datetime.fromtimestamp(contents.oldest_owed_s, UTC)
        since = f", the oldest since {utc_text(moment)}"
    click.echo(
        f"{contents.rows} epochs in {contents.size_bytes / 1e6:.1f} MB; "
        f"{contents.owed} owed to the broker{since}; "
        f"{contents.dropped} dropped unsent for want of room",
        err=True,
    )


@examples("sleepgate journal replay 20000", "sleepgate journal replay 20000 20100")
@command.command("replay")
@click.argument("since", type=click.IntRange(0))
@click.argument("until", type=click.IntRange(0), required=False)
@FILE
def replay(since: int, until: int | None, file: Path | None) -> None:
    """Publish again the epochs from seq SINCE to before UNTIL (or the end).

    The daemon sends them within ten seconds, or when it next runs.
    """
    with closing(_open(file)) as store:
        click.echo(f"{store.replay(since, until)} epochs will be sent again", err=True)


@examples("sleepgate journal vacuum --keep-days 7")
@command.command("vacuum")
@click.option(
    "--keep-days",
    type=click.FloatRange(0),
    help="First delete published epochs that are older than this.",
)
@FILE
def vacuum(keep_days: float | None, file: Path | None) -> None:
    """Return the free space inside the journal file to the disk."""
    with closing(_open(file)) as store:
        before = store.contents().size_bytes
        if keep_days is not None:
            bounds = JournalOptions(keep_days=keep_days, max_mb=1e6).bounds
            store.prune(bounds, time.time())
        store.vacuum()
        after = store.contents().size_bytes
    click.echo(f"{before / 1e6:.1f} MB before, {after / 1e6:.1f} MB now", err=True)


def _open(file: Path | None) -> JournalStore:
    """Open a journal that is there; none is made by looking."""
    path = file or JournalOptions().file
    if file is None and not path.exists() and SERVICE.exists():
        path = SERVICE
    if not path.exists():
        raise ConfigError([f"no journal at {path}; name it with --file"])
    return JournalStore(path)
