"""Who may scan, and when: one scanner for all headbands of an adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from gateway.ble.radio import Advertisement

SCAN_S = 20.0
WINDOW_S = 5.0
EVERY_S = 30.0
LATE_S = 1.0  # who joins a look that much later has still had a whole one

Heard = Callable[[Advertisement], bool]
"""Takes what advertises; tells whether somebody wants it."""
Scanner = Callable[[Heard], AbstractAsyncContextManager[None]]
"""Scans while entered; raises `AdapterError` where that fails."""


class ScanScheduler:
    """The one scanner of an adapter.

    - One scan at a time, and what it hears serves everybody who looks. It ends as
      soon as somebody is served; one headband serves one.
    - No scan while a connection is being made: one that runs then ends, and whoever
      still looks goes on afterwards. Controllers answer a scan during a connection
      attempt with hardware errors (Home Assistant OS, issue 3330).
    - While no headband streams, a look lasts `SCAN_S`.
    - While one streams, scanning costs it air time (1.2 s of notifications took 6.5 s
      in BlueZ's issue 693). Then a look lasts `WINDOW_S` and begins no sooner than
      `EVERY_S` after the one before, whoever looks: 120 an hour, a sixth of the time.

    Attributes
    ----------
    scans : int
        Begun so far.
    n_streaming : int
        Headbands that stream now.
    """

    def __init__(self, scanner: Scanner) -> None:
        self.scans = self.n_streaming = 0
        self._scanner = scanner
        self._air = asyncio.Lock()
        self._looking: list[_Looking] = []
        self._n_connecting = 0
        self._began_s = float("-inf")
        self._over = asyncio.Event()

    async def find(self, wanted: Heard) -> Advertisement | None:
        """Return the first that is `wanted`; None after a whole look in vain."""
        looking = _Looking(wanted)
        self._looking.append(looking)
        try:
            while looking.found is None and not looking.in_vain:
                await self._turn(looking)
            return looking.found
        finally:
            self._looking.remove(looking)

    async def sweep(self, wanted: Heard, seconds: float) -> list[Advertisement]:
        """Return all that are `wanted` and heard within `seconds`, as last heard."""
        found: dict[str, Advertisement] = {}

        def heard(seen: Advertisement) -> bool:
            before = found.get(seen.address, seen)
            services = tuple(dict.fromkeys(before.services + seen.services))
            whole = seen._replace(name=seen.name or before.name, services=services)
            if wanted(whole):
                found[seen.address] = whole
            return seen.address in found

        async with self._air:
            self._began()
            async with self._scanner(heard):
                await asyncio.sleep(seconds)
        return list(found.values())

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Keep everybody from scanning, and from connecting, while entered."""
        self._n_connecting += 1
        self._over.set()
        try:
            async with self._air:
                yield
        finally:
            self._n_connecting -= 1

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Have scans short and rare while entered."""
        self.n_streaming += 1
        try:
            yield
        finally:
            self.n_streaming -= 1
            for looking in self._looking:
                looking.news.set()

    def _began(self) -> None:
        self.scans += 1
        self._began_s = asyncio.get_running_loop().time()

    def _rest_s(self) -> float:
        """Return for how long there must be no scan."""
        if not self.n_streaming:
            return 0.0
        now_s = asyncio.get_running_loop().time()
        return max(0.0, self._began_s + EVERY_S - now_s)

    async def _turn(self, looking: "_Looking") -> None:
        """Rest, or scan when it is one's turn; whichever is due, once."""
        rest_s = self._rest_s()
        if rest_s:
            looking.news.clear()
            try:
                async with asyncio.timeout(rest_s):
                    await looking.news.wait()
            except TimeoutError:
                return
        async with self._air:
            due = not (self._n_connecting or self._rest_s())
            if due and looking.found is None and not looking.in_vain:
                await self._look(WINDOW_S if self.n_streaming else SCAN_S)

    async def _look(self, seconds: float) -> None:
        self._began()
        self._over.clear()
        async with self._scanner(self._heard):
            try:
                async with asyncio.timeout(seconds):
                    await self._over.wait()
            except TimeoutError:
                pass
            else:
                return
        for looking in self._looking:
            if looking.since_s <= self._began_s + LATE_S:
                looking.in_vain = True
                looking.news.set()

    def _heard(self, seen: Advertisement) -> bool:
        taken = {looking.found.address for looking in self._looking if looking.found}
        for looking in self._looking:
            if looking.found is None and looking.wanted(seen):
                if seen.address in taken:
                    return True
                looking.found = seen
                looking.news.set()
                self._over.set()
                return True
        return False


class _Looking:
    """Somebody who looks for a headband."""

    def __init__(self, wanted: Heard) -> None:
        self.wanted = wanted
        self.since_s = asyncio.get_running_loop().time()
        self.found: Advertisement | None = None
        self.in_vain = False
        self.news = asyncio.Event()
