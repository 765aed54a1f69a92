"""The journal from an event loop: a thread of its own waits for the disk."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from gateway.errors import DamagedJournalError
from gateway.journal.entry import Entry, JournalContents, JournalLimits
from gateway.journal.store import JournalStore

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class Journal:
    """A `JournalStore` that never holds up the loop; use as an async context manager.

    Every method raises `JournalError` when the file cannot be used, and tries anew
    when it is called again.

    A damaged file is renamed and a new one begun: the night's epochs matter more
    than the old ones, which stay where a person can look at them.

    Parameters
    ----------
    path : Path
    wall_clock : callable
        Seconds since 1970.

    Attributes
    ----------
    path : Path
    news : asyncio.Event
        Set when something became owed to the broker.
    """

    def __init__(self, path: Path, wall_clock: Callable[[], float] = time.time) -> None:
        self.news = asyncio.Event()
        self.path = path
        self._clock = wall_clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._store: JournalStore | None = None

    async def __aenter__(self) -> Self:
        """Begin; the file is opened when it is first needed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        if self._store is not None:
            await self._on_thread(self._store.close)
        self._thread.shutdown()

    async def append(
        self, *, device: str, session: str, epoch: int, document: bytes
    ) -> Entry | None:
        """Write one epoch to disk; None if it is known already."""
        recorded_s = self._clock()
        entry = await self._do(
            lambda store: store.append(
                device=device,
                session=session,
                epoch=epoch,
                recorded_s=recorded_s,
                document=document,
            )
        )
        self.news.set()
        return entry

    async def owed(self, after: int, limit: int) -> list[Entry]:
        """Return the first `limit` unacknowledged entries past seq `after`."""
        return await self._do(lambda store: store.owed(after, limit))

    async def documents(self, session: str) -> list[bytes]:
        """Return what was appended of `session` and is on disk still, in order."""
        return await self._do(lambda store: store.documents(session))

    async def acknowledge(self, seqs: Collection[int]) -> None:
        """Note that the broker has the entries of these `seqs`."""
        await self._do(lambda store: store.acknowledge(seqs))

    async def replay(self, since: int, until: int | None = None) -> int:
        """Owe the entries ``since <= seq < until`` to the broker again; count them."""
        n = await self._do(lambda store: store.replay(since, until))
        self.news.set()
        return n

    async def contents(self) -> JournalContents:
        """Return what there is."""
        return await self._do(JournalStore.contents)

    async def prune(self, bounds: JournalLimits) -> None:
        """Keep within `bounds`; complain of entries that no broker ever had."""
        now_s = self._clock()
        lost = await self._do(lambda store: store.prune(bounds, now_s))
        if lost:
            log.warning(
                "journal %s: larger than %.0f MB; %d epochs went that no broker had",
                self.path,
                bounds.max_bytes / 1e6,
                lost,
            )

    async def _do(self, work: Callable[[JournalStore], Answer]) -> Answer:
        def on_thread() -> Answer:
            if self._store is None:
                self._store = self._open()
            return work(self._store)

        return await self._on_thread(on_thread)

    async def _on_thread(self, work: Callable[[], Answer]) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _open(self) -> JournalStore:
        try:
            return JournalStore(self.path)
        except DamagedJournalError as error:
            aside = self.path.with_name(
                f"{self.path.name}.damaged-{int(self._clock())}"
            )
            log.error("%s; kept as %s, a new one begins", error, aside.name)  # noqa: TRY400 - it is dealt with
            for ending in ("", "-wal", "-shm"):
                there = self.path.with_name(self.path.name + ending)
                if there.exists():
                    there.rename(aside.with_name(aside.name + ending))
            return JournalStore(self.path)
