"""``sleepgate model``: look at the models."""

import click
import yaml

from gateway.runtime.model_file import read_model


@click.group()
def command() -> None:
    """Look at the models."""


@command.command()
@click.argument("model", default="default")
def info(model: str) -> None:
    """Show the card of MODEL, the packaged one or the path of a .tflite package."""
    scorer = read_model(model)
    card = scorer.card
    shown = {
        "name": card.name,
        "digest": card.digest,
        "channels": dict(zip(card.channels, card.scale_uv, strict=True)),
        "temperature": card.temperature,
        "runs_on": scorer.runtime,
        **card.about,
    }
    click.echo(yaml.safe_dump(shown, sort_keys=False, default_flow_style=None))
