"""Start everything, keep it running, stop it in order."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from functools import partial
from typing import assert_never

from gateway.acquisition.packets import ClockTick
from gateway.ble.link_state import LinkState
from gateway.ble.link_stats import LinkReading, LinkStats
from gateway.daemon.active_sink import ActiveSink, outlet
from gateway.daemon.sink_router import SinkRouter
from gateway.daemon.systemd_notify import notify
from gateway.daemon.watchdog import Watchdog
from gateway.errors import SinkError
from gateway.host.metrics import clock_synchronised
from gateway.messages.control import (
    RUNS,
    BeginSession,
    Command,
    Control,
    EndSession,
    Mark,
    MarkLights,
    OutputHealth,
    Reload,
    Restart,
    words_of,
)
from gateway.messages.outputs import Output
from gateway.session.controller import SessionController
from gateway.session.device import DeviceSetup

__all__ = ["ActiveSink", "outlet", "serve"]

log = logging.getLogger(__name__)

RETRY_S = 5.0  # pause before a failed sink starts again
STREAM_S = 60.0  # a stream notices silence by itself, after `stall_s`
LINK_S = 300.0  # in every other state a link has deadlines of its own, all shorter
SINK_S = 120.0  # for one reading; a broker or a disk that hangs is given up sooner


def clock_now() -> ClockTick:
    """Read the clocks."""
    return ClockTick(time.monotonic(), datetime.now(UTC), clock_synchronised())


async def serve(
    stations: Sequence[DeviceSetup],
    outlets: Sequence[ActiveSink],
    stop: asyncio.Event,
    now: Callable[[], ClockTick] = clock_now,
    control: Control | None = None,
) -> None:
    """Run until `stop`; then quiet the radio, drain the sinks and return.

    What is asked of `control` is carried out, if one is given.

    A bug in any task cancels the rest and propagates, so that systemd restarts the
    daemon from a clean slate.
    """
    beds = [SessionController(station) for station in stations]
    control = control or Control()
    vigil = Watchdog(asyncio.get_running_loop().time)
    board = SinkRouter(outlets, control, vigil)
    async with asyncio.TaskGroup() as tasks:
        board.start(tasks, partial(_keep, control=control, vigil=vigil))
        work = {
            tasks.create_task(_pump(bed, board, now, vigil), name=f"pump-{bed.name}")
            for bed in beds
        }
        ticking = _tick(beds, board, now, vigil)
        work.add(tasks.create_task(ticking, name="ticker"))
        work.add(tasks.create_task(_announce(outlets), name="announcer"))
        obeying = _obey(control, beds, board, stop, now)
        work.add(tasks.create_task(obeying, name="control"))
        await stop.wait()
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        for bed in beds:
            _spread(bed, bed.leave(), board)
        board.close()


async def _pump(
    bed: SessionController,
    board: SinkRouter,
    now: Callable[[], ClockTick],
    vigil: Watchdog,
) -> None:
    link = LinkReading(LinkState.IDLE, LinkStats())

    def moved() -> None:
        streams = link.state is LinkState.STREAMING
        vigil.moved(
            f"link of {bed.name}",
            STREAM_S + bed.station.stall_s if streams else LINK_S,
        )

    def report(state: LinkReading) -> None:
        nonlocal link
        link = state
        log.debug("%s: %s", bed.name, state.state.value)
        moved()
        _spread(bed, [state], board)

    moved()
    _spread(bed, bed.open(now()), board)
    try:
        async with aclosing(bed.station.source(report)) as source:
            value = await anext(source)
            while True:
                moved()
                _spread(bed, bed.push(value), board)
                fault = bed.fault(value)
                step = anext(source) if fault is None else source.athrow(fault)
                value = await step
    finally:
        log.info("%s: %s", bed.name, link.tally)


async def _obey(
    control: Control,
    beds: Sequence[SessionController],
    board: SinkRouter,
    stop: asyncio.Event,
    now: Callable[[], ClockTick],
) -> None:
    while True:
        command = await control.next()
        log.info("%s", words_of(command))
        if isinstance(command, Restart):
            stop.set()
            continue
        if isinstance(command, Reload):
            if (wanted := await control.reread()) is not None:
                changed = ", ".join(board.change(wanted)) or "none"
                log.info("outputs begun anew or ended: %s", changed)
            continue
        for bed in beds:
            if bed.name == command.device:
                _spread(bed, _follow(bed, command, now()), board)


def _follow(
    bed: SessionController, command: Command, now: ClockTick
) -> Iterator[Output]:
    match command:
        case BeginSession():
            return bed.begin(now)
        case EndSession():
            return bed.end()
        case Mark() | MarkLights() if not bed.runs:
            log.warning("%s: no session runs, so nothing is marked", bed.name)
            return iter(())
        case Mark(_, text, what):
            return bed.mark(now.t, text, what)
        case MarkLights(_, off):
            return bed.switch_lights(now.t, off=off)
        case Reload() | Restart():
            return iter(())
        case _:
            assert_never(command)


async def _announce(outlets: Sequence[ActiveSink]) -> None:
    """Tell systemd when every output takes what the pipelines bring."""
    for each in outlets:
        await each.feed.opened.wait()
    notify("READY=1")
    log.info("ready")


async def _tick(
    beds: Sequence[SessionController],
    board: SinkRouter,
    now: Callable[[], ClockTick],
    vigil: Watchdog,
) -> None:
    taken: dict[ActiveSink, int] = {}
    told: list[str] = []
    while True:
        for bed in beds:
            _spread(bed, bed.push(now()), board)
        for each in board:
            if not each.feed:
                vigil.rests(each.part)
            elif taken.get(each) != each.feed.taken:
                vigil.moved(each.part, SINK_S)
            taken[each] = each.feed.taken
        stuck = vigil.stuck()
        if not stuck:
            notify("WATCHDOG=1")  # the loop turns, and so does all that it carries
        elif stuck != told:
            log.error("stuck: %s; nothing is said to the watchdog", ", ".join(stuck))
        told = stuck
        await asyncio.sleep(1)


def _spread(
    bed: SessionController, outputs: Iterable[Output], board: SinkRouter
) -> None:
    for output in outputs:
        board.put(bed.reading(output))


async def _keep(each: ActiveSink, control: Control, vigil: Watchdog) -> None:
    failures = 0
    name = each.sink.name
    while True:
        control.note(name, RUNS)
        try:
            return await each.sink.run(each.options, each.feed, control)
        except SinkError as error:
            control.note(name, OutputHealth(well=False, words=str(error)))
            failures += 1
            level = logging.WARNING if failures == 1 else logging.DEBUG
            log.log(level, "%s: %s; again in %.0f s", each.part, error, RETRY_S)
            each.feed.opened.set()  # the night goes on without it
            vigil.moved(each.part, RETRY_S + SINK_S)
            await asyncio.sleep(RETRY_S)
