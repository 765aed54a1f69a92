"""The verbs of the command line, one module each, imported when asked for."""

from importlib import import_module
from pkgutil import iter_modules

import click

from gateway import __version__


class Verbs(click.Group):
    """Finds each verb in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every verb."""
        del ctx
        return sorted(m.name.replace("_", "-") for m in iter_modules(__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.command(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sleepgate")
def cli() -> None:
    """Turn a BLE headband into sleep stages on MQTT."""
