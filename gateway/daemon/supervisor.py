"""Start everything, keep it running, stop it in order."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import MAXYEAR, UTC, datetime
from functools import partial
from typing import assert_never

from gateway.acquisition.packets import ClockTick, Input
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.daemon.active_sink import ActiveSink
from gateway.daemon.sink_router import SinkRouter
from gateway.daemon.systemd_notify import notify
from gateway.daemon.watchdog import Watchdog
from gateway.errors import ConfigError, OtherKindError, SinkError
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

log = logging.getLogger(__name__)

RETRY_S = 5.0  # pause before a failed sink starts again
STREAM_S = 60.0  # a stream notices silence by itself, after `stall_s`
LINK_S = 300.0  # in every other state a link has deadlines of its own, all shorter
SINK_S = 120.0  # for one reading; a broker or a disk that hangs is given up sooner


def clock_now() -> ClockTick:
    """Read the clocks.

    A wall clock in the last year that `datetime` knows is read as in the year before:
    a night from there on, and its local time, would be beyond what can be computed.
    """
    utc = datetime.now(UTC)
    if utc.year == MAXYEAR:
        utc = utc.replace(year=MAXYEAR - 1)
    return ClockTick(time.monotonic(), utc, clock_synchronised())


async def serve(
    setups: Sequence[DeviceSetup],
    active_sinks: Sequence[ActiveSink],
    stop: asyncio.Event,
    now: Callable[[], ClockTick] = clock_now,
    control: Control | None = None,
) -> None:
    """Run until `stop`; then quiet the radio, drain the sinks and return.

    What is asked of `control` is carried out, if one is given.

    A bug in any task cancels the rest and propagates, so that systemd restarts the
    daemon from a clean slate.
    """
    controllers = [SessionController(setup) for setup in setups]
    control = control or Control()
    watchdog = Watchdog(asyncio.get_running_loop().time)
    router = SinkRouter(active_sinks, control, watchdog)
    async with asyncio.TaskGroup() as tasks:
        router.start(tasks, partial(_keep, control=control, watchdog=watchdog))
        work = {
            tasks.create_task(
                _pump(controller, router, now, watchdog), name=f"pump-{controller.name}"
            )
            for controller in controllers
        }
        ticking = _tick(controllers, router, now, watchdog)
        work.add(tasks.create_task(ticking, name="ticker"))
        work.add(tasks.create_task(_announce(active_sinks), name="announcer"))
        obeying = _obey(control, controllers, router, stop, now)
        work.add(tasks.create_task(obeying, name="control"))
        await stop.wait()
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        for controller in controllers:
            _spread(controller, controller.leave(), router)
        router.close()


async def _pump(
    controller: SessionController,
    router: SinkRouter,
    now: Callable[[], ClockTick],
    watchdog: Watchdog,
) -> None:
    link = LinkReading(LinkState.IDLE, LinkStats())

    def moved() -> None:
        streams = link.state is LinkState.STREAMING
        watchdog.moved(
            f"link of {controller.name}",
            STREAM_S + controller.setup.stall_s if streams else LINK_S,
        )

    def report(state: LinkReading) -> None:
        nonlocal link
        link = state
        log.debug("%s: %s", controller.name, state.state.value)
        moved()
        _spread(controller, [state], router)

    moved()
    _spread(controller, controller.open(now()), router)
    try:
        async with aclosing(controller.setup.source(report)) as source:
            value = await anext(source)
            while True:
                moved()
                fault = _misfit(controller, value, router) or controller.fault(value)
                step = anext(source) if fault is None else source.athrow(fault)
                value = await step
    finally:
        log.info("%s: %s", controller.name, link.stats)


def _misfit(
    controller: SessionController, value: Input, router: SinkRouter
) -> OtherKindError | None:
    """Hand on an input; return the error of a headband whose channels fit no input.

    It may be a neighbour's: it costs its own link, which looks for another headband,
    and never the other headbands or the daemon.
    """
    try:
        _spread(controller, controller.push_input(value), router)
    except ConfigError as error:
        return OtherKindError(f"this headband's channels do not fit: {error}")
    return None


async def _obey(
    control: Control,
    controllers: Sequence[SessionController],
    router: SinkRouter,
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
                changed = ", ".join(router.change(wanted)) or "none"
                log.info("outputs restarted or stopped: %s", changed)
            continue
        for controller in controllers:
            if controller.name == command.device:
                _spread(controller, _follow(controller, command, now()), router)


def _follow(
    controller: SessionController, command: Command, now: ClockTick
) -> Iterator[Output]:
    match command:
        case BeginSession():
            return controller.begin(now)
        case EndSession():
            return controller.end()
        case Mark() | MarkLights() if not controller.runs:
            log.warning("%s: no session runs, so nothing is marked", controller.name)
            return iter(())
        case Mark(_, text, what):
            return controller.mark(now.t, text, what)
        case MarkLights(_, off):
            return controller.switch_lights(now.t, off=off)
        case Reload() | Restart():
            return iter(())
        case _:
            assert_never(command)


async def _announce(active_sinks: Sequence[ActiveSink]) -> None:
    """Tell systemd when every output takes what the pipelines bring."""
    for each in active_sinks:
        await each.feed.opened.wait()
    notify("READY=1")
    log.info("ready")


async def _tick(
    controllers: Sequence[SessionController],
    router: SinkRouter,
    now: Callable[[], ClockTick],
    watchdog: Watchdog,
) -> None:
    taken: dict[ActiveSink, int] = {}
    logged: list[str] = []
    while True:
        for controller in controllers:
            _spread(controller, controller.push_input(now()), router)
        for each in router:
            if not each.feed:
                watchdog.rests(each.part)
            elif taken.get(each) != each.feed.taken:
                watchdog.moved(each.part, SINK_S)
            taken[each] = each.feed.taken
        stuck = watchdog.stuck()
        if not stuck:
            notify("WATCHDOG=1")  # the loop turns, and so does all that it carries
        elif stuck != logged:
            log.error("stuck: %s; the watchdog will end the daemon", ", ".join(stuck))
        logged = stuck
        await asyncio.sleep(1)


def _spread(
    controller: SessionController, outputs: Iterable[Output], router: SinkRouter
) -> None:
    for output in outputs:
        router.put(controller.reading(output))


async def _keep(each: ActiveSink, control: Control, watchdog: Watchdog) -> None:
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
            watchdog.moved(each.part, RETRY_S + SINK_S)
            await asyncio.sleep(RETRY_S)
