"""``sleepgate driver``: the kinds of headband there are."""

import json

import click

from gateway import drivers
from gateway.cli.options import JSON, examples


@examples("sleepgate driver", "sleepgate driver --json")
@click.command()
@JSON
def command(*, as_json: bool) -> None:
    """List the kinds of headband that can be configured.

    Those of installed plug-ins are among them, with the name of their distribution.
    """
    installed = drivers.PLUGINS.installed()
    rows = [(drivers.load(name), "sleepgate") for name in drivers.PLUGINS.own_names()]
    rows += [(each.plugin, each.distribution) for each in installed if each.plugin]
    if as_json:
        listed = [
            {
                "name": driver.name,
                "service": driver.service,
                "distribution": whose,
            }
            for driver, whose in rows
        ]
        click.echo(json.dumps(listed, indent=2))
    else:
        for driver, whose in rows:
            from_plugin = "" if whose == "sleepgate" else f"  ({whose})"
            click.echo(f"{driver.name:<12} service {driver.service}{from_plugin}")
    for each in installed:
        if each.problem:
            click.echo(f"warning: {each.problem}", err=True)
