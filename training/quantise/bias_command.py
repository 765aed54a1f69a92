"""``python -m training bias``: give a model package the biases that it lacks."""

from pathlib import Path

import click

from gateway.atomic_write import write_result
from training.quantise.zero_bias import package_with_biases


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def command(file: Path) -> None:
    """Write zero biases into FILE where its graphs have none; it answers the same.

    For packages exported before the exporter did so. The digest changes.
    """
    before = file.read_bytes()
    after = package_with_biases(before, str(file))
    if after == before:
        click.echo(f"{file}: it lacks none")
        return
    write_result(file, after)
    click.echo(f"{file}: {len(after)} bytes")
