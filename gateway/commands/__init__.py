"""Commands of ``sleepgate``, one module each, imported when asked for."""

from importlib import import_module

import click

from gateway import __version__
from gateway.cli.options import HelpGroup

# the first line of each command's help, so that `sleepgate --help` imports none of them
SUMMARIES = {
    "compare": "Compare a scoring with a reference: two files, or two folders.",
    "completion": "Print a script that lets your shell complete commands.",
    "config": "Write, check and show the configuration.",
    "demo": "Score a night and show it on the screen; no headband is needed.",
    "devices": "List the configured headbands; with --scan, those in reach.",
    "doctor": "Check everything that a night depends on; changes nothing.",
    "driver": "List the kinds of headband that can be configured.",
    "find": "Search for headbands in reach: address, name, signal, kind.",
    "fit": "Show live how well each electrode touches the skin.",
    "forget": "Delete the messages of a headband that the MQTT broker retains.",
    "ha": "Show or remove the entities announced to Home Assistant.",
    "journal": "List, resend or shrink the journal of scored epochs.",
    "mark": "Mark a moment of the night: an event, lights off, lights on.",
    "model": "Show, check or choose the model that scores.",
    "pair": "Connect to a headband, test it, and add it to the configuration.",
    "record": "List, show, repair, copy or delete recordings.",
    "report": "Write a report of a night as a page, a picture or tables.",
    "run": "Run the daemon until it is stopped (SIGTERM or Ctrl-C).",
    "score": "Score recordings (EDF, EDF+, BDF, npz): sleep stages as JSON.",
    "service": "Install or remove the systemd service without a Debian package.",
    "sim": "Play a recording or a synthetic night as a Bluetooth headband.",
    "start": "Begin a session of a headband by hand.",
    "status": "Show the state of the daemon, its headbands and its outputs.",
    "stop": "End a headband's session and publish its summary.",
    "unpair": "Remove a headband from the configuration, and its bond.",
    "version": "Print the versions of Sleepgate, its libraries and its model.",
}


class CommandGroup(HelpGroup):
    """Commands, each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the name of every command."""
        del ctx
        return sorted(SUMMARIES)

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return the line from the table."""
        del ctx
        return SUMMARIES[name]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or propose what may have been meant."""
        if args[0] not in SUMMARIES and not ctx.resilient_parsing:
            from difflib import get_close_matches  # noqa: PLC0415 -- after a typo only

            if near := get_close_matches(args[0], SUMMARIES):
                meant = " or ".join(near)
                ctx.fail(f"No such command {args[0]!r}; did you mean {meant}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command."""
        del ctx
        if cmd_name not in SUMMARIES:
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
