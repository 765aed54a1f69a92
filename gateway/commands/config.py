"""``sleepgate config``: look at a configuration without starting anything."""

from pathlib import Path

import click

from gateway.runtime.daemon import check


@click.group()
def command() -> None:
    """Look at a configuration without starting anything."""


@command.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
def check_file(file: Path) -> None:
    """Report every problem in FILE; exit code 2 if there is one."""
    config = check(file)
    names = ", ".join(device.name for device in config.devices)
    click.echo(f"{file}: good ({names})")
