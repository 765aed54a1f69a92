"""What may be asked of the daemon: restart, begin or end a session, mark a moment."""

import asyncio
from typing import NamedTuple


class Restart(NamedTuple):
    """Stop in order; whoever supervises the daemon starts it again."""


class BeginSession(NamedTuple):
    """Begin a night of `device`, if none runs."""

    device: str


class EndSession(NamedTuple):
    """End the night of `device`, and score no more until another begins."""

    device: str


class Mark(NamedTuple):
    """Note in the night of `device` that something happens now; `text` says what."""

    device: str
    text: str


class Lights(NamedTuple):
    """Note in the night of `device` that the lights go off now, or on."""

    device: str
    off: bool


Command = Restart | BeginSession | EndSession | Mark | Lights


class Control:
    """The way from an output back to the daemon."""

    def __init__(self) -> None:
        self._commands: asyncio.Queue[Command] = asyncio.Queue()

    def ask(self, command: Command) -> None:
        """Have `command` carried out, after those before it."""
        self._commands.put_nowait(command)

    async def next(self) -> Command:
        """Wait for a command."""
        return await self._commands.get()
