"""A night of asyncio in seconds, for tests and for measuring recoveries."""

import asyncio
from typing import Any


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing is ready.

    For work within one process: whoever answers over a socket or from a thread takes
    real time, of which this loop knows nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined] # of asyncio itself
        select = selector.select

        def leap(timeout: float | None) -> object:
            if timeout is None:
                return select(None)
            events = select(0)
            if not events:
                self._now_s += timeout
            return events

        selector.select = leap

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._now_s
