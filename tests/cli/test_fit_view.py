"""A headband being put on, drawn and plain."""

import io
import re

import pytest

from gateway.cli import fit_view
from gateway.cli.fit_view import view
from gateway.pairing.fit_session import FitReading
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import (
    ElectrodeFit,
    HeadbandFit,
    ModelInput,
    StreamRate,
)

GOOD, OFF = (
    Contact(ContactState.GOOD, 12.0, 0.0, 0.0),
    Contact(ContactState.OFF, 572.0, 0.9, 0.4),
)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


def sitting(contact):
    fit = HeadbandFit(
        (ElectrodeFit("TP9", contact),),
        (ModelInput("EEG Fpz-Cz", "AF7-TP9", contact),),
        (StreamRate(256.0, 256.26),),
        0.0,
    )
    return FitReading(fit, 83)


class Terminal(io.TextIOWrapper):
    """Says whether it is a terminal, and keeps what it was told."""

    def __init__(self, *, is_a_terminal):
        super().__init__(io.BytesIO(), "utf-8", write_through=True)
        self._is_a_terminal = is_a_terminal

    def isatty(self):
        return self._is_a_terminal

    @property
    def text(self):
        return self.buffer.getvalue().decode()


@pytest.fixture(autouse=True)
def _capable_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(out):
    with view("bedroom", out) as show:
        show(sitting(OFF))
        show(sitting(GOOD))
    return out.text


def test_a_terminal_gets_bars_whose_colour_is_the_contact():
    pytest.importorskip("rich")
    text = shown(Terminal(is_a_terminal=True))
    assert re.search(r"\x1b\[31m[^\x1b]*TP9[^\x1b]*off", text)
    assert re.search(r"\x1b\[32m[^\x1b]*TP9[^\x1b]*good", text)
    assert "battery 83 %" in text


def test_no_color_is_honoured(monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[3[0-7]m", shown(Terminal(is_a_terminal=True)))


@pytest.mark.parametrize("lacks", ["a terminal", "rich", "a clever terminal"])
def test_whatever_lacks_the_lines_are_plain(monkeypatch, lacks):
    if lacks == "rich":
        monkeypatch.setattr(fit_view, "find_spec", lambda _: None)
    if lacks == "a clever terminal":
        monkeypatch.setenv("TERM", "dumb")
    text = shown(Terminal(is_a_terminal=lacks != "a terminal"))
    assert not CONTROL.search(text)
    title, off, good = text.splitlines()
    assert title == "bedroom"
    assert off.startswith("TP9 off 572 uV (90% mains) (40% railed)   EEG Fpz-Cz off")
    assert good.startswith("TP9 good 12 uV")
