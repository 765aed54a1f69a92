"""Live view of the night, on a terminal or as plain lines."""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from gateway.acquisition.loss_counts import LossCounts
from gateway.epoch_length import EPOCH_S
from gateway.errors import MissingExtraError
from gateway.messages.control import Control
from gateway.messages.device_state import DeviceState
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability, NightEpochs, Reading
from gateway.reports.hypnogram_text import draw_text
from gateway.reports.palette import TERMINAL
from gateway.reports.summary_text import REFUSAL_TEXT, summary_lines
from gateway.sinks import Sink
from gateway.staging.hypnogram import LEVELS, Hypnogram
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

FRAME_S = 0.1
EPOCHS_PER_LINE = 20
PLAIN_WIDTH = 80
LIVE_SPEED = 1.5  # a night that runs no faster than this is a real one
# of the lines of `draw_text`
COLOURS = (*(TERMINAL[stage] for stage in LEVELS), TERMINAL[Refusal], "default")


@dataclass(frozen=True, slots=True)
class TerminalOptions:
    """Section ``outputs.terminal``.

    Attributes
    ----------
    title : str
        Title of the view, e.g. ``"SYNTHETIC night, seed 7"``.
    topic : str
        MQTT topic or command that follows the same night, shown as it is.
    n_epochs : int or None
        Length of a replayed night, after which its headband may leave.
    """

    title: str = "sleepgate"
    topic: str = ""
    n_epochs: int | None = None


class NightView:
    """One headband's night as it is shown: its state, hypnogram and pace.

    Parameters
    ----------
    device : str
    n_epochs : int, optional
        Length of a replayed night.

    Attributes
    ----------
    state : DeviceState
    """

    def __init__(self, device: str, n_epochs: int | None = None) -> None:
        self.state = DeviceState(device=device)
        self._n_epochs = n_epochs
        self._hypnogram = Hypnogram()
        self._first: tuple[int, float] | None = None
        self._t = 0.0

    def add(self, reading: Reading, t: float) -> None:
        """Add a reading that arrived at monotonic time `t`, seconds."""
        self.state = self.state.add(reading)
        match reading.value:
            case NightEpochs(epochs, final=False):
                for scored in epochs:
                    self._hypnogram.add(scored)
            case ScoredEpoch() as scored:
                self._hypnogram.add(scored)
                self._first = self._first or (scored.index, t)
                self._t = t

    @property
    def headline(self) -> str:
        """The link and the last stage."""
        return f"{self.state.device}  {self._link}   {self._stage}"

    @property
    def counts(self) -> str:
        """Epochs, seconds lost and speed."""
        n_scored = self._hypnogram.n_scored
        n_refused = len(self._hypnogram) - n_scored
        return (
            f"{n_scored} epochs scored   {n_refused} not scored   "
            f"{self.state.losses.lost_s:.1f} s lost   {self._speed}"
        )

    def drawing(self, width: int) -> list[str]:
        """Draw the hypnogram so far, at most `width` characters wide."""
        return draw_text(self._hypnogram.stages, width)

    @property
    def _link(self) -> str:
        link = self.state.availability
        if link is None:
            return "waiting for the headband"
        if link.online:
            return "streaming"
        if self._n_epochs is not None and len(self._hypnogram) >= self._n_epochs:
            return "the night is over"
        return f"link lost: {link.reason}"

    @property
    def _stage(self) -> str:
        epoch = self.state.epoch
        if epoch is None:
            return "no epoch yet"
        local = epoch.start_utc.astimezone().strftime("%H:%M")
        if isinstance(epoch.stage, Refusal):
            return f"{local}  not scored: {REFUSAL_TEXT[epoch.stage]}"
        return f"{local}  {epoch.stage.value}  {epoch.confidence:.0%} sure"

    @property
    def _speed(self) -> str:
        if self._first is None or self._first[0] == len(self._hypnogram) - 1:
            return ""
        index, t = self._first
        recorded_s = (len(self._hypnogram) - 1 - index) * EPOCH_S
        speed = recorded_s / max(self._t - t, 1e-3)
        return "live" if speed < LIVE_SPEED else f"{speed:.0f} x real time"


async def run(
    options: TerminalOptions, feed: Feed[Reading], _control: Control | None = None
) -> None:
    """Show the outputs of `feed` until it ends.

    Raises
    ------
    MissingExtraError
        On a terminal without the extra [view].
    """
    if not _can_draw(sys.stdout):
        await _print_lines(options, feed, sys.stdout)
        return
    try:
        from rich.console import Console  # noqa: PLC0415 -- an extra
    except ModuleNotFoundError as error:
        raise MissingExtraError("view", "the live view in a terminal") from error
    await _watch(options, feed, Console(file=sys.stdout, highlight=False))


def _can_draw(out: TextIO) -> bool:
    smart = os.environ.get("TERM", "dumb") != "dumb"
    return out.isatty() and smart and _takes_blocks(out)


def _takes_blocks(out: TextIO) -> bool:
    return (out.encoding or "").lower().startswith("utf")


async def _watch(
    options: TerminalOptions, feed: Feed[Reading], console: "Console"
) -> None:
    from rich.live import Live  # noqa: PLC0415 -- an extra

    nights: dict[str, NightView] = {}
    changed = asyncio.Event()
    in_view = sys.stderr.isatty()  # log lines scroll above the view, or stay in a file
    with Live(console=console, auto_refresh=False, redirect_stderr=in_view) as live:

        def show() -> None:
            live.update(_panel(options, nights, console.width), refresh=True)

        async def show_changes() -> None:
            while True:
                await changed.wait()
                changed.clear()
                show()
                await asyncio.sleep(FRAME_S)

        async with asyncio.TaskGroup() as tasks:
            frames = tasks.create_task(show_changes())
            changed.set()
            async for reading in feed:
                night = _view_of(reading.device, nights, options)
                night.add(reading, time.monotonic())
                changed.set()
            frames.cancel()
        show()


def _view_of(
    device: str, nights: dict[str, NightView], options: TerminalOptions
) -> NightView:
    if device not in nights:
        nights[device] = NightView(device, options.n_epochs)
    return nights[device]


def _panel(
    options: TerminalOptions, nights: dict[str, NightView], width: int
) -> "RenderableType":
    from rich.console import Group  # noqa: PLC0415 -- an extra
    from rich.panel import Panel  # noqa: PLC0415 -- an extra
    from rich.text import Text  # noqa: PLC0415 -- an extra

    lines: list[Text] = []
    for night in nights.values():
        link = night.state.availability
        lit = link is not None and link.online
        lines += [
            Text.assemble(("● ", "green" if lit else "red"), (night.headline, "bold")),
            Text(night.counts),
            Text(""),
            *map(Text, night.drawing(width - 4), COLOURS),
        ]
        if night.state.summary is not None:
            lines += [Text(""), *map(Text, summary_lines(night.state.summary))]
    if not nights:
        lines.append(Text("waiting for a headband"))
    if options.topic:
        lines += [Text(""), Text(options.topic, "dim")]
    for line in lines:
        line.truncate(width - 4, overflow="ellipsis")
    return Panel(Group(*lines), title=Text(options.title), width=width)


async def _print_lines(
    options: TerminalOptions, feed: Feed[Reading], out: TextIO
) -> None:
    nights: dict[str, NightView] = {}
    for line in filter(None, (options.title, options.topic)):
        print(line, file=out, flush=True)
    async for reading in feed:
        night = _view_of(reading.device, nights, options)
        night.add(reading, time.monotonic())
        for line in _new_lines(night, reading.value, blocks=_takes_blocks(out)):
            print(line, file=out, flush=True)


def _new_lines(night: NightView, value: object, *, blocks: bool) -> Iterator[str]:
    match value:
        case Availability():
            yield night.headline
        case ScoredEpoch(index) if (index + 1) % EPOCHS_PER_LINE == 0:
            yield f"{night.headline}   {night.counts}"
        case NightSummary():
            yield f"{night.state.device}  {night.counts}"
            yield from night.drawing(PLAIN_WIDTH) if blocks else ()
            yield from summary_lines(value)


SINK = Sink(
    name="terminal",
    options=TerminalOptions,
    wants=(NightEpochs, ScoredEpoch, Availability, LossCounts, NightSummary),
    run=run,
)
