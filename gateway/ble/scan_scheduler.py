"""Scan scheduler: one scanner for all headbands of an adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from gateway.ble.radio import Advertisement

SCAN_S = 20.0
WINDOW_S = 5.0
EVERY_S = 30.0
LATE_S = 1.0  # a search that joins a scan so late still counts as a whole one

AdvertisementFilter = Callable[[Advertisement], bool]
"""Returns whether an advertisement is of a headband that is looked for."""
Scanner = Callable[[AdvertisementFilter], AbstractAsyncContextManager[None]]
"""Scans while entered; raises `AdapterError` where that fails."""


class ScanScheduler:
    """Schedules the scans of an adapter.

    - One scan at a time, whose results serve all searches. It ends as soon as one of
      them has found its headband; one headband serves one search. Why not go on: a
      connection is made next, and that needs the radio.
    - No scan while a connection is being made: one that runs then ends, and searches
      go on afterwards. Controllers answer a scan during a connection
      attempt with hardware errors (Home Assistant OS, issue 3330).
    - While no headband streams, a scan lasts `SCAN_S`.
    - While one streams, scanning costs it air time (1.2 s of notifications took 6.5 s
      in BlueZ's issue 693). Then a scan lasts `WINDOW_S` and begins no sooner than
      `EVERY_S` after the one before, whatever the search: 120 an hour, a sixth of the
      time.

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
        self._lock = asyncio.Lock()
        self._searches: list[_Search] = []
        self._n_connecting = 0
        self._began_s = float("-inf")
        self._over = asyncio.Event()

    async def find(self, wanted: AdvertisementFilter) -> Advertisement | None:
        """Return the first that is `wanted`; None after a whole scan without it."""
        search = _Search(wanted)
        self._searches.append(search)
        try:
            while search.found is None and not search.unsuccessful:
                await self._turn(search)
            return search.found
        finally:
            self._searches.remove(search)

    async def sweep(
        self, wanted: AdvertisementFilter, seconds: float
    ) -> list[Advertisement]:
        """Return all that are `wanted` and advertise within `seconds`."""
        found: dict[str, Advertisement] = {}

        def add(new: Advertisement) -> bool:
            # a scan response follows with what the first packet had no room for
            before = found.get(new.address, new)
            services = tuple(dict.fromkeys(before.services + new.services))
            whole = new._replace(name=new.name or before.name, services=services)
            if wanted(whole):
                found[new.address] = whole
            return new.address in found

        async with self._lock:
            self._began()
            async with self._scanner(add):
                await asyncio.sleep(seconds)
        return list(found.values())

    @asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Prevent scans and other connection attempts while entered."""
        self._n_connecting += 1
        self._over.set()
        try:
            async with self._lock:
                yield
        finally:
            self._n_connecting -= 1

    @contextmanager
    def streaming(self) -> Iterator[None]:
        """Keep scans short and rare while entered."""
        self.n_streaming += 1
        try:
            yield
        finally:
            self.n_streaming -= 1
            for search in self._searches:
                search.changed.set()

    def _began(self) -> None:
        self.scans += 1
        self._began_s = asyncio.get_running_loop().time()

    def _pause_s(self) -> float:
        """Return for how long there must be no scan."""
        if not self.n_streaming:
            return 0.0
        now_s = asyncio.get_running_loop().time()
        return max(0.0, self._began_s + EVERY_S - now_s)

    async def _turn(self, search: "_Search") -> None:
        """Wait, or scan when no other does; whichever is due, once."""
        pause_s = self._pause_s()
        if pause_s:
            search.changed.clear()
            try:
                async with asyncio.timeout(pause_s):
                    await search.changed.wait()
            except TimeoutError:
                return
        async with self._lock:
            due = not (self._n_connecting or self._pause_s())
            if due and search.found is None and not search.unsuccessful:
                await self._scan(WINDOW_S if self.n_streaming else SCAN_S)

    async def _scan(self, seconds: float) -> None:
        self._began()
        self._over.clear()
        async with self._scanner(self._assign):
            try:
                async with asyncio.timeout(seconds):
                    await self._over.wait()
            except TimeoutError:
                pass
            else:
                return
        for search in self._searches:
            if search.since_s <= self._began_s + LATE_S:
                search.unsuccessful = True
                search.changed.set()

    def _assign(self, found: Advertisement) -> bool:
        taken = {search.found.address for search in self._searches if search.found}
        for search in self._searches:
            if search.found is None and search.wanted(found):
                if found.address in taken:
                    return True
                search.found = found
                search.changed.set()
                self._over.set()
                return True
        return False


class _Search:
    """Search for a headband by one link."""

    def __init__(self, wanted: AdvertisementFilter) -> None:
        self.wanted = wanted
        self.since_s = asyncio.get_running_loop().time()
        self.found: Advertisement | None = None
        self.unsuccessful = False
        self.changed = asyncio.Event()
