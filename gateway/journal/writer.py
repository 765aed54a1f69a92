"""Into the journal, or into memory while the disk does not take it."""

import logging
from collections import deque
from typing import NamedTuple

from gateway.errors import JournalError
from gateway.journal.journal import Journal

log = logging.getLogger(__name__)

WAITING = 2880  # epochs in memory: three nights of eight hours, about 3 MB


class _Epoch(NamedTuple):
    device: str
    session: str
    epoch: int
    document: bytes


class JournalWriter:
    """Appends epochs in order; none is lost for a disk that fails and recovers.

    Parameters
    ----------
    journal : Journal

    Attributes
    ----------
    lost : int
        Epochs that found neither disk nor memory.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: deque[_Epoch] = deque()
        self.lost = 0

    async def record(
        self, *, device: str, session: str, epoch: int, document: bytes
    ) -> int | None:
        """Append an epoch; return its ``seq``, or None if it is known or must wait."""
        self._waiting.append(_Epoch(device, session, epoch, document))
        n_waited = len(self._waiting) - 1
        entry = None
        try:
            while self._waiting:
                entry = await self._journal.append(**self._waiting[0]._asdict())
                self._waiting.popleft()
        except JournalError as error:
            self._wait(error)
            return None
        if n_waited:
            log.info("the journal takes epochs again; %d had waited", n_waited)
        return None if entry is None else entry.seq

    async def recall(self, session: str) -> list[bytes]:
        """Return what is on disk of `session`, in order; nothing if that fails."""
        try:
            return await self._journal.documents(session)
        except JournalError as error:
            log.debug("%s; what came before of %s is not known", error, session)
            return []

    def _wait(self, error: JournalError) -> None:
        first = len(self._waiting) == 1
        log.log(
            logging.WARNING if first else logging.DEBUG,
            "%s; stages go out live, epochs wait in memory",
            error,
        )
        if len(self._waiting) > WAITING:
            self._waiting.popleft()
            self.lost += 1
