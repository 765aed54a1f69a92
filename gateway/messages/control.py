"""Commands to the daemon: restart, begin or end a session, mark a moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gateway.fault_barrier import Edge, FaultBarrier
from gateway.staging.events import EventKind


class Reload(NamedTuple):
    """Read the configuration again, and apply what can be applied."""


class Restart(NamedTuple):
    """Stop in order; whoever supervises the daemon starts it again."""


class BeginSession(NamedTuple):
    """Begin a night of `device`, if none runs."""

    device: str


class EndSession(NamedTuple):
    """End the night of `device`, and score no more until another begins."""

    device: str


class Mark(NamedTuple):
    """Note in the night of `device` that something happens now; `text` says more."""

    device: str
    text: str
    what: EventKind = EventKind.MARKER


class MarkLights(NamedTuple):
    """Note in the night of `device` that the lights go off now, or on."""

    device: str
    off: bool


Command = Reload | Restart | BeginSession | EndSession | Mark | MarkLights


def words_of(command: Command) -> str:
    """Return the log line of a command."""
    match command:
        case Reload():
            return "request received: read the configuration again"
        case Restart():
            return "request received: restart"
        case BeginSession(device):
            return f"{device}: request received: begin a session"
        case EndSession(device):
            return f"{device}: request received: end the session"
        case Mark(device, text):
            return f"{device}: marker received: {text!r}"
        case MarkLights(device, off):
            return f"{device}: lights-{'off' if off else 'on'} marker received"


@dataclass(frozen=True, slots=True)
class OutputHealth:
    """Health of an output.

    Attributes
    ----------
    well : bool
        Whether it does what it is there for.
    words : str
        For people, e.g. ``"connected to localhost:1883, MQTT 5"``.
    facts : mapping
        For programs: what JSON can hold.
    """

    well: bool
    words: str
    facts: Mapping[str, object] = field(default_factory=dict)


PATIENCE_S = 2.0  # a failing disk may hold up the answer for ever
SILENT = OutputHealth(well=False, words="does not say how it does")
RUNS = OutputHealth(well=True, words="running")
Tell = Callable[[], Awaitable[OutputHealth]]
Reread = Callable[[], Awaitable[Sequence[Any] | None]]


async def _nothing_to_read() -> None:
    """Leave the outputs: there is no file."""


class Control:
    """The way from an output back to the daemon.

    Attributes
    ----------
    faults : FaultBarrier
        Counts unexpected errors at the daemon's edges.
    restart_required : tuple of str
        Sections of the configuration that were changed and wait for a restart.
    config_problems : tuple of str
        What is wrong with the configuration as it stands now; what was read before is
        in use then.
    reread : callable
        Reads the configuration again and returns its outputs; None to leave them.
    """

    def __init__(self) -> None:
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._standings: dict[str, OutputHealth] = {}
        self._tell: dict[str, Tell] = {}
        self.faults = FaultBarrier()
        self.restart_required: tuple[str, ...] = ()
        self.config_problems: tuple[str, ...] = ()
        self.reread: Reread = _nothing_to_read

    def ask(self, command: Command) -> None:
        """Have `command` carried out, after those before it."""
        self._commands.put_nowait(command)

    async def next(self) -> Command:
        """Wait for a command."""
        return await self._commands.get()

    def note(self, output: str, standing: OutputHealth | None) -> None:
        """Note how `output` does, where it cannot tell itself; None when it is off."""
        if standing is None:
            self._standings.pop(output, None)
        else:
            self._standings[output] = standing

    @contextmanager
    def telling(self, output: str, tell: Tell) -> Iterator[None]:
        """Have `tell` asked how `output` does, for as long as this lasts."""
        self._tell[output] = tell
        try:
            yield
        finally:
            if self._tell.get(output) is tell:
                del self._tell[output]

    async def standings(self) -> dict[str, OutputHealth]:
        """Ask every output how it does."""
        told = dict(self._standings)
        for output, tell in list(self._tell.items()):
            told[output] = SILENT
            with (
                suppress(TimeoutError),
                self.faults.at(Edge.OUTPUT, output, TimeoutError),
            ):
                async with asyncio.timeout(PATIENCE_S):
                    told[output] = await tell()
        return told
