"""Notification queue between the radio's callback and its reader."""

import asyncio
from collections import deque

from gateway.acquisition.packets import Notification
from gateway.errors import LinkError, StallError

DEPTH = 65_536  # more than an hour of a real headband


class NotificationQueue:
    """Queue of one connection's notifications; `put` and `close` are for the radio."""

    def __init__(self, depth: int = DEPTH) -> None:
        self._items: deque[Notification] = deque()
        self._depth = depth
        self._end: LinkError | None = None
        self._changed = asyncio.Event()
        self._n_listened = 0

    def put(self, notification: Notification) -> None:
        """Keep `notification` for the reader; after the end it is dropped."""
        if self._end is not None:
            return
        self._items.append(notification)
        if len(self._items) >= self._depth:
            self.close(
                f"{self._depth} notifications are waiting: this machine is too slow"
            )
        self._changed.set()

    def close(self, reason: str, kind: type[LinkError] = LinkError) -> None:
        """End the connection; the first reason counts."""
        if self._end is None:
            self._end = kind(reason)
            self._changed.set()

    async def get(self, stall_s: float) -> Notification:
        """Return the next notification.

        Raises
        ------
        StallError
            If nothing came for `stall_s` seconds.
        LinkError
            If the connection is over and all was read.
        """
        while not self._items:
            if self._end is not None:
                raise self._end
            self._changed.clear()
            try:
                async with asyncio.timeout(stall_s):
                    await self._changed.wait()
            except TimeoutError:
                # a busy loop can serve the timer first, though news came in time
                if not self._changed.is_set():
                    self.close(f"nothing received for {stall_s:g} s", StallError)
        return self._items.popleft()

    async def listen(self, char: str, timeout_s: float) -> bytes:
        """Return what comes next on `char`, and leave it for `get`.

        Every notification is returned once at most, in order; empty if none comes
        within `timeout_s`. Not to be mixed with `get`.

        Raises
        ------
        LinkError
            If the connection is over.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    while self._n_listened < len(self._items):
                        self._n_listened += 1
                        if self._items[self._n_listened - 1].char == char:
                            return self._items[self._n_listened - 1].payload
                    if self._end is not None:
                        raise self._end
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return b""
