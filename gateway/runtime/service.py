"""Start everything, keep it running, stop it in order."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.acquisition.packets import Input, Notification, Tick
from gateway.errors import LinkError, SinkError, StallError
from gateway.feed import Feed
from gateway.link.machine import State
from gateway.link.tally import LinkState, LinkTally
from gateway.machine import clock_synchronised
from gateway.outputs import Output, Reading
from gateway.pipeline import Pipeline
from gateway.runtime.systemd import notify
from gateway.sinks import Sink
from gateway.staging.model_card import ModelCard

log = logging.getLogger(__name__)

RETRY_S = 5.0  # pause before a failed sink starts again
BAD_IN_A_ROW = 100
DEPTH = 4096  # readings kept for a sink that lags: a night of epochs and more


@dataclass(frozen=True, slots=True, eq=False)
class Station:
    """One headband with all that belongs to it.

    Attributes
    ----------
    device : str
        Its name in the configuration.
    session : str
        Sortable identifier of the night.
    card : ModelCard
        Of the model that scores it.
    source : callable
        Makes its link, an async generator of inputs that never ends by itself and
        takes a thrown `LinkError` for the end of the connection. It is given where
        to report the link's states.
    pipeline : Pipeline
    stall_s : float
        Notifications without samples for so long are no connection.
    """

    device: str
    session: str
    card: ModelCard
    source: Callable[[Callable[[LinkState], None]], AsyncGenerator[Input, None]]
    pipeline: Pipeline
    stall_s: float

    def reading(self, value: Output) -> Reading:
        """Wrap an output of this station's pipeline."""
        return Reading(
            device=self.device,
            session=self.session,
            model=self.card.name,
            model_digest=self.card.short_digest,
            channels=self.card.channels,
            value=value,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Outlet:
    """A sink that is switched on, with its options and its queue."""

    sink: Sink[Any]
    options: object
    feed: Feed[Reading]

    def put(self, reading: Reading) -> None:
        """Queue `reading` if the sink wants its kind."""
        if isinstance(reading.value, self.sink.wants):
            self.feed.put(reading)


def outlet(sink: Sink[Any], options: object) -> Outlet:
    """Switch `sink` on."""
    return Outlet(sink, options, Feed[Reading](depth=DEPTH))


def clock_now() -> Tick:
    """Read the clocks."""
    return Tick(time.monotonic(), datetime.now(UTC), clock_synchronised())


async def serve(
    stations: Sequence[Station],
    outlets: Sequence[Outlet],
    stop: asyncio.Event,
    now: Callable[[], Tick] = clock_now,
) -> None:
    """Run until `stop`; then quiet the radio, drain the sinks and return.

    A bug in any task cancels the rest and propagates, so that systemd restarts the
    daemon from a clean slate.
    """
    async with asyncio.TaskGroup() as tasks:
        for each in outlets:
            tasks.create_task(_keep(each), name=f"sink-{each.sink.name}")
        pumps = {
            tasks.create_task(
                _pump(station, outlets, now), name=f"pump-{station.device}"
            )
            for station in stations
        }
        ticker = tasks.create_task(_tick(stations, outlets, now), name="ticker")
        await stop.wait()
        for task in (ticker, *pumps):
            task.cancel()
        await asyncio.wait({ticker, *pumps})
        for station in stations:
            _spread(station, station.pipeline.close(), outlets)
        for each in outlets:
            each.feed.close()


async def _pump(
    station: Station, outlets: Sequence[Outlet], now: Callable[[], Tick]
) -> None:
    link = LinkState(State.IDLE, LinkTally())

    def report(state: LinkState) -> None:
        nonlocal link
        link = state
        log.debug("%s: %s", station.device, state.state.value)
        _spread(station, [state], outlets)

    _spread(station, station.pipeline.push(now()), outlets)
    try:
        async with aclosing(station.source(report)) as source:
            value = await anext(source)
            while True:
                _spread(station, station.pipeline.push(value), outlets)
                fault = _fault(station, value)
                step = anext(source) if fault is None else source.athrow(fault)
                value = await step
    finally:
        log.info("%s: %s", station.device, link.tally)


def _fault(station: Station, value: Input) -> LinkError | None:
    """Return why the connection that `value` came over is no use, if it is not."""
    if not isinstance(value, Notification):
        return None
    n_bad = station.pipeline.bad_in_a_row
    if n_bad >= BAD_IN_A_ROW:
        return LinkError(f"{n_bad} notifications in a row were no packets")
    if value.t_rx - station.pipeline.t_sampled > station.stall_s:
        return StallError(f"notifications, but no samples for {station.stall_s:g} s")
    return None


async def _tick(
    stations: Sequence[Station], outlets: Sequence[Outlet], now: Callable[[], Tick]
) -> None:
    while True:
        for station in stations:
            _spread(station, station.pipeline.push(now()), outlets)
        notify("WATCHDOG=1")  # the loop turns, and the pipelines take what it brings
        await asyncio.sleep(1)


def _spread(
    station: Station, outputs: Iterable[Output], outlets: Sequence[Outlet]
) -> None:
    for output in outputs:
        reading = station.reading(output)
        for each in outlets:
            each.put(reading)


async def _keep(each: Outlet) -> None:
    failures = 0
    while True:
        try:
            return await each.sink.run(each.options, each.feed)
        except SinkError as error:
            failures += 1
            level = logging.WARNING if failures == 1 else logging.DEBUG
            log.log(
                level, "output %s: %s; again in %.0f s", each.sink.name, error, RETRY_S
            )
            await asyncio.sleep(RETRY_S)
