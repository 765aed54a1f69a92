"""Start everything, keep it running, stop it in order."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from datetime import MAXYEAR, UTC, datetime
from functools import partial
from typing import assert_never

from gateway.acquisition.packets import ClockTick, Input, LinkDown
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.daemon.active_sink import ActiveSink
from gateway.daemon.sink_router import SinkRouter
from gateway.daemon.systemd_notify import notify
from gateway.daemon.watchdog import Watchdog
from gateway.errors import (
    ConfigError,
    LinkError,
    SinkError,
    StuckAdapterError,
    UnfitHeadbandError,
)
from gateway.fault_barrier import CountedFault, Edge, FaultBarrier
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
from gateway.staging.scored_epoch import ScoredEpoch

log = logging.getLogger(__name__)

LINK_AGAIN_S = 30.0  # pause before a link whose own code failed begins anew
MOST_FAULTS = 3  # of a headband without an epoch between them
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

    An unexpected error costs the headband or the output where it came up, and is
    counted in ``control.faults``; one of this loop itself cancels all and propagates,
    so that systemd restarts the daemon from a clean slate.
    """
    control = control or Control()
    watchdog = Watchdog(asyncio.get_running_loop().time)
    router = SinkRouter(active_sinks, control, watchdog)
    controllers = [
        GuardedController(SessionController(setup), router, control.faults, now)
        for setup in setups
    ]
    async with asyncio.TaskGroup() as tasks:
        router.start(tasks, partial(_keep, control=control, watchdog=watchdog))
        work = {
            tasks.create_task(
                _pump(each, now, watchdog), name=f"pump-{each.controller.name}"
            )
            for each in controllers
        }
        ticking = _tick(controllers, router, now, watchdog)
        work.add(tasks.create_task(ticking, name="ticker"))
        work.add(tasks.create_task(_announce(active_sinks), name="announcer"))
        obeying = _obey(control, controllers, router, stop)
        work.add(tasks.create_task(obeying, name="control"))
        await stop.wait()
        for task in work:
            task.cancel()
        await asyncio.wait(work)
        for each in controllers:
            each.spread(each.controller.leave)
        router.close()


class GuardedController:
    """Session controller whose unexpected errors cost its headband, and no other.

    Parameters
    ----------
    controller : SessionController
    router : SinkRouter
        Gets the outputs.
    faults : FaultBarrier
    now : callable
        Reads the clocks.
    """

    def __init__(
        self,
        controller: SessionController,
        router: SinkRouter,
        faults: FaultBarrier,
        now: Callable[[], ClockTick],
    ) -> None:
        self.controller = controller
        self.faults = faults
        self._router, self._now = router, now
        self._n_faults = 0  # since the last epoch

    def open(self) -> None:
        """Open the controller; a checkpoint that cannot be used costs itself."""
        at = f"checkpoint of {self.controller.name}"
        with self.faults.at(Edge.FILE, at) as guard:
            self._spread(self.controller.open(self._now()))
        if guard.fault is not None:
            self._start_over()

    def spread(
        self, outputs: Callable[[], Iterable[Output]], *passing: type[Exception]
    ) -> CountedFault | None:
        """Hand on what `outputs` makes; return the fault if that failed.

        After some faults without an epoch between them the session is given up, and
        another begins: it is beyond mending.
        """
        name = self.controller.name
        with self.faults.at(Edge.HEADBAND, name, *passing) as guard:
            self._spread(outputs())
        if guard.fault is not None:
            self._n_faults += 1
            if self._n_faults >= MOST_FAULTS:
                log.warning("%s: errors on and on; its session is given up", name)
                self._start_over()
        return guard.fault

    def report(self, state: LinkReading) -> None:
        """Hand on a state of the link."""
        self._spread([state])

    def follow(self, command: Command) -> Iterator[Output]:
        """Carry out a command about this headband."""
        controller, now = self.controller, self._now()
        match command:
            case BeginSession():
                return controller.begin(now)
            case EndSession():
                return controller.end()
            case Mark() | MarkLights() if not controller.runs:
                log.warning(
                    "%s: no session runs, so nothing is marked", controller.name
                )
                return iter(())
            case Mark(_, text, what):
                return controller.mark(now.t, text, what)
            case MarkLights(_, off):
                return controller.switch_lights(now.t, off=off)
            case Reload() | Restart():
                return iter(())
            case _:
                assert_never(command)

    def _start_over(self) -> None:
        self._n_faults = 0
        with self.faults.at(Edge.HEADBAND, self.controller.name):
            self._spread(self.controller.start_over(self._now()))

    def _spread(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            self._router.put(self.controller.reading(output))
            if isinstance(output, ScoredEpoch):
                self._n_faults = 0


async def _pump(
    guarded: GuardedController, now: Callable[[], ClockTick], watchdog: Watchdog
) -> None:
    link = LinkReading(LinkState.IDLE, LinkStats())
    controller = guarded.controller

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
        guarded.report(state)

    moved()
    guarded.open()
    try:
        while True:
            with guarded.faults.at(
                Edge.HEADBAND, controller.name, StuckAdapterError
            ) as guard:
                await _follow_link(guarded, report, moved)
            why = str(guard.fault)
            guarded.spread(partial(controller.push_input, LinkDown(now().t, why)))
            report(LinkReading(LinkState.WAITING, link.stats, why))
            await asyncio.sleep(LINK_AGAIN_S)
    finally:
        log.info("%s: %s", controller.name, link.stats)


async def _follow_link(
    guarded: GuardedController,
    report: Callable[[LinkReading], None],
    moved: Callable[[], None],
) -> None:
    """Push what the link brings; an error of it ends the link's connection."""
    controller = guarded.controller
    async with aclosing(controller.setup.source(report)) as source:
        value = await anext(source)
        while True:
            moved()
            error = _misfit(guarded, value) or controller.fault(value)
            step = anext(source) if error is None else source.athrow(error)
            value = await step


def _misfit(guarded: GuardedController, value: Input) -> LinkError | None:
    """Hand on an input; return the error of a headband that cannot be followed.

    One whose channels fit no input may be a neighbour's: it costs its own link, which
    looks for another headband, and never the other headbands or the daemon. So does
    one whose data come upon a bug.
    """
    controller = guarded.controller
    try:
        fault = guarded.spread(lambda: controller.push_input(value), ConfigError)
    except ConfigError as error:
        return UnfitHeadbandError(f"this headband's channels do not fit: {error}")
    if fault is None or isinstance(value, LinkDown):
        return None
    return LinkError(f"unexpected error over what the headband sends: {fault}")


async def _obey(
    control: Control,
    controllers: Sequence[GuardedController],
    router: SinkRouter,
    stop: asyncio.Event,
) -> None:
    while True:
        command = await control.next()
        log.info("%s", words_of(command))
        if isinstance(command, Restart):
            stop.set()
            continue
        if isinstance(command, Reload):
            with control.faults.at(Edge.FILE, "configuration"):
                if (wanted := await control.reread()) is not None:
                    changed = ", ".join(router.change(wanted)) or "none"
                    log.info("outputs restarted or stopped: %s", changed)
            continue
        for each in controllers:
            if each.controller.name == command.device:
                each.spread(partial(each.follow, command))


async def _announce(active_sinks: Sequence[ActiveSink]) -> None:
    """Tell systemd when every output takes what the pipelines bring."""
    for each in active_sinks:
        await each.feed.opened.wait()
    notify("READY=1")
    log.info("ready")


async def _tick(
    controllers: Sequence[GuardedController],
    router: SinkRouter,
    now: Callable[[], ClockTick],
    watchdog: Watchdog,
) -> None:
    taken: dict[ActiveSink, int] = {}
    logged: list[str] = []
    while True:
        for each in controllers:
            each.spread(partial(each.controller.push_input, now()))
        for sink in router:
            if not sink.feed:
                watchdog.rests(sink.part)
            elif taken.get(sink) != sink.feed.taken:
                watchdog.moved(sink.part, SINK_S)
            taken[sink] = sink.feed.taken
        stuck = watchdog.stuck()
        if not stuck:
            notify("WATCHDOG=1")  # the loop turns, and so does all that it carries
        elif stuck != logged:
            log.error("stuck: %s; the watchdog will end the daemon", ", ".join(stuck))
        logged = stuck
        await asyncio.sleep(1)


async def _keep(each: ActiveSink, control: Control, watchdog: Watchdog) -> None:
    failures, name, taken = 0, each.sink.name, -1
    while True:
        control.note(name, RUNS)
        try:
            with control.faults.at(Edge.OUTPUT, name, SinkError) as guard:
                return await each.sink.run(each.options, each.feed, control)
            words = f"unexpected error: {guard.fault}"
            if taken == each.feed.taken:  # the second time over one reading
                each.feed.skip()
            taken = each.feed.taken
        except SinkError as error:
            words = str(error)
        control.note(name, OutputHealth(well=False, words=words))
        failures += 1
        level = logging.WARNING if failures == 1 else logging.DEBUG
        log.log(level, "%s: %s; again in %.0f s", each.part, words, RETRY_S)
        each.feed.opened.set()  # the night goes on without it
        watchdog.moved(each.part, RETRY_S + SINK_S)
        await asyncio.sleep(RETRY_S)
