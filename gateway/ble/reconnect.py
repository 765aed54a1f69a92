"""Keep one headband streaming: find, connect, watch, wait, again."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from gateway.acquisition.packets import Input, LinkDown, LinkUp
from gateway.ble.backoff import FailureStreak
from gateway.ble.link_state import LinkEvent, LinkState, advance
from gateway.ble.link_stats import LinkReading, LinkStats
from gateway.ble.radio import Radio
from gateway.ble.recovery_policy import RecoveryPolicy, RecoveryStep
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
    (``athrow``) to say that what comes is no good: it yields the `LinkDown`.

    Parameters
    ----------
    radio, driver, address
        As for `Radio.find`.
    report : callable
        Hears every new state, for telemetry.
    stall_s : float
        Silence that counts as a lost link, seconds. No other sign is given when the
        Bluetooth daemon hangs.
    clock, jitter : callable
        Monotonic seconds; draws from [0, 1) for `gateway.ble.backoff`.
    """
    life = _Life(radio, driver.name, report)
    life.became(LinkEvent.STARTED)
    while True:
        try:
            seen = await radio.find(driver, address)
            life.became(LinkEvent.FOUND)
            async with radio.connect(seen, driver, became=life.became) as connection:
                life.streams(seen.address, clock())
                yield LinkUp(clock(), connection.info)
                while True:
                    notification = await connection.notifications.take(stall_s)
                    life.heard(clock())
                    yield notification
        except LinkError as error:
            streamed = life.state is LinkState.STREAMING
            pause_s, step = life.failed(error, clock(), jitter())
            if streamed:
                yield LinkDown(clock(), str(error))
            await life.mend(step)
            await asyncio.sleep(pause_s)
            life.became(LinkEvent.WAITED)


class _Life:
    """Where a link stands, how it fared, and who hears of it."""

    def __init__(
        self, radio: Radio, name: str, report: Callable[[LinkReading], None]
    ) -> None:
        self.state = LinkState.IDLE
        self._radio = radio
        self._name = name
        self._report = report
        self._tally = LinkStats()
        self._why = ""
        self._streak = FailureStreak()
        self._policy = RecoveryPolicy()

    def became(self, event: LinkEvent) -> None:
        """Go where `event` leads."""
        self.state = advance(self.state, event)
        tally = replace(self._tally, scans=self._radio.scans)
        if self.state is LinkState.SCANNING:
            tally = replace(tally, attempts=tally.attempts + 1)
        elif self.state is LinkState.STREAMING:
            tally = replace(tally, connections=tally.connections + 1)
            self._why = ""
        self._tally = tally
        self._report(LinkReading(self.state, tally, self._why))

    def streams(self, address: str, t: float) -> None:
        """Note that notifications come from `t` on."""
        log.info("%s %s: streaming", self._name, address)
        self._streak.began(t)

    def heard(self, t: float) -> None:
        """Note that one came."""
        self._streak.lasted(t)

    def failed(
        self, error: LinkError, t: float, jitter: float
    ) -> tuple[float, RecoveryStep | None]:
        """Count `error`; return how long to wait and what to do against it."""
        level = logging.WARNING if self._streak.is_news(error) else logging.DEBUG
        log.log(level, "%s: %s", self._name, error)
        if self.state is LinkState.STREAMING:
            self._tally = self._tally.ended(error)
        step = self._policy.failed(error, t)
        if step is not None:
            self._tally = self._tally.tried(step)
        self._why = str(error)
        self.became(LinkEvent.FAILED)
        return self._streak.failed(error, jitter), step

    async def mend(self, step: RecoveryStep | None) -> None:
        """Do what `step` says."""
        if step is None:
            return
        log.info("%s: the adapter keeps failing: %s", self._name, step.value)
        try:
            await self._radio.mend(step)
        except LinkError as error:
            log.debug("%s: could not %s: %s", self._name, step.value, error)
