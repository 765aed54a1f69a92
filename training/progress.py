"""Progress of a long step, and when it will be over."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

WIDTH = 24
EVERY_S = 30.0  # between lines where the output is no terminal
MINUTE_S, HOUR_S = 60, 3600


class Progress:
    """A bar on a terminal, a line now and then in a file.

    Parameters
    ----------
    what : str
        Shown before the bar.
    out : text stream or None
        Default: standard error.
    clock : callable
        Returns seconds, monotonic.
    """

    def __init__(
        self,
        what: str,
        out: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._out, self._clock = what, out or sys.stderr, clock
        self._terminal = self._out.isatty()
        self._began = clock()
        self._first: float | None = None
        self._next = 0.0

    def show(self, done: float, note: str = "") -> None:
        """Show that the fraction `done` of all the work is done.

        The first call says what was done before: it does not count for the speed.
        """
        now = self._clock()
        if self._first is None:
            self._first, self._began = done, now
        over = done >= 1
        if now < self._next and not over:
            return
        self._next = now + (0.2 if self._terminal else EVERY_S)
        line = f"{self._what} {self._bar(done)} {100 * done:3.0f} %"
        if left := self._left(done, now):
            line += f", {left} left"
        if note:
            line += f", {note}"
        if self._terminal:
            self._out.write(f"\r\x1b[K{line}" + ("\n" if over else ""))
        else:
            self._out.write(line + "\n")
        self._out.flush()

    def _bar(self, done: float) -> str:
        full = int(min(done, 1) * WIDTH)
        return f"[{'#' * full}{'.' * (WIDTH - full)}]"

    def _left(self, done: float, now: float) -> str:
        gained = done - (self._first or 0.0)
        if gained <= 0 or done >= 1:
            return ""
        return duration((now - self._began) * (1 - done) / gained)


def duration(seconds: float) -> str:
    """Return ``"2 h 05 min"``, ``"12 min"`` or ``"40 s"``."""
    if seconds >= HOUR_S:
        hours, rest = divmod(round(seconds / MINUTE_S), 60)
        return f"{hours} h {rest:02d} min"
    if seconds >= MINUTE_S:
        return f"{round(seconds / MINUTE_S)} min"
    return f"{round(seconds)} s"
