"""``sleepgate config``: write, check and show a configuration; nothing is started."""

import json
import sys
from pathlib import Path

import click

import gateway.config
from gateway import drivers, sinks
from gateway.atomic_write import check_writable, write_text
from gateway.cli.options import JSON, HelpGroup, examples
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.effective_config import effective, effective_yaml
from gateway.daemon.validate_config import check_config, config_warnings
from gateway.errors import ConfigError
from gateway.own_command import pair_command
from gateway.paths import default_config
from gateway.plugins import any_installed

TEMPLATE = Path(gateway.config.__file__).with_name("sleepgate.yaml")
FILE = click.argument(
    "file", type=click.Path(path_type=Path), required=False, default=default_config
)


@click.group(cls=HelpGroup)
def command() -> None:
    """Write, check and show the configuration.

    Without FILE: /etc/sleepgate/sleepgate.yaml, or ~/.config/sleepgate/sleepgate.yaml
    where that is not there.
    """


@examples("sudo sleepgate config init", "sleepgate config init my.yaml")
@command.command()
@FILE
def init(file: Path) -> None:
    """Write FILE with every key, its default and what it means.

    A file that is there is left as it is. `sleepgate pair` fills in the headband.
    """
    if file.exists():
        problem = f"{file}: is there already and was left as it is"
        raise ConfigError([f"{problem}; name another FILE, or move it away"])
    check_writable(file)
    write_text(file, TEMPLATE.read_text("utf-8"))
    click.echo(f"{file}: written\nnext: {pair_command(file)}", err=True)


@examples("sleepgate config check", "sleepgate config check my.yaml --json")
@command.command(name="check")
@FILE
@JSON
def check_file(*, file: Path, as_json: bool) -> None:
    """Report every problem in FILE; exit code 2 if there is one.

    So `sleepgate run` would read it: with its secrets, and with what variables like
    SLEEPGATE__OUTPUTS__MQTT__HOST say instead.
    """
    try:
        devices = [device.name for device in check_config(file).devices]
        warnings = config_warnings(file)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(json.dumps({"file": str(file), "problems": error.problems}))
        sys.exit(error.exit_code)
    plugins = _installed_plugins()
    if as_json:
        checked = {"file": str(file), "problems": [], "devices": devices}
        found = {"plugins": plugins, "warnings": warnings}
        more = {key: value for key, value in found.items() if value}
        click.echo(json.dumps(checked | more))
        return
    click.echo(f"{file}: good ({', '.join(devices) or 'no headband yet'})")
    if not devices:
        click.echo(f"next: {pair_command(file)}", err=True)
    for words in warnings:
        click.echo(f"warning: {words}", err=True)
    for each in plugins:
        if each["problem"]:
            click.echo(f"warning: {each['problem']}", err=True)
        else:
            kind, name, whose = each["kind"], each["name"], each["distribution"]
            click.echo(f"plug-in: {kind} {name} ({whose})")


def _installed_plugins() -> list[dict[str, str]]:
    if not any_installed():
        return []
    return [
        {
            "kind": kind,
            "name": each.name,
            "distribution": each.distribution,
            "problem": each.problem,
        }
        for kind, found in (
            ("driver", drivers.PLUGINS.installed()),
            ("output", sinks.PLUGINS.installed()),
        )
        for each in found
    ]


@examples("sleepgate config show", "sleepgate config show --json | jq .outputs.mqtt")
@command.command()
@FILE
@JSON
def show(*, file: Path, as_json: bool) -> None:
    """Print the values in effect: FILE, defaults and environment variables.

    Secrets are not shown, only where they stand. As YAML, or with --json.
    """
    tree = effective(check_config(file, LeftSecretLoader))
    if as_json:
        click.echo(json.dumps(tree, indent=2, ensure_ascii=False))
    else:
        click.echo(effective_yaml(tree), nl=False)


@examples("sleepgate config schema > sleepgate.schema.json")
@command.command()
def schema() -> None:
    """Print the JSON Schema (2020-12) of the file, for editors.

    In the file: `# yaml-language-server: $schema=sleepgate.schema.json`; the tags
    !file, !env and !credential are for the editor's setting yaml.customTags.
    """
    from gateway.config.json_schema import config_schema  # noqa: PLC0415 -- rare

    options = {sink.name: sink.options for sink in sinks.load_all()}
    click.echo(json.dumps(config_schema(options), indent=2, ensure_ascii=False))
