"""``sleepgate stop``: end a session by hand."""

import json
from pathlib import Path

import click

from gateway.cli.options import JSON, SOCKET, examples
from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest


@examples("sleepgate stop bedroom", "sleepgate stop bedroom --json")
@click.command()
@click.argument("name")
@SOCKET
@JSON
def command(*, name: str, socket: Path, as_json: bool) -> None:
    """End a headband's session and publish its summary.

    The connection to headband NAME is kept. Nothing is scored until `sleepgate start
    NAME`, or until the headband was off or away for ten minutes and is put on again.
    """
    answer = ask(socket, ControlRequest("stop", name))
    if as_json:
        click.echo(json.dumps(answer))
    elif answer["already"]:
        click.echo(f"{name}: no session runs")
    else:
        session, epochs = answer["session"], answer["epochs"]
        click.echo(f"{name}: session {session} has ended after {epochs} epochs")
