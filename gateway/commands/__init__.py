"""The verbs of the command line, one module each, imported when asked for."""

from difflib import get_close_matches
from importlib import import_module
from pkgutil import iter_modules

import click

from gateway import __version__


class CommandGroup(click.Group):
    """Finds each verb in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name every verb."""
        del ctx
        return sorted(m.name.replace("_", "-") for m in iter_modules(__path__))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which was meant."""
        verbs = self.list_commands(ctx)
        near = get_close_matches(args[0], verbs)
        if args[0] not in verbs and near and not ctx.resilient_parsing:
            ctx.fail(f"No such command {args[0]!r}; did you mean {' or '.join(near)}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command


@click.command(
    cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="sleepgate")
def cli() -> None:
    """Turn a BLE headband into sleep stages on MQTT."""
