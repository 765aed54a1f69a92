"""The view of the night, drawn and plain."""

import asyncio
import io
import re
import sys

import pytest
from rich.console import Console

from gateway.acquisition.loss_counts import LossCounts
from gateway.errors import MissingExtraError
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability
from gateway.sinks import load, terminal
from gateway.sinks.terminal import TerminalOptions, run
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

LISTEN = "mosquitto_sub -v -t 'sleepgate/#'"
TITLED = TerminalOptions(title="SYNTHETIC night, seed 7", topic=LISTEN)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal(io.TextIOWrapper):
    """Says it is a terminal, and keeps what it was told."""

    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding, write_through=True)

    def isatty(self):
        return True

    @property
    def text(self):
        return self.buffer.getvalue().decode(self.encoding)


@pytest.fixture
def night(reading, scored):
    """A feed that has a lost link, a refused epoch and a summary in it."""
    stages = [Stage.W] * 10 + [Stage.N2] * 30 + [Refusal.GAP] + [Stage.R] * 20
    feed = Feed(4096)
    feed.put(reading(Availability(online=True, reason="samples arrive")))
    for index, stage in enumerate(stages):
        feed.put(scored(index, stage))
    feed.put(reading(LossCounts(lost_s=31.25)))
    feed.put(reading(Availability(online=False, reason="out of reach")))
    feed.put(reading(summarise(stages)))
    feed.close()
    return feed


def test_the_sink_is_found_by_name():
    assert load("terminal").run is run


@pytest.fixture(autouse=True)
def _capable_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")  # whatever the tests run in


async def test_away_from_a_terminal_it_says_plain_lines(night, capsys):
    await run(TITLED, night)
    out = capsys.readouterr().out
    assert not CONTROL.search(out)
    lines = out.splitlines()
    assert lines[:2] == ["SYNTHETIC night, seed 7", LISTEN]
    assert lines[2].startswith("bedroom  streaming")
    assert [line for line in lines if "out of reach" in line]
    assert sum("epochs scored" in line for line in lines) == 61 // 20 + 1
    assert lines[-1] == "not scored 0.5 min"


async def test_on_a_terminal_the_last_frame_shows_the_whole_night(night, monkeypatch):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("COLUMNS", "80")
    await run(TITLED, night)
    frame = ANSI.sub("", out.text.rpartition("SYNTHETIC")[2])
    assert "link lost: out of reach" in frame
    assert "60 epochs scored   1 not scored   31.2 s lost" in frame
    assert "W  " + "█" * 10 in frame
    assert "--" in frame
    assert "asleep 25 min" in frame
    assert LISTEN in frame


async def test_the_view_grows_with_the_night(scored):
    feed, console = Feed(99), Console(file=Terminal(), width=80, force_terminal=True)
    view = asyncio.create_task(terminal._watch(TITLED, feed, console))  # noqa: SLF001 -- with a console of our own
    seen = []
    for index in range(5):
        feed.put(scored(index, Stage.N3))
        await asyncio.sleep(1)
        last = ANSI.sub("", console.file.text.rpartition("SYNTHETIC")[2])
        seen.append(last.count("█"))
    feed.close()
    await view
    assert seen == [1, 2, 3, 4, 5]


async def test_a_whole_night_at_once_is_drawn_a_few_times_only(reading, scored):
    feed, console = Feed(4096), Console(file=Terminal(), width=80, force_terminal=True)
    for index in range(960):
        feed.put(scored(index))
    feed.close()
    await terminal._watch(TITLED, feed, console)  # noqa: SLF001 -- with a console of our own
    assert console.file.text.count("SYNTHETIC") <= 4


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
async def test_no_color_is_honoured(night, monkeypatch, no_color, coloured):
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("NO_COLOR", no_color)
    await run(TITLED, night)
    assert bool(re.search(r"\x1b\[(\d+;)*(3[0-7]|9[0-7])m", out.text)) is coloured


@pytest.mark.parametrize(
    ("term", "encoding"), [("dumb", "utf-8"), ("xterm", "latin-1")]
)
async def test_a_terminal_that_cannot_draw_gets_plain_lines(
    night, monkeypatch, term, encoding
):
    out = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", term)
    await run(TITLED, night)
    assert not CONTROL.search(out.text)
    assert "out of reach" in out.text
    assert ("█" in out.text) == (encoding == "utf-8")


async def test_two_headbands_have_a_night_each(reading, scored):
    feed, console = Feed(99), Console(file=Terminal(), width=80, force_terminal=True)
    for device, stage in (("east", Stage.W), ("west", Stage.N3)):
        feed.put(scored(0, stage, device=device))
    feed.close()
    await terminal._watch(TerminalOptions(), feed, console)  # noqa: SLF001 -- with a console of our own
    frame = ANSI.sub("", console.file.text.rpartition("sleepgate")[2])
    assert frame.count("1 epochs scored") == 2
    assert frame.index("east") < frame.index("west")


async def test_without_rich_the_remedy_is_named(night, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setitem(sys.modules, "rich.console", None)
    with pytest.raises(MissingExtraError, match=r"\.\[view\]"):
        await run(TITLED, night)
