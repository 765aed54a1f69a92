"""Outputs are changed in the night: nothing is lost, nothing runs twice."""

import asyncio
from dataclasses import dataclass

import pytest

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.daemon.active_sink import active_sink
from gateway.daemon.sink_router import FAREWELL_S, SinkRouter
from gateway.daemon.supervisor import serve
from gateway.daemon.watchdog import Watchdog
from gateway.errors import SinkError
from gateway.messages.control import RUNS, Control, Reload
from gateway.messages.outputs import Availability, Reading, RecordingState, SessionState
from gateway.sinks import Sink

WANTS = (Availability, Battery, SessionState, LossCounts)


@dataclass(frozen=True)
class Options:
    host: str = "a"


class Output:
    """An output that notes what it does, and may be slow or fail."""

    def __init__(self, name, *, fails=False, hangs=False):
        self.log = []
        self._fails, self._hangs = fails, hangs
        self.sink = Sink(name, Options, WANTS, self._run)

    def with_(self, host):
        return active_sink(self.sink, Options(host))

    async def _run(self, options, feed, control):
        self.log.append(f"begins with {options.host}")
        try:
            async for reading in feed:
                if self._fails:
                    raise SinkError("disk full")
                self.log.append(reading.value)
                if self._hangs:
                    await asyncio.Event().wait()
        finally:
            self.log.append("ends")


@pytest.fixture(autouse=True)
def _names(monkeypatch):
    monkeypatch.setattr("gateway.sinks.names", lambda: ["one", "two"])


def reading(value):
    return Reading("bedroom", "S", "m", "9f2c41d07a6b", (), value)


async def keep(each, control):
    while True:
        control.note(each.sink.name, RUNS)
        try:
            return await each.sink.run(each.options, each.feed, control)
        except SinkError:
            await asyncio.sleep(5)


class Scene:
    def __init__(self, *active_sinks):
        self.control = Control()
        self.watchdog = Watchdog(asyncio.get_running_loop().time)
        self.router = SinkRouter(active_sinks, self.control, self.watchdog)

    async def __aenter__(self):
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self.router.start(self._tasks, lambda each: keep(each, self.control))
        await asyncio.sleep(1)
        return self

    async def __aexit__(self, *error):
        self.router.close()
        await self._tasks.__aexit__(*error)

    async def say(self, value):
        self.router.put(reading(value))
        await asyncio.sleep(1)

    async def change(self, *wanted):
        changed = self.router.change(wanted)
        await asyncio.sleep(1)
        return changed


async def test_only_what_changed_begins_anew_and_hears_how_things_stand():
    one, two = Output("one"), Output("two")
    async with Scene(one.with_("a"), two.with_("a")) as scene:
        await scene.say(Battery(70))
        await scene.say(Battery(69))
        assert await scene.change(one.with_("b"), two.with_("a")) == ["one"]
        await scene.say(LossCounts(packets=1))
    assert one.log == [
        *("begins with a", Battery(70), Battery(69), "ends"),
        *("begins with b", Battery(69), LossCounts(packets=1), "ends"),
    ]
    assert two.log == [
        *("begins with a", Battery(70), Battery(69), LossCounts(packets=1), "ends")
    ]


async def test_an_output_may_be_switched_on_and_off():
    one, two = Output("one"), Output("two")
    async with Scene(one.with_("a")) as scene:
        assert await scene.change(two.with_("a")) == ["one", "two"]
        assert one.log == ["begins with a", "ends"]
        assert list(await scene.control.standings()) == ["two"]
        await scene.say(Battery(70))
    assert two.log == ["begins with a", Battery(70), "ends"]


async def test_what_is_the_daemons_own_stays():
    own, one = Output("control"), Output("one")
    async with Scene(own.with_("a"), one.with_("a")) as scene:
        assert await scene.change(one.with_("a")) == []
        assert await scene.change() == ["one"]
    assert own.log == ["begins with a", "ends"]


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
async def test_an_output_that_does_not_end_is_ended(trouble):
    one = Output("one", **{trouble: True})
    async with Scene(one.with_("a")) as scene:
        await scene.say(Battery(70))
        await scene.change(one.with_("b"))
        await asyncio.sleep(FAREWELL_S + 10)
        assert one.log.count("begins with b") >= 1
        later = [line for line in one.log if line == "begins with a"]
        await scene.change()
        await asyncio.sleep(FAREWELL_S + 300)
        assert [line for line in one.log if line == "begins with a"] == later
        assert scene.watchdog.stuck() == []
        assert await scene.control.standings() == {}


async def test_a_session_that_has_ended_is_not_shown_as_if_it_ran():
    one = Output("one")
    async with Scene() as scene:
        await scene.say(LossCounts(packets=9))
        await scene.say(SessionState(RecordingState.ENDED))
        await scene.change(one.with_("a"))
    assert one.log == ["begins with a", SessionState(RecordingState.ENDED), "ends"]


async def test_the_daemon_changes_them_when_it_is_asked():
    one = Output("one")
    control, stop = Control(), asyncio.Event()

    async def reread():
        return [one.with_("b")]

    control.reread = reread
    loop = asyncio.get_running_loop()
    loop.call_later(5, control.ask, Reload())
    loop.call_later(9, stop.set)
    await serve([], [one.with_("a")], stop, control=control)
    assert one.log == ["begins with a", "ends", "begins with b", "ends"]
