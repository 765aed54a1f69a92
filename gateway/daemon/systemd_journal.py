"""The journal of systemd, with fields that can be asked for."""

import logging
import re
import socket
import struct
from collections.abc import Iterable
from typing import Protocol

SOCKET = "/run/systemd/journal/socket"
IDENTIFIER = "sleepgate"
FIELD = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
PRIORITY = {  # sd-daemon(3)
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}


class JournalTransport(Protocol):
    """A way to the journal."""

    def send(self, fields: Iterable[tuple[str, bytes]]) -> None:
        """Write one entry; raises `OSError` when the journal takes none now."""
        ...

    def close(self) -> None:
        """Give it up."""
        ...


class Datagrams:
    """One datagram an entry, without any library.

    The protocol is systemd's JOURNAL_NATIVE_PROTOCOL. It never waits: a journal that
    does not read misses entries, and the night goes on.
    """

    def __init__(self, path: str = SOCKET) -> None:
        self._path = path
        self._socket = socket.socket(
            socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        )
        self._socket.settimeout(0)

    def send(self, fields: Iterable[tuple[str, bytes]]) -> None:
        """Write one entry; raises `OSError` when the journal takes none now."""
        self._socket.sendto(b"".join(map(_field, fields)), self._path)

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class SystemdPython:
    """The way of systemd-python, which must be installed."""

    def __init__(self) -> None:
        from systemd.journal import sendv  # noqa: PLC0415 (an extra)

        self._sendv = sendv

    def send(self, fields: Iterable[tuple[str, bytes]]) -> None:
        """Write one entry; raises `OSError` when the journal takes none now."""
        self._sendv(*(name.encode() + b"=" + value for name, value in fields))

    def close(self) -> None:
        """Nothing is held."""


def _field(field: tuple[str, bytes]) -> bytes:
    name, value = field
    if b"\n" not in value:
        return b"%s=%s\n" % (name.encode(), value)
    return b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(value)), value)


def choose() -> JournalTransport:
    """Return systemd-python's way where it is installed, or our own."""
    try:
        return SystemdPython()
    except ImportError:
        return Datagrams()


class JournalHandler(logging.Handler):
    """Writes records to the journal.

    What a record was given as ``extra`` under a name in capitals becomes a field.

    Parameters
    ----------
    way : JournalTransport
    otherwise : Handler
        Gets what the journal does not take.
    """

    def __init__(self, way: JournalTransport, otherwise: logging.Handler) -> None:
        super().__init__()
        self._way = way
        self._otherwise = otherwise

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        try:
            self._way.send(self._fields(record))
        except OSError:
            self._otherwise.handle(record)

    def close(self) -> None:
        """Close the way too."""
        self._way.close()
        super().close()

    def _fields(self, record: logging.LogRecord) -> list[tuple[str, bytes]]:
        known: dict[str, object] = {
            "MESSAGE": self.format(record),
            "PRIORITY": PRIORITY.get(record.levelno, 6),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
        }
        known |= {key: v for key, v in vars(record).items() if FIELD.fullmatch(key)}
        return [
            (name, str(value).encode(errors="backslashreplace"))  # surrogates are text
            for name, value in known.items()
        ]
