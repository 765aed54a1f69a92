"""``sleepgate driver``: the kinds of headband there are."""

import json

import click

from gateway import drivers
from gateway.cli.options import JSON, examples


@examples("sleepgate driver", "sleepgate driver --json")
@click.command()
@JSON
def command(*, as_json: bool) -> None:
    """List the kinds of headband that can be configured."""
    known = {name: drivers.load(name).service for name in drivers.names()}
    if as_json:
        said = [{"name": name, "service": service} for name, service in known.items()]
        click.echo(json.dumps(said, indent=2))
        return
    for name, service in known.items():
        click.echo(f"{name:<12} service {service}")
