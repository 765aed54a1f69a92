"""Lines that somebody types while something runs."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TextIO


async def typed(source: TextIO) -> AsyncIterator[str]:
    """Yield each line of `source` that is not empty, until its end.

    A thread reads, because not all files can be waited for; it does not keep the
    process alive. In the background of a terminal there is nothing to read, and
    trying is no reason to be stopped by the terminal.
    """
    if hasattr(signal, "SIGTTIN"):
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            with suppress(OSError):  # the terminal belongs to another process
                for line in source:
                    loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)

    threading.Thread(target=read, daemon=True, name="console").start()
    while (line := await lines.get()) is not None:
        if line.strip():
            yield line.strip()
