"""Options of the terminal; nothing there fails in a way that a restart mends."""

from contextlib import asynccontextmanager

from gateway.sinks.terminal import TerminalOptions

fault = None


@asynccontextmanager
async def working(_folder):
    yield TerminalOptions()
