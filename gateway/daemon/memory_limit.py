"""Memory limit of the daemon, which ends it in good order before anybody kills it."""

import asyncio
import logging
from collections.abc import Callable

from gateway.errors import MemoryLimitError
from gateway.host.metrics import rss_mb

log = logging.getLogger(__name__)

# three times what a night takes, and below the unit's MemoryMax=256M, which kills; the
# kernel of Raspberry Pi OS starts with cgroup_disable=memory and ignores that one
LIMIT_MB = 240.0
PERIOD_S = 5.0


class MemoryLimit:
    """Limit of this process's resident memory.

    Parameters
    ----------
    stop : asyncio.Event
        Set when the limit is passed: outputs are drained, recordings closed.
    limit_mb : float
    resident_mb : callable
        Returns the resident memory, MB; None where it is not known.
    """

    def __init__(
        self,
        stop: asyncio.Event,
        limit_mb: float = LIMIT_MB,
        resident_mb: Callable[[], float | None] = rss_mb,
    ) -> None:
        self._stop = stop
        self._limit_mb = limit_mb
        self._resident_mb = resident_mb
        self._error: MemoryLimitError | None = None

    async def watch(self) -> None:
        """Look every few seconds, until the limit is passed."""
        while True:
            resident_mb = self._resident_mb()
            if resident_mb is not None and resident_mb > self._limit_mb:
                break
            await asyncio.sleep(PERIOD_S)
        self._error = MemoryLimitError(
            f"the daemon holds {resident_mb:.0f} MB of memory, more than "
            f"{self._limit_mb:.0f} MB: it ends in good order, to be started again; "
            "please report it with `sleepgate doctor --bundle`"
        )
        log.error("%s", self._error)
        self._stop.set()

    def check(self) -> None:
        """Raise MemoryLimitError if the limit was passed."""
        if self._error is not None:
            raise self._error
