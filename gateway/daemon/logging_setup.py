"""Logging of the daemon: to the journal of systemd, or to stderr."""

import logging
import os
import sys

from gateway.daemon.systemd_journal import PRIORITY, JournalHandler, choose

LIBRARIES = ("bleak", "bumble", "dbus_fast")


class CurrentStderr:
    """Stream to what ``sys.stderr`` is now: a live view on the terminal replaces it."""

    def write(self, text: str) -> None:
        """Write a text."""
        sys.stderr.write(text)

    def flush(self) -> None:
        """Flush what was written."""
        sys.stderr.flush()


class PriorityFormatter(logging.Formatter):
    """Put the journal's priority before every line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as the journal wants it."""
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def start_logging(level: str) -> None:
    """Log to the journal when systemd has connected it to stderr, else to stderr."""
    handler: logging.Handler = logging.StreamHandler(CurrentStderr())
    if _stderr_is_the_journal():
        handler.setFormatter(PriorityFormatter("%(name)s: %(message)s"))
        handler = JournalHandler(choose(), otherwise=handler)
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
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
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.CRITICAL)
