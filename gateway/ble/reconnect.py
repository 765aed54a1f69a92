"""Reconnect loop of one headband: find, connect, stream, wait, again."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from gateway.acquisition.packets import Input, LinkDown, LinkUp
from gateway.ble.link_state import (
    LinkEvent,
    LinkReading,
    LinkState,
    LinkStats,
    advance,
)
from gateway.ble.radio import Radio
from gateway.ble.recovery_policy import FailureStreak, RecoveryPolicy, RecoveryStep
from gateway.drivers import Driver
from gateway.errors import LinkError

log = logging.getLogger(__name__)

STALL_S = 2.0


async def stream(  # noqa: PLR0913 - three are there for tests in virtual time
    radio: Radio,
    driver: Driver,
    address: str | None = None,
    *,
    report: Callable[[LinkReading], None],
    stall_s: float = STALL_S,
    clock: Callable[[], float] = time.monotonic,
    jitter: Callable[[], float] = random.random,
) -> AsyncGenerator[Input, None]:
    """Yield `LinkUp`, every `Notification` and `LinkDown` of one headband, for ever.

    Close it (``contextlib.aclosing``) to disconnect. Throw a `LinkError` into it
    (``athrow``) to end a useless connection: it yields the `LinkDown`.

    Parameters
    ----------
    radio, driver, address
        As for `Radio.find`.
    report : callable
        Called with every new state, for telemetry.
    stall_s : float
        Silence that counts as a lost link, seconds. No other sign is given when the
        Bluetooth daemon hangs.
    clock, jitter : callable
        Monotonic seconds; draws from [0, 1) for `recovery_policy.delay_s`.
    """
    link = _Link(radio, driver.name, report)
    link.advance(LinkEvent.STARTED)
    while True:
        try:
            found = await radio.find(driver, address)
            link.advance(LinkEvent.FOUND)
            async with radio.connect(
                found, driver, on_event=link.advance
            ) as connection:
                link.stream_began(found.address, clock())
                yield LinkUp(clock(), connection.info)
                while True:
                    notification = await connection.notifications.get(stall_s)
                    link.received(clock())
                    yield notification
        except LinkError as error:
            streamed = link.state is LinkState.STREAMING
            pause_s, step = link.failed(error, clock(), jitter())
            if streamed:
                yield LinkDown(clock(), str(error))
            await link.recover(step)
            await asyncio.sleep(pause_s)
            link.advance(LinkEvent.WAITED)


class _Link:
    """State and counts of one link, reported as they change."""

    def __init__(
        self, radio: Radio, name: str, report: Callable[[LinkReading], None]
    ) -> None:
        self.state = LinkState.IDLE
        self._radio = radio
        self._name = name
        self._report = report
        self._stats = LinkStats()
        self._last_failure = ""
        self._streak = FailureStreak()
        self._policy = RecoveryPolicy()

    def advance(self, event: LinkEvent) -> None:
        """Change to the state that `event` leads to, and report it."""
        self.state = advance(self.state, event)
        stats = replace(self._stats, scans=self._radio.scans)
        if self.state is LinkState.SCANNING:
            stats = replace(stats, attempts=stats.attempts + 1)
        elif self.state is LinkState.STREAMING:
            stats = replace(stats, connections=stats.connections + 1)
            self._last_failure = ""
        self._stats = stats
        self._report(LinkReading(self.state, stats, self._last_failure))

    def stream_began(self, address: str, t: float) -> None:
        """Record that notifications arrive from `t` on."""
        log.info("%s %s: streaming", self._name, address)
        self._streak.stream_began(t)

    def received(self, t: float) -> None:
        """Record that one arrived at `t`."""
        self._streak.stream_lasted(t)

    def failed(
        self, error: LinkError, t: float, jitter: float
    ) -> tuple[float, RecoveryStep | None]:
        """Count `error`; return how long to wait and the recovery step, if any."""
        level = logging.WARNING if self._streak.is_news(error) else logging.DEBUG
        log.log(level, "%s: %s", self._name, error)
        if self.state is LinkState.STREAMING:
            self._stats = self._stats.ended(error)
        step = self._policy.failed(error, t)
        if step is not None:
            self._stats = self._stats.tried(step)
        self._last_failure = str(error)
        self.advance(LinkEvent.FAILED)
        return self._streak.failed(error, jitter), step

    async def recover(self, step: RecoveryStep | None) -> None:
        """Take a recovery step; if it fails, that is logged and the link goes on."""
        if step is None:
            return
        log.info("%s: the adapter keeps failing: %s", self._name, step.value)
        try:
            await self._radio.recover(step)
        except LinkError as error:
            log.debug("%s: failed to %s: %s", self._name, step.value, error)
