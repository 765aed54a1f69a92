"""``sleepgate version``: what runs here."""

import json
import platform
from importlib import metadata

import click

from gateway import __version__
from gateway.cli.options import JSON, examples
from gateway.errors import ModelError
from gateway.models.model_file import DEFAULT, read_package
from gateway.staging.model_archive import split
from gateway.staging.runtimes import runtime_name

LIBRARIES = ("bleak", "click", "dbus-fast", "numpy", "paho-mqtt", "PyYAML")
EXTRAS = ("bumble", "rich", "systemd-python")


@examples("sleepgate version", "sleepgate version --json | jq -r .model.digest")
@click.command()
@JSON
def command(*, as_json: bool) -> None:
    """Print the versions of Sleepgate, its libraries and its model."""
    parts = split(*read_package("default"))
    name, digest = parts.card["name"], parts.digest[:12]
    versions = {
        "sleepgate": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "model": {"id": name, "digest": digest, "file": DEFAULT},
        "runtime": _runtime(),
        "libraries": {name: _version(name) for name in (*LIBRARIES, *EXTRAS)},
    }
    if as_json:
        click.echo(json.dumps(versions, indent=2))
        return
    click.echo(
        f"sleepgate {__version__}, Python {versions['python']}, {versions['machine']}"
    )
    click.echo(f"model {name} ({digest}), {versions['runtime'] or 'no runtime'}")
    for name in (*LIBRARIES, *EXTRAS):
        click.echo(f"{name} {_version(name) or 'not installed'}")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _runtime() -> str | None:
    try:
        return runtime_name()
    except ModelError:
        return None
