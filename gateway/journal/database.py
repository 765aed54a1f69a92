"""SQLite as the journal uses it: durable, and usable on a full disk.

WAL with ``synchronous=FULL``: with ``NORMAL`` a power cut takes the last committed
rows with it.

On a full disk not even an acknowledgement could be noted, and nothing ever pruned:
a file beside the journal holds space back for that. While it is given away nothing
may be added.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gateway.errors import DamagedJournalError, FullDiskError, JournalError

RESERVE_BYTES = 1024 * 1024  # more than the WAL of one batch
WAL_PAGES = 100  # written back at 400 kB instead of 4 MB: an SD card is small
SETTINGS = (
    "auto_vacuum=INCREMENTAL",
    "journal_mode=WAL",
    "synchronous=FULL",
    f"wal_autocheckpoint={WAL_PAGES}",
)
KIND: dict[int, type[JournalError]] = {
    sqlite3.SQLITE_CORRUPT: DamagedJournalError,
    sqlite3.SQLITE_NOTADB: DamagedJournalError,
    sqlite3.SQLITE_FULL: FullDiskError,
}

Value = str | float | bytes


class Database:
    """A connection whose failures are `JournalError`, for one thread.

    Parameters
    ----------
    path : Path
        Made, with its directories, if it is not there.

    Raises
    ------
    DamagedJournalError
        If the file is damaged, or no database at all.
    JournalError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reserve = path.with_name(path.name + ".reserve")
        with self._complaining():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, isolation_level=None)
            for setting in SETTINGS:
                self._db.execute(f"PRAGMA {setting}").fetchall()
        verdict = str(self.rows("PRAGMA quick_check")[0][0])
        if verdict != "ok":
            raise DamagedJournalError(f"journal {path}: {verdict}")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def rows(self, statement: str, *values: Value) -> list[tuple[int, ...]]:
        """Return all that a query finds."""
        with self._complaining():
            return self._db.execute(statement, values).fetchall()

    def row(self, statement: str, *values: Value) -> tuple[int, ...]:
        """Return the one row that a query finds."""
        (row,) = self.rows(statement, *values)
        return row

    def run(self, statement: str, *values: Value) -> int:
        """Execute one statement; return how many rows it changed."""
        with self._complaining():
            return self._db.execute(statement, values).rowcount

    def run_even_when_full(
        self, statement: str, batch: Sequence[tuple[Value, ...]]
    ) -> int:
        """Execute a statement for all of `batch`, if need be with the reserve."""
        try:
            return self._run_all(statement, batch)
        except FullDiskError:
            self._reserve.unlink(missing_ok=True)
            return self._run_all(statement, batch)

    def hold_reserve(self) -> None:
        """Hold space back.

        Raises
        ------
        FullDiskError
            If there is none.
        """
        if self._reserve.exists():
            return
        with self._complaining():
            file = os.open(self._reserve, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(file, 0, RESERVE_BYTES)
            except OSError:
                self._reserve.unlink()
                raise
            finally:
                os.close(file)

    def shrink(self, batch: int) -> None:
        """Give free pages back to the file system, `batch` at a time."""
        while self.row("PRAGMA freelist_count")[0]:
            self.rows(f"PRAGMA incremental_vacuum({batch})")
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Do all of the block or nothing."""
        with self._complaining():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise

    def _run_all(self, statement: str, batch: Sequence[tuple[Value, ...]]) -> int:
        with self.transaction():
            return self._db.executemany(statement, batch).rowcount

    @contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            kind = KIND.get(getattr(error, "sqlite_errorcode", -1), JournalError)
            if getattr(error, "errno", None) == errno.ENOSPC:
                kind = FullDiskError
            raise kind(f"journal {self.path}: {error}") from error
