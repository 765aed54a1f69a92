"""Keep one headband streaming: find, connect, watch, wait, again."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Input, LinkDown, LinkUp
from gateway.drivers import Driver
from gateway.errors import LinkError
from gateway.link.backoff import delay_s
from gateway.link.inbox import Inbox
from gateway.link.machine import Event, State, advance

log = logging.getLogger(__name__)

STALL_S = 2.0


class Found(NamedTuple):
    """A headband in reach."""

    address: str
    name: str | None


class Connection(NamedTuple):
    """A headband that streams, and where its notifications arrive."""

    info: HeadbandInfo
    inbox: Inbox


class Radio(Protocol):
    """All that the gateway asks of Bluetooth; failures are `LinkError`."""

    async def find(self, driver: Driver) -> Found:
        """Look for a headband of `driver` until it is there or patience ends."""
        ...

    def connect(
        self, found: Found, driver: Driver
    ) -> AbstractAsyncContextManager[Connection]:
        """Connect, subscribe, shake hands; stop and disconnect on leaving."""
        ...


async def stream(  # noqa: PLR0913 - three are there for tests in virtual time
    radio: Radio,
    driver: Driver,
    *,
    report: Callable[[State], None],
    stall_s: float = STALL_S,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> AsyncGenerator[Input, None]:
    """Yield `LinkUp`, every `Notification` and `LinkDown` of one headband, for ever.

    Close it (``contextlib.aclosing``) to disconnect.

    Parameters
    ----------
    radio : Radio
    driver : Driver
    report : callable
        Hears every new state, for telemetry.
    stall_s : float
        Silence that counts as a lost link, seconds. No other sign is given when the
        Bluetooth daemon dies or hangs.
    clock : callable
        Monotonic seconds.
    jitter : callable
        Draws from [0, 1) for `delay_s`.
    """
    life, failures = _Life(report), 0
    life.became(Event.STARTED)
    while True:
        try:
            found = await radio.find(driver)
            life.became(Event.FOUND)
            async with radio.connect(found, driver) as connection:
                life.became(Event.SUBSCRIBED)
                log.info("%s %s: streaming", driver.name, found.address)
                yield LinkUp(clock(), connection.info)
                while True:
                    notification = await connection.inbox.take(stall_s)
                    failures = 0
                    yield notification
        except LinkError as error:
            failures += 1
            complain = log.warning if failures == 1 else log.debug
            complain("%s: %s", driver.name, error)
            if life.state is State.STREAMING:
                yield LinkDown(clock(), str(error))
            life.became(Event.FAILED)
            await asyncio.sleep(delay_s(error, failures, jitter()))
            life.became(Event.WAITED)


class _Life:
    """Where a link stands, and who hears of it."""

    def __init__(self, report: Callable[[State], None]) -> None:
        self.state = State.IDLE
        self._report = report

    def became(self, event: Event) -> None:
        self.state = advance(self.state, event)
        self._report(self.state)
