"""Where the daemon's words go."""

import logging
import os
import sys

# sd-daemon(3): the journal reads a priority from the start of a line
PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class JournalFormatter(logging.Formatter):
    """Put the journal's priority before every line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as the journal wants it."""
        prefix = f"<{PRIORITY.get(record.levelno, 6)}>"
        return "\n".join(prefix + line for line in super().format(record).splitlines())


def start_logging(level: str) -> None:
    """Log to stderr; with the journal's priorities when systemd listens."""
    handler = logging.StreamHandler(sys.stderr)
    if "JOURNAL_STREAM" in os.environ:
        handler.setFormatter(JournalFormatter("%(name)s: %(message)s"))
    else:
        handler.setFormatter(
            logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        )
    logging.basicConfig(level=level.upper(), handlers=[handler])


def start_talk() -> None:
    """Let a verb that a person waits for say its warnings, and nothing else.

    What the libraries below it log comes as an error too, in better words.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    for library in ("bleak", "bumble", "dbus_fast"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
