"""Live view of a headband's fit, drawn on a terminal or as plain lines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TextIO

import click

from gateway.cli.terminal_output import can_draw
from gateway.pairing.fit_session import FitReading
from gateway.preprocessing.contact_state import ContactState
from gateway.reports.fit_text import FitLine, fit_line, fit_lines, stream_line

Show = Callable[[FitReading], None]

COLOURS = {
    ContactState.GOOD: "green",
    ContactState.FAIR: "yellow",
    ContactState.OFF: "red",
}


@contextmanager
def view(title: str, out: TextIO) -> Iterator[Show]:
    """Return a function that shows one `FitReading` after the other.

    Bars that move where `out` is a terminal that can draw and the extra [view] is
    installed; else lines, one a second.
    """
    if can_draw(out) and find_spec("rich"):
        with _bars(title, out) as show:
            yield show
    else:
        click.echo(title, file=out)
        yield lambda reading: click.echo(_plain(reading), file=out)


def _plain(reading: FitReading) -> str:
    return f"{fit_line(reading.fit)}   {stream_line(*reading)}"


@contextmanager
def _bars(title: str, out: TextIO) -> Iterator[Show]:
    from rich.console import Console, Group  # noqa: PLC0415 -- an extra
    from rich.live import Live  # noqa: PLC0415 -- an extra
    from rich.panel import Panel  # noqa: PLC0415 -- an extra
    from rich.text import Text  # noqa: PLC0415 -- an extra

    console = Console(file=out, highlight=False)

    def panel(lines: list[FitLine]) -> Panel:
        texts = [
            Text(line.text, COLOURS[line.state] if line.state else "") for line in lines
        ]
        for text in texts:
            text.truncate(console.width - 4, overflow="ellipsis")
        return Panel(Group(*texts), title=Text(title), width=min(console.width, 100))

    waiting = panel([FitLine("waiting for its first second ...")])
    with Live(waiting, console=console, auto_refresh=False) as live:
        yield lambda reading: live.update(panel(fit_lines(*reading)), refresh=True)
