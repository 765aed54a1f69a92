"""``sleepgate start``: begin a session by hand."""

import json
from pathlib import Path

import click

from gateway.cli.options import JSON, SOCKET, examples
from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest


@examples("sleepgate start bedroom", "sleepgate start bedroom --json")
@click.command()
@click.argument("name")
@SOCKET
@JSON
def command(*, name: str, socket: Path, as_json: bool) -> None:
    """Begin a session of a headband by hand.

    Does nothing if one runs for headband NAME. The daemon begins sessions by itself;
    this is for after `sleepgate stop`.
    """
    answer = ask(socket, ControlRequest("start", name))
    if as_json:
        click.echo(json.dumps(answer))
    else:
        how = "runs already" if answer["already"] else "begins"
        click.echo(f"{name}: session {answer['session']} {how}")
