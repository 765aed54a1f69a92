"""``sleepgate model``: look at a model, check it on this machine, take it into use."""

import json
from pathlib import Path

import click
import yaml

from gateway.atomic_write import check_writable, write_text
from gateway.cli.options import CONFIG, JSON, HelpGroup, examples
from gateway.config.edit_setting import with_setting
from gateway.config.file import read_config, read_text
from gateway.config.secret_tags import LeftSecretLoader
from gateway.errors import ConfigError, ModelError
from gateway.models.load import try_model
from gateway.models.trial import Trial
from gateway.reports.model_card_text import model_card_text
from gateway.staging.golden_vectors import GoldenResult

HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (from the unit)
SYSTEM = "/etc"
LINE = 100


@click.group(cls=HelpGroup)
def command() -> None:
    """Show, check or choose the model that scores."""


@examples(
    "sleepgate model info",
    "sleepgate model info my.tflite --all",
    "sleepgate model info --json",
)
@command.command()
@click.argument("model", default="default")
@click.option("--all", "whole", is_flag=True, help="Print the card, as YAML.")
@JSON
def info(*, model: str, whole: bool, as_json: bool) -> None:
    """Show what MODEL is: a .tflite package, or the packaged one.

    In one line, unless the card with its figures and limits is asked for.
    """
    trial = try_model(model)
    card = trial.card
    n_golden = next(iter(trial.verdicts.values())).n_epochs if trial.verdicts else 0
    shown = {
        "name": card.name,
        "digest": card.digest,
        "bytes": trial.size,
        "channels": dict(zip(card.channels, card.scale_uv, strict=True)),
        "normalisation": "clip(asinh(microvolts / the number beside the channel), +-4)",
        "band": {name: getattr(card.band, name) for name in type(card.band).__slots__},
        "temperature": card.temperature,
        "context_temperature": card.context.temperature if card.context else None,
        "golden_vectors": n_golden,
        "runs_on": trial.runtime,
        **card.about,
    }
    if as_json:
        click.echo(json.dumps(shown))
        return
    if not whole:
        scored = ", ".join(card.channels)
        click.echo(
            f"{card.name} ({card.short_digest}), {trial.size} bytes, on "
            f"{trial.runtime}, scores {scored}; for whom, figures and limits: --all"
        )
        return
    sheet = model_card_text(shown)
    click.echo(yaml.safe_dump(sheet, sort_keys=False, width=LINE), nl=False)


@examples("sleepgate model verify", "sleepgate model verify my.tflite")
@command.command()
@click.argument("model", default="default")
def verify(model: str) -> None:
    """Test that MODEL answers on this machine as where it was made (else exit 5).

    The reference kernels, and XNNPACK in LiteRT, must answer to the bit as they did
    when the model was made. Other kernels may be a few codes off, never a stage.
    """
    trial = try_model(model)
    if not trial.verdicts:
        raise ModelError(
            f"{model}: it has no golden vectors, so nothing can be verified; export "
            "it again"
        )
    click.echo(_title(trial))
    for kernels, verdict in trial.verdicts.items():
        click.echo(f"  {kernels}: {_told(verdict)}")
    _refuse_different(model, trial)


@examples(
    "sudo sleepgate model use /etc/sleepgate/my.tflite",
    "sleepgate model use default",
)
@command.command()
@click.argument("model")
@CONFIG
def use(*, model: str, file: Path) -> None:
    """Check MODEL and write it into the configuration; `default`: the packaged one.

    Nothing else in the file changes.
    """
    chosen = model if model == "default" else str(Path(model).resolve())
    read_config(file, LeftSecretLoader)
    check_writable(file)
    if file.resolve().is_relative_to(SYSTEM) and chosen.startswith(HIDDEN):
        copy = f"sudo install -m 644 {chosen} {file.parent}/"
        problem = f"{chosen}: the service cannot see that folder; copy it: {copy}"
        raise ConfigError([f"{problem} and use it from there"])
    trial = try_model(model)
    _refuse_different(model, trial)
    write_text(file, with_setting(read_text(file), "staging", "model", chosen))
    if not trial.verdicts:
        click.echo("it has no golden vectors: its answers are not verified", err=True)
    click.echo(f"{file}: staging.model is {chosen}, {_title(trial)}")
    click.echo("restart the daemon: sudo systemctl restart sleepgate", err=True)


def _title(trial: Trial) -> str:
    card = trial.card
    return f"{card.name} ({card.short_digest}) on {trial.runtime}, {trial.machine}"


def _told(verdict: GoldenResult) -> str:
    if not verdict.apart:
        return f"{verdict.n_epochs} golden epochs answered to the bit"
    allowed = f"{verdict.tolerance} allowed" if verdict.tolerance else "none allowed"
    return (
        f"{verdict.n_epochs} golden epochs: up to {verdict.apart} codes apart "
        f"({allowed}), {verdict.other_stages} other stages"
    )


def _refuse_different(model: str, trial: Trial) -> None:
    wrong = [name for name, verdict in trial.verdicts.items() if not verdict.passed]
    if wrong:
        raise ModelError(
            f"{model}: on {trial.runtime} its {' and '.join(wrong)} answer otherwise "
            "than when it was made; please report it with the lines of "
            "`sleepgate model verify`"
        )
