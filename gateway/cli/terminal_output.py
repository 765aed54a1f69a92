"""Lines for a person, in colour where the terminal has any."""

import os
from collections.abc import Sequence
from typing import TextIO

import click

from gateway.reports.status_text import LineTone, StatusTextLine

COLOURS = {LineTone.GOOD: "green", LineTone.WARNING: "yellow", LineTone.BAD: "red"}


def may_colour(out: TextIO) -> bool:
    """Tell whether `out` is a terminal that has colours and nobody minds them.

    See no-color.org.
    """
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") == "dumb"
    return out.isatty() and not plain


def say(lines: Sequence[StatusTextLine], out: TextIO) -> None:
    """Print `lines`."""
    colour = may_colour(out)
    for line in lines:
        text = click.style(line.text, COLOURS.get(line.tone)) if colour else line.text
        click.echo(text, file=out, color=colour)


def can_draw(out: TextIO) -> bool:
    """Tell whether `out` is a terminal that moves and has block characters."""
    smart = os.environ.get("TERM", "dumb") != "dumb"
    return out.isatty() and smart and (out.encoding or "").lower().startswith("utf")
