"""``sleepgate status``: how the daemon does."""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from gateway.cli.options import JSON, SOCKET, examples
from gateway.cli.status_view import watch
from gateway.cli.terminal_output import say
from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.errors import NoDaemonError
from gateway.reports.status_text import LineTone, StatusTextLine, status_lines


@examples(
    "sleepgate status",
    "sleepgate status --watch",
    "sleepgate status --json | jq -r '.devices[0].epoch.stage'",
)
@click.command()
@click.option("--watch", "again", is_flag=True, help="Keep showing it until Ctrl-C.")
@click.option(
    "--every",
    type=click.FloatRange(0.2, 3600),
    default=2.0,
    show_default=True,
    help="Seconds between two updates of --watch.",
)
@SOCKET
@JSON
def command(*, again: bool, every: float, socket: Path, as_json: bool) -> None:
    """Show the state of the daemon, its headbands and its outputs.

    Link, battery, stage, confidence, quality, loss, broker, journal, disk and clock.
    Exit code 1 if no daemon runs. With --json, an object; with --watch, one a line.
    --watch waits for a daemon that is started again.
    """
    if as_json:

        def look() -> list[StatusTextLine]:
            indent = None if again else 2
            return [
                StatusTextLine(
                    json.dumps(ask(socket, ControlRequest("status")), indent=indent)
                )
            ]

    else:

        def look() -> list[StatusTextLine]:
            return status_lines(ask(socket, ControlRequest("status")), zone=None)

    if not again:
        say(look(), sys.stdout)
        return
    look()  # no daemon at all is an error, one that is away for a while is not
    watch(partial(_waiting, look, as_json=as_json), every, redraw=not as_json)


def _waiting(
    look: Callable[[], list[StatusTextLine]], *, as_json: bool
) -> list[StatusTextLine]:
    try:
        return look()
    except NoDaemonError as error:
        words = f"{str(error).partition(chr(10))[0]}; waiting for it"
    if as_json:  # stdout is for documents
        click.echo(words, err=True)
        return []
    return [StatusTextLine(words, LineTone.BAD)]
