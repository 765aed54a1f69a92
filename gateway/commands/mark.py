"""``sleepgate mark``: note a moment of the night."""

import json
from pathlib import Path

import click

from gateway.cli.options import JSON, SOCKET, examples
from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest


@examples(
    'sleepgate mark bedroom "took melatonin"',
    "sleepgate mark bedroom --lights-off",
    "sleepgate mark bedroom --lights-on",
)
@click.command()
@click.argument("name")
@click.argument("text", required=False, default="")
@click.option(
    "--lights-off",
    "lights",
    flag_value="off",
    help="Mark lights off: time in bed begins.",
)
@click.option(
    "--lights-on", "lights", flag_value="on", help="Mark lights on: time in bed ends."
)
@SOCKET
@JSON
def command(
    *, name: str, text: str, lights: str | None, socket: Path, as_json: bool
) -> None:
    """Mark a moment of the night: an event, lights off, lights on.

    The mark is made now, in the session of headband NAME; TEXT describes the event.
    Sleep statistics count the time in bed from lights off to lights on, where marked.
    """
    if lights and text:
        raise click.UsageError("give either TEXT or the lights")
    order = ControlRequest("mark", name, text)
    if lights:
        order = ControlRequest("lights", name, off=lights == "off")
    answer = ask(socket, order)
    if as_json:
        click.echo(json.dumps(answer))
    else:
        what = f"lights {lights}" if lights else text or "a mark"
        click.echo(f"{name}: {what} at {answer['at']}")
