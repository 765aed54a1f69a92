"""Start everything, keep it running, stop it in order."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.acquisition.packets import Input, Tick
from gateway.errors import SinkError
from gateway.feed import Feed
from gateway.outputs import Output, Reading
from gateway.pipeline import Pipeline
from gateway.runtime.systemd import clock_synchronised, notify
from gateway.sinks import Sink
from gateway.staging.model_card import ModelCard

log = logging.getLogger(__name__)

RETRY_S = 5.0  # pause before a failed sink starts again
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
    source : async generator of Input
        Its link; never ends by itself.
    pipeline : Pipeline
    """

    device: str
    session: str
    card: ModelCard
    source: AsyncGenerator[Input, None]
    pipeline: Pipeline

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


async def serve(
    stations: Sequence[Station], outlets: Sequence[Outlet], stop: asyncio.Event
) -> None:
    """Run until `stop`; then quiet the radio, drain the sinks and return.

    A bug in any task cancels the rest and propagates, so that systemd restarts the
    daemon from a clean slate.
    """
    async with asyncio.TaskGroup() as tasks:
        for each in outlets:
            tasks.create_task(_keep(each), name=f"sink-{each.sink.name}")
        pumps = {
            tasks.create_task(_pump(station, outlets), name=f"pump-{station.device}")
            for station in stations
        }
        ticker = tasks.create_task(_tick(stations, outlets), name="ticker")
        await stop.wait()
        for task in (ticker, *pumps):
            task.cancel()
        await asyncio.wait({ticker, *pumps})
        for station in stations:
            _spread(station, station.pipeline.close(), outlets)
        for each in outlets:
            each.feed.close()


async def _pump(station: Station, outlets: Sequence[Outlet]) -> None:
    _spread(station, station.pipeline.push(_now()), outlets)
    async with aclosing(station.source) as source:
        async for value in source:
            _spread(station, station.pipeline.push(value), outlets)


async def _tick(stations: Sequence[Station], outlets: Sequence[Outlet]) -> None:
    while True:
        for station in stations:
            _spread(station, station.pipeline.push(_now()), outlets)
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


def _now() -> Tick:
    return Tick(time.monotonic(), datetime.now(UTC), clock_synchronised())
