"""The outputs that are on; those of the configuration may be changed in the night."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Sequence

from gateway import sinks
from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading
from gateway.daemon.active_sink import ActiveSink
from gateway.daemon.watchdog import Watchdog
from gateway.messages.control import Control
from gateway.messages.outputs import (
    Availability,
    Reading,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.headband_fit import Contacts

FAREWELL_S = 20.0  # for an output that is switched off to finish what it has
STANDING = (
    *(Availability, Battery, Contacts, LinkReading, SessionState),
    *(SignalBegins, LossCounts),
)
OF_A_SESSION = (Contacts, SignalBegins, LossCounts)


class SinkRouter:
    """Hands every reading to every output that is on.

    Parameters
    ----------
    active_sinks : sequence of ActiveSink
        On from the beginning; `start` lets them run.
    control : Control
        Told when an output is off.
    watchdog : Watchdog
        Does not wait for one that is off.
    """

    def __init__(
        self, active_sinks: Sequence[ActiveSink], control: Control, watchdog: Watchdog
    ) -> None:
        self._on = list(active_sinks)
        self._control, self._watchdog = control, watchdog
        self._keep: Callable[[ActiveSink], Coroutine[None, None, None]] | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._running: dict[ActiveSink, asyncio.Task[None]] = {}
        self._standing: dict[tuple[str, type], Reading] = {}

    def __iter__(self) -> Iterator[ActiveSink]:
        """Iterate over those that are on."""
        return iter(tuple(self._on))

    def start(
        self,
        tasks: asyncio.TaskGroup,
        keep: Callable[[ActiveSink], Coroutine[None, None, None]],
    ) -> None:
        """Have `keep` run each of them, as one of `tasks`."""
        self._tasks, self._keep = tasks, keep
        for each in self._on:
            self._run(each, None)

    def put(self, reading: Reading) -> None:
        """Hand `reading` to all that are on; keep it if it tells how things stand."""
        if isinstance(reading.value, STANDING):
            self._note(reading)
        for each in self._on:
            each.put(reading)

    def close(self) -> None:
        """Let each finish what it has, and end."""
        for each in self._on:
            each.feed.close()

    def change(self, wanted: Sequence[ActiveSink]) -> list[str]:
        """Have the outputs of the configuration be those `wanted`; name what changes.

        One whose options changed ends and is begun anew, with how things stand; the
        others, and the daemon's own, run on.
        """
        names = sinks.names()
        configured = {each.sink.name: each for each in self if each.sink.name in names}
        new = {each.sink.name: each for each in wanted}
        changed = []
        for name in sorted(configured.keys() | new.keys()):
            old, each = configured.get(name), new.get(name)
            if old is not None and each is not None and old.does_the_same_as(each):
                continue
            changed.append(name)
            self._replace(old, each)
        return changed

    def _note(self, reading: Reading) -> None:
        """Keep how things stand, in the order in which it came to be so."""
        device, value = reading.device, reading.value
        self._standing.pop((device, type(value)), None)
        self._standing[device, type(value)] = reading
        if isinstance(value, SessionState) and value.state is RecordingState.ENDED:
            for kind in OF_A_SESSION:
                self._standing.pop((device, kind), None)

    def _replace(self, old: ActiveSink | None, new: ActiveSink | None) -> None:
        before = None
        if old is not None:
            self._on.remove(old)
            old.feed.close()
            old.feed.opened.set()  # nobody is to wait for it
            before = self._running.pop(old, None)
        if new is not None:
            for reading in self._standing.values():
                new.put(reading)
            self._on.append(new)
        self._run(new, before)

    def _run(self, each: ActiveSink | None, before: asyncio.Task[None] | None) -> None:
        if self._tasks is None:
            return
        name = "farewell" if each is None else f"sink-{each.sink.name}"
        task = self._tasks.create_task(self._live(each, before), name=name)
        if each is not None:
            self._running[each] = task

    async def _live(
        self, each: ActiveSink | None, before: asyncio.Task[None] | None
    ) -> None:
        if before is not None:  # two of a kind would quarrel over files and names
            await asyncio.wait({before}, timeout=FAREWELL_S)
            before.cancel()
            await asyncio.wait({before})
        if each is not None and self._keep is not None:
            try:
                await self._keep(each)
            finally:
                self._control.note(each.sink.name, None)
                self._watchdog.rests(each.part)
