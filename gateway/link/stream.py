"""Keep one headband streaming: find, connect, watch, wait, again."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable

from gateway.acquisition.packets import Input, LinkDown, LinkUp
from gateway.drivers import Driver
from gateway.errors import LinkError
from gateway.link.backoff import delay_s
from gateway.link.machine import Event, State, advance
from gateway.link.radio import Radio

log = logging.getLogger(__name__)

STALL_S = 2.0


async def stream(  # noqa: PLR0913 - three are there for tests in virtual time
    radio: Radio,
    driver: Driver,
    address: str | None = None,
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
    radio, driver, address
        As for `Radio.find`.
    report : callable
        Hears every new state, for telemetry.
    stall_s : float
        Silence that counts as a lost link, seconds. No other sign is given when the
        Bluetooth daemon dies or hangs.
    clock, jitter : callable
        Monotonic seconds; draws from [0, 1) for `delay_s`.
    """
    life, failures = _Life(report), 0
    life.became(Event.STARTED)
    while True:
        try:
            seen = await radio.find(driver, address)
            life.became(Event.FOUND)
            async with radio.connect(seen, driver, became=life.became) as connection:
                log.info("%s %s: streaming", driver.name, seen.address)
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
            await radio.mend(error)
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
