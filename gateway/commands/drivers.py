"""``sleepgate drivers``: the kinds of headband there are."""

import click

from gateway import drivers


@click.command()
def command() -> None:
    """List the kinds of headband that can be configured."""
    for name in drivers.names():
        click.echo(f"{name:<12} service {drivers.load(name).service}")
