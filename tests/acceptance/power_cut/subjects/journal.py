"""The journal of epochs: nothing that was appended is lost, or known anew."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

from gateway.errors import JournalError
from gateway.journal.entry import JournalLimits
from gateway.journal.store import JournalStore
from tests.acceptance.power_cut.subject import Mark, Promise, Subject

N_STEPS = 1500
SEED = 20260212
DAY_S = 86_400
STEP_S = 3600.0  # an hour passes at every step: some rows grow old
KEEP = JournalLimits(keep_days=30, max_bytes=64_000_000)
JOURNAL = Path("state", "journal.sqlite")
OWED, HAD, GONE = "owed", "had", "gone"


@dataclass
class Model:
    """What the journal must hold.

    Attributes
    ----------
    rows : dict of int to str
        OWED, HAD or GONE by seq.
    keys : list of (str, int)
        Session and epoch by seq.
    recorded_s : list of float
    last : dict of str to int
        Newest epoch of each session.
    """

    rows: dict[int, str] = field(default_factory=dict)
    keys: list[tuple[str, int]] = field(default_factory=list)
    recorded_s: list[float] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def select(self, what: str) -> list[int]:
        """Return the seqs that are `what`."""
        return [seq for seq, now in self.rows.items() if now == what]


def _step(n: int, model: Model, store: JournalStore | None) -> None:
    """Do step `n` to the model, and to the store if there is one."""
    dice = random.Random(SEED + n)  # noqa: S311 - repeatable
    now_s = n * STEP_S
    kind = dice.choices(("append", "ack", "replay", "prune"), (60, 36, 3, 1))[0]
    if kind == "append":
        session = f"night-{n // 200}"
        epoch = model.last.get(session, -1) + dice.choice((1, 1, 1, 2))
        document = document_of(session, epoch)
        if store is not None:
            store.append(
                device="bedroom",
                session=session,
                epoch=epoch,
                recorded_s=now_s,
                document=document,
            )
        model.rows[len(model.keys)] = OWED
        model.keys.append((session, epoch))
        model.recorded_s.append(now_s)
        model.last[session] = epoch
    elif kind == "ack":
        owed = model.select(OWED)
        seqs = owed[: dice.randint(1, 20)]
        if store is not None:
            store.acknowledge(seqs)
        model.rows.update(dict.fromkeys(seqs, HAD))
    elif kind == "replay":
        since = dice.randrange(len(model.keys) + 1)
        if store is not None:
            store.replay(since, since + 5)
        again = [seq for seq in model.select(HAD) if since <= seq < since + 5]
        model.rows.update(dict.fromkeys(again, OWED))
    else:
        if store is not None:
            store.prune(KEEP, now_s)
        oldest_s = now_s - KEEP.keep_days * DAY_S
        old = [seq for seq in model.select(HAD) if model.recorded_s[seq] < oldest_s]
        model.rows.update(dict.fromkeys(old, GONE))


def document_of(session: str, epoch: int) -> bytes:
    """Return what was appended, as long as a real epoch."""
    return f"{session} {epoch} ".encode() * 30


def write(folder: Path, mark: Mark, n_steps: int = N_STEPS) -> None:
    """Use a journal as the gateway does, only faster."""
    model = Model()
    with closing(JournalStore(folder / JOURNAL)) as store:
        for n in range(n_steps):
            _step(n, model, store)
            mark({"steps": n + 1})


def find_errors(folder: Path, promised: Sequence[Promise]) -> Iterator[str]:
    """Yield what is not as it was before the step that was cut off, or after it."""
    n_steps = promised[-1]["steps"] if promised else 0
    before = Model()
    for n in range(n_steps):
        _step(n, before, None)
    after = deepcopy(before)
    _step(n_steps, after, None)
    try:
        with closing(JournalStore(folder / JOURNAL)) as store:
            yield from _compare(folder / JOURNAL, before, after)
            yield from _goes_on(store, before)
    except JournalError as error:
        yield str(error)


def _compare(path: Path, before: Model, after: Model) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as db:
        ((result,),) = db.execute("PRAGMA integrity_check").fetchall()
        rows = db.execute(
            "SELECT seq, session, epoch, document, acknowledged FROM entry"
        ).fetchall()
        ((next_seq,),) = db.execute("SELECT next_seq FROM counter").fetchall()
        last = dict(db.execute("SELECT name, last_epoch FROM session").fetchall())
    if result != "ok":
        yield f"integrity_check: {result}"
    found = {row[0]: HAD if row[4] else OWED for row in rows}
    for seq in after.rows:
        now = found.get(seq, GONE)
        if now not in (before.rows.get(seq, GONE), after.rows[seq]):
            yield f"seq {seq} is {now}, was {before.rows.get(seq)}"
    for seq, session, epoch, document, _ in rows:
        if seq not in after.rows or after.keys[seq] != (session, epoch):
            yield f"seq {seq} was never {session} {epoch}"
        elif document != document_of(session, epoch):
            yield f"seq {seq} has another document"
    if next_seq not in (len(before.keys), len(after.keys)):
        yield f"the next seq is {next_seq}, was {len(before.keys)}"
    if last not in (before.last, after.last):
        yield "a session has another last epoch"


def _goes_on(store: JournalStore, before: Model) -> Iterator[str]:
    """See what is known refused, and what is new given the next seq."""
    for session, epoch in before.keys[-50:]:
        if _append(store, session, epoch) is not None:
            yield f"{session} {epoch} was taken for new"
    next_seq = store.contents().next_seq
    for at in range(3):
        entry = _append(store, "after the cut", at)
        if entry is None or entry.seq != next_seq + at:
            yield f"a new epoch got {entry}, not seq {next_seq + at}"


def _append(store: JournalStore, session: str, epoch: int) -> object:
    return store.append(
        device="bedroom", session=session, epoch=epoch, recorded_s=0.0, document=b"{}"
    )


SUBJECT = Subject("the journal of epochs", write, find_errors)
