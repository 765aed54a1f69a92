"""Epochs on disk, with what the broker has of them. One connection, one thread."""

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from gateway.errors import JournalError
from gateway.journal.database import Database
from gateway.journal.entry import Entry, JournalContents, JournalLimits, JournalSession

FORMAT = 1
BATCH = 50  # rows changed at a time: little space is needed for the change
SCHEMA = """
CREATE TABLE entry (
    seq INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    session TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    recorded_s REAL NOT NULL,
    document BLOB NOT NULL,
    acknowledged INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX owed ON entry (seq) WHERE acknowledged = 0;
CREATE TABLE session (
    name TEXT PRIMARY KEY,
    last_epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE counter (
    next_seq INTEGER NOT NULL,
    dropped INTEGER NOT NULL
) STRICT;
INSERT INTO counter VALUES (0, 0);
"""
DELETE_OLD = """
DELETE FROM entry WHERE seq IN (
    SELECT seq FROM entry WHERE acknowledged = 1 AND recorded_s < ? LIMIT 50
)
"""
DELETE_OLDEST = """
DELETE FROM entry WHERE seq IN (SELECT seq FROM entry ORDER BY seq LIMIT 50)
"""


class JournalStore:
    """A journal file, made if it is not there.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DamagedJournalError
        If the file is damaged, or no journal at all.
    JournalError
        If it cannot be opened, or is of a later format. Every method raises it whose
        write fails, and the journal is then as it was before.
    """

    def __init__(self, path: Path) -> None:
        self._db = Database(path)
        (version,) = self._db.row("PRAGMA user_version")
        if version == 0:
            self._create()
        elif version != FORMAT:
            raise JournalError(
                f"journal {path}: format {version}, this version knows {FORMAT}; "
                "upgrade sleepgate, or move the file away"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def append(
        self,
        *,
        device: str,
        session: str,
        epoch: int,
        recorded_s: float,
        document: bytes,
    ) -> Entry | None:
        """Write one epoch to disk; return None if that session is past it already.

        A session's epochs are appended in order, so its last one tells whether an
        epoch is known, even when its row was pruned long ago.
        """
        self._db.hold_reserve()
        with self._db.transaction():
            known = "SELECT 1 FROM session WHERE name = ? AND last_epoch >= ?"
            if self._db.rows(known, session, epoch):
                return None
            (seq,) = self._db.row(
                "UPDATE counter SET next_seq = next_seq + 1 RETURNING next_seq - 1"
            )
            self._db.run(
                "INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, 0)",
                *(seq, device, session, epoch, recorded_s, document),
            )
            self._db.run(
                "INSERT INTO session VALUES (?, ?) "
                "ON CONFLICT DO UPDATE SET last_epoch = excluded.last_epoch",
                *(session, epoch),
            )
        return Entry(seq, device, session, epoch, document)

    def owed(self, after: int, limit: int) -> list[Entry]:
        """Return the first `limit` unacknowledged entries past seq `after`."""
        rows = self._db.rows(
            "SELECT seq, device, session, epoch, document FROM entry "
            "WHERE acknowledged = 0 AND seq > ? ORDER BY seq LIMIT ?",
            *(after, limit),
        )
        return [Entry._make(row) for row in rows]

    def acknowledge(self, seqs: Iterable[int]) -> None:
        """Note that the broker has the entries of these `seqs`."""
        left = iter(seqs)
        while batch := [(seq,) for seq in islice(left, BATCH)]:
            self._db.run_even_when_full(
                "UPDATE entry SET acknowledged = 1 WHERE seq = ?", batch
            )

    def replay(self, since: int, until: int | None = None) -> int:
        """Owe the entries ``since <= seq < until`` to the broker again; count them."""
        end = self.contents().next_seq if until is None else until
        with self._db.transaction():
            return self._db.run(
                "UPDATE entry SET acknowledged = 0 WHERE seq >= ? AND seq < ?",
                *(since, end),
            )

    def prune(self, bounds: JournalLimits, now_s: float) -> int:
        """Keep within `bounds`; return how many entries went unacknowledged."""
        oldest_s = now_s - bounds.keep_days * 86_400
        while self._db.run_even_when_full(DELETE_OLD, [(oldest_s,)]):
            pass
        lost = 0
        while (before := self.contents()).size_bytes > bounds.max_bytes and before.rows:
            self._db.run_even_when_full(DELETE_OLDEST, [()])
            lost += before.owed - self.contents().owed
        self._db.run_even_when_full(
            "UPDATE counter SET dropped = dropped + ?", [(lost,)]
        )
        self._db.shrink(BATCH)
        return lost

    def vacuum(self) -> None:
        """Rewrite the file without its free space."""
        self._db.run("VACUUM")
        self._db.shrink(BATCH)

    def sessions(self) -> list[JournalSession]:
        """Return the sessions on disk, oldest first."""
        rows = self._db.rows(
            "SELECT session, device, min(epoch), max(epoch), min(seq), max(seq), "
            "count(*) FILTER (WHERE acknowledged = 0) FROM entry "
            "GROUP BY session, device ORDER BY min(seq)"
        )
        return [JournalSession._make(row) for row in rows]

    def documents(self, session: str) -> list[bytes]:
        """Return the epochs on disk of a session, as they were appended, in order."""
        rows = self._db.rows(
            "SELECT document FROM entry WHERE session = ? ORDER BY epoch", session
        )
        return [bytes(document) for (document,) in rows]

    def contents(self) -> JournalContents:
        """Return what there is."""
        rows, owed, first, oldest_s = self._db.row(
            "SELECT count(*), count(*) FILTER (WHERE acknowledged = 0), min(seq), "
            "min(recorded_s) FILTER (WHERE acknowledged = 0) FROM entry"
        )
        next_seq, dropped = self._db.row("SELECT next_seq, dropped FROM counter")
        pages, free, page_bytes = (
            self._db.row(f"PRAGMA {name}")[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return JournalContents(
            rows=rows,
            owed=owed,
            dropped=dropped,
            first_seq=next_seq if first is None else first,
            next_seq=next_seq,
            oldest_owed_s=oldest_s,
            size_bytes=(pages - free) * page_bytes,
        )

    def _create(self) -> None:
        with self._db.transaction():
            for statement in SCHEMA.split(";"):
                self._db.run(statement)
            self._db.run(f"PRAGMA user_version={FORMAT}")
