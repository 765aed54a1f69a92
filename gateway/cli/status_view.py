"""Live view of the daemon's status on a terminal."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec

import click

from gateway.cli.terminal_output import COLOURS, can_draw, say
from gateway.reports.status_text import StatusTextLine

Show = Callable[[Sequence[StatusTextLine]], None]


def watch(
    look: Callable[[], Sequence[StatusTextLine]], pause_s: float, *, redraw: bool = True
) -> None:
    """Show what `look` returns, again and again until Ctrl-C.

    In place with the extra [view] or on a terminal that can be cleared, if it is to
    be drawn anew; else one after the other.
    """
    with suppress(KeyboardInterrupt), _screen(redraw=redraw) as show:
        while True:
            show(look())
            time.sleep(pause_s)


@contextmanager
def _screen(*, redraw: bool) -> Iterator[Show]:
    out = sys.stdout
    if not (redraw and can_draw(out)):

        def add(lines: Sequence[StatusTextLine]) -> None:
            say(lines, out)
            out.flush()

        yield add
    elif find_spec("rich") is None:

        def draw(lines: Sequence[StatusTextLine]) -> None:
            click.clear()
            say(lines, out)

        yield draw
    else:
        with _live() as show:
            yield show


@contextmanager
def _live() -> Iterator[Show]:
    from rich.console import Console  # noqa: PLC0415 -- an extra
    from rich.live import Live  # noqa: PLC0415 -- an extra
    from rich.text import Text  # noqa: PLC0415 -- an extra

    console = Console(highlight=False)
    with Live(console=console, auto_refresh=False) as live:

        def show(lines: Sequence[StatusTextLine]) -> None:
            text = Text()
            for line in lines:
                text.append(line.text + "\n", COLOURS.get(line.tone, ""))
            live.update(text, refresh=True)

        yield show
