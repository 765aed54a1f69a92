"""Lines for a person: in colour where that is wanted, again and again if asked for."""

import io
import sys
from importlib.util import find_spec

import pytest

from gateway.cli import status_view
from gateway.cli.status_view import watch
from gateway.cli.terminal_output import say
from gateway.reports.status_text import LineTone, StatusTextLine

LINES = [StatusTextLine("connected", LineTone.GOOD), StatusTextLine("lost 3 s")]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def looks(n):
    """Return what can be looked at `n` times before Ctrl-C."""
    left = iter(range(n))

    def look():
        for number in left:
            return [StatusTextLine(f"look {number}", LineTone.GOOD)]
        raise KeyboardInterrupt

    return look


@pytest.mark.parametrize(
    ("out", "term", "no_color", "coloured"),
    [
        (Terminal, "xterm", None, True),
        (Terminal, "xterm", "1", False),
        (Terminal, "dumb", None, False),
        (io.StringIO, "xterm", None, False),
    ],
)
def test_colour_is_for_terminals_and_those_who_do_not_mind(
    monkeypatch, out, term, no_color, coloured
):
    monkeypatch.setenv("TERM", term)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", no_color)
    shown = out()
    say(LINES, shown)
    assert ("\x1b[" in shown.getvalue()) is coloured
    assert "connected" in shown.getvalue()


def test_what_is_watched_goes_on_until_ctrl_c(capsys):
    watch(looks(3), 0.0)
    assert capsys.readouterr().out.splitlines() == ["look 0", "look 1", "look 2"]


@pytest.mark.parametrize("rich", [True, False])
def test_on_a_terminal_it_is_drawn_in_place(monkeypatch, rich):
    if rich and find_spec("rich") is None:
        pytest.skip("the extra [view] is not installed")
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(status_view, "find_spec", lambda name: rich or None)
    watch(looks(3), 0.0)
    assert "look 2" in shown.getvalue()
    assert "\x1b[" in shown.getvalue()


def test_json_is_never_drawn_over(monkeypatch):
    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("TERM", "dumb")
    watch(looks(2), 0.0, redraw=False)
    assert shown.getvalue().splitlines() == ["look 0", "look 1"]
