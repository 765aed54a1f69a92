"""Logging of the daemon: to the journal of systemd, or to stderr.

Whatever an outsider wrote reaches the log inert, cut and rate-limited: here, once for
every line, so that no call can forget it.
"""

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from gateway.daemon.systemd_journal import PRIORITY, JournalHandler, choose
from gateway.printable import printable, shortened

LIBRARIES = ("bleak", "bumble", "dbus_fast")
LONGEST_MESSAGE = 1000  # characters; a night's own are a tenth of it
BURST, WINDOW_S = 20, 60.0  # of one kind of message
MOST_KINDS = 1024  # that are counted
LIMITED = "%s [more like this within %.0f s are left out]"


class CurrentStderr:
    """Stream to what ``sys.stderr`` is now: a live view on the terminal replaces it."""

    def write(self, text: str) -> None:
        """Write a text."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush what was written."""
        sys.stderr.flush()


class InertFormatter(logging.Formatter):
    r"""Format a record so that no character in it is obeyed: one line, and a traceback.

    Line ends within the message are shown as ``\n``: nobody forges a second line.
    Only the line ends of a traceback are kept.

    Parameters
    ----------
    fmt : str
    priority : bool
        Whether every line begins with the journal's, e.g. ``<6>``.
    """

    def __init__(self, fmt: str, *, priority: bool = False) -> None:
        super().__init__(fmt)
        self._priority = priority

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of `record`."""
        text = super().format(record)
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>" if self._priority else ""
        return "\n".join(prefix + printable(line) for line in text.split("\n"))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's)
        """Return the head and the message, on one line."""
        record.message = printable(shortened(record.message, LONGEST_MESSAGE))
        return super().formatMessage(record)


@dataclass(slots=True)
class _Window:
    """Messages of one kind since `began_s`."""

    began_s: float
    n: int = 0


class LogRateLimit(logging.Filter):
    """Filter that lets `BURST` messages of a kind pass in `WINDOW_S`.

    A kind is a place in the program. Outsiders choose how often they knock; a log that
    they can fill wears the card, and hides what matters. The last that passes says that
    more are left out. Debug messages all pass: a person has asked for them.

    Parameters
    ----------
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[tuple[str, int, object], _Window] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether `record` passes."""
        if record.levelno <= logging.DEBUG:
            return True
        now_s, place = self._clock(), (record.pathname, record.lineno, record.name)
        window = self._windows.get(place)
        if window is None or not 0 <= now_s - window.began_s < WINDOW_S:
            if len(self._windows) >= MOST_KINDS:
                self._windows.clear()
            window = self._windows[place] = _Window(now_s)
        window.n += 1
        if window.n == BURST:
            words = shortened(record.getMessage(), LONGEST_MESSAGE // 2)
            record.msg, record.args = LIMITED, (words, WINDOW_S)
        return window.n <= BURST


def line_formatter() -> InertFormatter:
    """Return the formatter of lines on stderr."""
    return InertFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")


def start_logging(level: str) -> None:
    """Log to the journal when systemd has connected it to stderr, else to stderr."""
    handler: logging.Handler = logging.StreamHandler(CurrentStderr())
    handler.setFormatter(line_formatter())
    if _stderr_is_the_journal():
        handler.setFormatter(InertFormatter("%(name)s: %(message)s", priority=True))
        handler = JournalHandler(choose(), otherwise=handler)
        handler.setFormatter(InertFormatter("%(message)s"))
    handler.addFilter(LogRateLimit())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for library in LIBRARIES:  # at debug bleak writes every sample into the log
        logging.getLogger(library).setLevel(max(logging.INFO, logging.root.level))


def _stderr_is_the_journal() -> bool:
    """Compare with JOURNAL_STREAM, as systemd.exec(5) asks: children inherit it."""
    stream = os.environ.get("JOURNAL_STREAM", "")
    try:
        status = os.fstat(sys.stderr.fileno())
    except OSError:  # no file behind it
        return False
    return stream == f"{status.st_dev}:{status.st_ino}"


def start_talk() -> None:
    """Let a verb that a person waits for say its warnings, and nothing else.

    What the libraries below it log comes as an error too, in better words.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(InertFormatter("%(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.CRITICAL)
