"""Options that several verbs of the command line share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from gateway.control_socket.socket_path import known_socket
from gateway.paths import DEFAULT_CONFIG, default_config

C = TypeVar("C", bound=Callable[..., object])
D = TypeVar("D", bound=click.Command)


def _mapping(
    ctx: click.Context, param: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str] | None:
    """Read ``OURS=THEIRS`` pairs; None when none was given."""
    mapping: dict[str, str] = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not (ours and equals and theirs):
            _refuse(ctx, param, f"{pair!r} is not OURS=THEIRS")
        if ours in mapping:
            _refuse(ctx, param, f"{ours!r} is given twice")
        mapping[ours] = theirs
    return mapping or None


class NamedChoice(click.Choice):  # type: ignore[type-arg] # generic from click 8.2 on
    """One of `names`; `missing` says of any other why it is none."""

    def __init__(self, names: list[str], missing: Callable[[str], str]) -> None:
        super().__init__(names)
        self._missing = missing

    def convert(
        self,
        value: Any,  # noqa: ANN401 (as click has it)
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:  # noqa: ANN401 (as click has it)
        """Return `value` if it is among the names."""
        if value not in self.choices:
            self.fail(self._missing(str(value)), param, ctx)
        return super().convert(value, param, ctx)


def _refuse(ctx: click.Context, param: click.Parameter, message: str) -> NoReturn:
    raise click.BadParameter(message, ctx=ctx, param=param)


class HelpGroup(click.Group):
    """Group whose help shows the whole first line of each command, wrapped if need be.

    click itself cuts it off with "..." at the width of the terminal.
    """

    def summary(self, ctx: click.Context, name: str) -> str:
        """Return the first line of the help of command `name`."""
        command = self.get_command(ctx, name)
        paragraph = ((command and command.help) or "").partition("\n\n")[0]
        return " ".join(paragraph.split())

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the table of the commands."""
        rows = [(name, self.summary(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


CHANNEL = click.option(
    "--channel",
    "channels",
    multiple=True,
    metavar="OURS=THEIRS",
    callback=_mapping,
    help="Use the file's channel THEIRS as OURS, e.g. 'EEG Fpz-Cz=FP-C'; repeat for "
    "each channel. Default: every channel whose label begins EEG, EOG or EMG.",
)
UNIT = click.option(
    "--unit",
    type=click.Choice(["nV", "uV", "mV", "V"]),
    help="Unit of the channels where the file names none.",
)
MODEL = click.option(
    "--model",
    default="default",
    show_default=True,
    help="The packaged model, or the path of a .tflite package.",
)
MAINS = click.option(
    "--mains-hz",
    type=click.Choice(["50", "60"]),
    callback=lambda _ctx, _param, text: text and int(text),
    help="Frequency of the mains where the recording was made; default: what a "
    "recording of ours says, else 50.",
)
SEED = click.option(
    "--seed", default=1, show_default=True, help="Random seed of the synthetic night."
)
HOURS = click.option(
    "--hours",
    type=click.FloatRange(1 / 120, 24),
    default=8.0,
    show_default=True,
    help="Length of the synthetic night in hours.",
)
CONFIG = click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=default_config,
    show_default=DEFAULT_CONFIG,
    help="Configuration file.",
)
SOCKET = click.option(
    "--socket",
    type=click.Path(path_type=Path),
    default=known_socket,
    show_default="the daemon's of this user, or else of the service",
    help="Control socket of the daemon.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def examples(*lines: str) -> Callable[[D], D]:
    """Show `lines` at the end of a command's help."""

    def shown(command: D) -> D:
        command.epilog = "\n".join(("\b", "Examples:", *(f"  {x}" for x in lines)))
        return command

    return shown


def radio(command: C) -> C:
    """Add the options that choose a radio where no configuration does."""
    backend = click.option(
        "--backend",
        type=click.Choice(["bluez", "simulated"]),
        help="Radio; default: as configured, else this machine's Bluetooth (bluez).",
    )
    transport = click.option(
        "--transport", help="HCI transport of a simulated radio, e.g. unix:/tmp/hci1."
    )
    adapter = click.option("--adapter", help="Bluetooth adapter, e.g. hci1.")
    return backend(transport(adapter(command)))
