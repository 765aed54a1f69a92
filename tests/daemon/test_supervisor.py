"""A broken output restarts, the others go on, and stopping loses nothing."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

import pytest

from gateway.acquisition.packets import LinkDown, LinkUp, Notification
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.config.schema import SessionsConfig
from gateway.daemon.active_sink import active_sink
from gateway.daemon.supervisor import LINK_S, SINK_S, STREAM_S, serve
from gateway.drivers import diy
from gateway.errors import (
    ConfigError,
    LinkError,
    SinkError,
    StallError,
    StuckAdapterError,
    UnfitHeadbandError,
)
from gateway.fault_barrier import Edge
from gateway.messages.control import Control
from gateway.messages.outputs import Availability
from gateway.preprocessing.filtering import Band
from gateway.session.decoding import PacketDecoder
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.standby import Standby
from gateway.sinks import Sink
from gateway.staging.model_card import ModelCard

ALWAYS = SessionsConfig(auto_start="always")
CARD = ModelCard("m", ("EEG Fpz-Cz",), (20.0,), Band(), 1.0, "0" * 64)


class CountingPipeline:
    """Turns the reason of every LinkDown into one output."""

    t_scored = None

    def __init__(self):
        self.packet_decoder = PacketDecoder(None)

    def push_input(self, value):
        if isinstance(value, LinkDown):
            yield Availability(online=False, reason=value.reason)

    def close(self):
        yield Availability(online=False, reason="closed")


@dataclass(frozen=True)
class NoOptions:
    pass


async def events(n, pause_s=1.0):
    for number in range(n):
        yield LinkDown(0.0, str(number))
        await asyncio.sleep(pause_s)
    await asyncio.Event().wait()


def watch():
    return Standby(diy.DRIVER, None)


def setup(source):
    def new_session():
        return OpenSession("s", CountingPipeline())

    return DeviceSetup(
        "bedroom", CARD, lambda _report: source, new_session, watch, 5.0, ALWAYS
    )


def collector(fail_on=(), error=SinkError):
    heard, broken = [], list(fail_on)

    async def run(options, feed, control):
        async for reading in feed:
            if broken and reading.value.reason == broken[0]:
                raise error(broken.pop(0))
            heard.append(reading.value.reason)

    sink = Sink("collector", NoOptions, (Availability,), run)
    return active_sink(sink, NoOptions()), heard


async def run_for(seconds, *active_sinks, n=5):
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await serve([setup(events(n))], active_sinks, stop)


async def test_a_sink_that_fails_gets_the_same_item_again():
    one, heard = collector(fail_on=["1", "3"])
    other, undisturbed = collector()
    await run_for(30, one, other)
    assert heard == undisturbed == ["0", "1", "2", "3", "4", "closed"]


async def test_what_is_queued_at_the_stop_still_reaches_the_sinks():
    one, heard = collector(fail_on=["4"])
    await run_for(4.5, one)
    assert heard == ["0", "1", "2", "3", "4", "closed"]


async def test_a_bug_in_a_sink_costs_no_more_than_the_reading_it_stumbles_over():
    one, heard = collector(fail_on=["1", "2", "2"], error=ZeroDivisionError)
    other, undisturbed = collector()
    await run_for(60, one, other)
    assert heard == ["0", "1", "3", "4", "closed"]
    assert undisturbed == ["0", "1", "2", "3", "4", "closed"]


async def test_a_bug_in_a_link_costs_that_link_and_it_begins_anew():
    begun = []

    async def source():
        begun.append(asyncio.get_running_loop().time())
        yield LinkDown(0.0, str(len(begun)))
        raise ZeroDivisionError

    control, stop = Control(), asyncio.Event()
    asyncio.get_running_loop().call_later(100, stop.set)
    broken = replace(setup(None), device="broken", source=lambda _: source())
    one, heard = collector()
    await serve([setup(events(50)), broken], [one], stop, control=control)
    assert [str(number) in heard for number in range(50)] == [True] * 50
    assert len(begun) == 4
    (fault,) = control.faults.faults
    assert (fault.edge, fault.what, fault.count) == (Edge.HEADBAND, "broken", 4)
    assert "ZeroDivisionError" in fault.error


class JudgingPipeline(CountingPipeline):
    """Holds an x for rubbish, and an s for samples."""

    def push_input(self, value):
        packet_decoder = self.packet_decoder
        if isinstance(value, LinkUp):
            packet_decoder.begin(value.t)
        if isinstance(value, Notification):
            packet_decoder.bad_in_a_row = (value.payload == b"x") * (
                packet_decoder.bad_in_a_row + 1
            )
            if value.payload == b"s":
                packet_decoder.t_sampled = value.t_rx
        yield from super().push_input(value)


class Source:
    """Plays payloads 10 ms apart, for each connection that it is told to end."""

    def __init__(self, *connections):
        self.left = list(connections)
        self.n_sent = 0
        self.errors = []

    async def play(self, report):
        while self.left:
            report(LinkReading(LinkState.STREAMING, LinkStats(drops=len(self.errors))))
            try:
                yield LinkUp(self.n_sent / 100, None)
                for payload in self.left.pop(0):
                    await asyncio.sleep(0.01)
                    self.n_sent += 1
                    yield Notification("c", payload, self.n_sent / 100)
                await asyncio.Event().wait()
            except LinkError as error:
                self.errors.append(error)
                yield LinkDown(0.0, str(error))
        report(LinkReading(LinkState.WAITING, LinkStats(drops=len(self.errors))))
        await asyncio.Event().wait()


class BrokenPipeline(JudgingPipeline):
    """Has a bug that some notifications meet, or all."""

    def push_input(self, value):
        if isinstance(value, Notification) and value.payload == b"!":
            raise RecursionError("maximum recursion depth exceeded")
        yield from super().push_input(value)


async def test_a_bug_over_what_a_headband_sends_costs_its_connection_only():
    evil, good = Source([b"s", b"!", b"s"] * 2, [b"!"], [b"s"] * 3), Source([b"s"] * 50)
    stop, control = asyncio.Event(), Control()
    asyncio.get_running_loop().call_later(60, stop.set)
    setups = [
        DeviceSetup(
            name,
            CARD,
            source.play,
            lambda: OpenSession("s", BrokenPipeline()),
            watch,
            2.0,
            ALWAYS,
        )
        for name, source in (("evil", evil), ("good", good))
    ]
    await serve(setups, [], stop, control=control)
    assert [type(error) for error in evil.errors] == [LinkError, LinkError]
    assert good.errors == []
    assert good.n_sent == 50
    (fault,) = control.faults.faults
    assert (fault.edge, fault.what, fault.count) == (Edge.HEADBAND, "evil", 2)


async def test_an_adapter_that_is_stuck_ends_the_daemon_with_exit_code_1():
    async def source():
        yield LinkDown(0.0, "0")
        raise StuckAdapterError("the Bluetooth adapter has failed")

    one, _ = collector()
    with pytest.raises(ExceptionGroup) as caught:
        await serve([setup(source())], [one], asyncio.Event())
    [stuck] = caught.value.exceptions
    assert isinstance(stuck, StuckAdapterError)
    assert stuck.exit_code == 1
    assert not isinstance(stuck, LinkError)


async def test_a_sink_gets_only_what_it_wants():
    heard = []

    async def run(options, feed, control):
        heard.extend([reading async for reading in feed])

    deaf = active_sink(Sink("deaf", NoOptions, (), run), NoOptions())
    await run_for(10, deaf)
    assert heard == []


async def judged(*connections, seconds=60):
    source, stop = Source(*connections), asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    session = OpenSession("s", JudgingPipeline())
    setup = DeviceSetup("b", CARD, source.play, lambda: session, watch, 2.0, ALWAYS)
    states = []

    async def run(options, feed, control):
        states.extend([reading.value async for reading in feed])

    sink = active_sink(Sink("states", NoOptions, (LinkReading,), run), NoOptions())
    await serve([setup], [sink], stop)
    return source, states


async def test_a_hundred_bad_packets_in_a_row_end_the_connection():
    source, _ = await judged([b"x"] * 99 + [b"s"] + [b"x"] * 500, [b"s"] * 5)
    assert [type(error) for error in source.errors] == [LinkError]
    assert "100 notifications in a row" in str(source.errors[0])
    assert source.n_sent == 99 + 1 + 100 + 5


async def test_notifications_without_samples_are_a_stall_after_stall_s():
    source, _ = await judged([b"s"] * 9 + [b"b"] * 500, [b"s", b"b"] * 5)
    assert [type(error) for error in source.errors] == [StallError]
    assert source.n_sent == 9 + 201 + 10


class UnfitPipeline(JudgingPipeline):
    """Refuses the description of the first two headbands it is connected to."""

    def __init__(self):
        super().__init__()
        self.left = 2

    def push_input(self, value):
        if isinstance(value, LinkUp) and self.left:
            self.left -= 1
            raise ConfigError(["channels: no input is made of C3, C4"])
        yield from super().push_input(value)


async def test_a_headband_whose_channels_do_not_fit_costs_its_own_link_only():
    foreign, good = Source([b"s"] * 5), Source([b"s"] * 50)
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(60, stop.set)
    pipelines = {"foreign": UnfitPipeline(), "good": JudgingPipeline()}
    setups = [
        DeviceSetup(
            name,
            CARD,
            source.play,
            partial(OpenSession, "s", pipelines[name]),
            watch,
            2.0,
            ALWAYS,
        )
        for name, source in (("foreign", foreign), ("good", good))
    ]
    await serve(setups, [], stop)
    assert [type(each) for each in foreign.errors[:2]] == [UnfitHeadbandError] * 2
    assert "no input is made of C3, C4" in str(foreign.errors[0])
    assert foreign.n_sent == 5, "the third one fits"
    assert good.n_sent == 50


async def test_a_connection_that_never_sends_a_sample_is_a_stall():
    source, _ = await judged([b"b"] * 500)
    assert [type(error) for error in source.errors] == [StallError]
    assert source.n_sent == 201


async def test_every_state_of_the_link_reaches_the_sinks_and_its_tally_the_log(caplog):
    caplog.set_level(logging.INFO, "gateway.daemon.supervisor")
    _, states = await judged([b"x"] * 100)
    assert states == [
        LinkReading(LinkState.STREAMING, LinkStats()),
        LinkReading(LinkState.WAITING, LinkStats(drops=1)),
    ]
    assert "b: looked for 0 times, streamed 0 times, 1 drops" in caplog.text


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Return a function that tells what systemd was told since it was called last."""
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(address))
        ear.settimeout(0)

        def told():
            words = []
            with suppress(BlockingIOError):
                while True:
                    words.append(ear.recv(999).decode())
            return words

        yield told


@pytest.fixture
def alive_for(systemd):
    """Return a coroutine function: lets seconds pass, counts signs of life in them."""

    async def alive_for(seconds):
        n = 0
        for _ in range(seconds):
            await asyncio.sleep(1)
            n += systemd().count("WATCHDOG=1")
        return n

    return alive_for


async def test_systemd_hears_every_second_that_the_daemon_lives(systemd):
    one, _ = collector()
    await run_for(4.5, one)
    told = systemd()
    assert told.count("READY=1") == 1
    assert told.count("WATCHDOG=1") == 5


@asynccontextmanager
async def serving(source, *active_sinks):
    def new_session():
        return OpenSession("s", CountingPipeline())

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        controllers = [DeviceSetup("b", CARD, source, new_session, watch, 5.0, ALWAYS)]
        tasks.create_task(serve(controllers, active_sinks, stop))
        yield
        stop.set()


def sink_that(run):
    return active_sink(Sink("odd", NoOptions, (Availability,), run), NoOptions())


async def test_ready_is_reported_only_when_every_output_takes_what_comes(systemd):
    opened = asyncio.Event()

    async def slow(options, feed, control):
        await opened.wait()
        async for _ in feed:
            pass

    one, _ = collector()
    async with serving(lambda _: events(1), one, sink_that(slow)):
        await asyncio.sleep(20)
        assert "READY=1" not in systemd()
        opened.set()
        await asyncio.sleep(1)
        assert "READY=1" in systemd()


async def test_an_output_that_cannot_begin_does_not_keep_the_night(systemd, alive_for):
    mended = asyncio.Event()

    async def failing(options, feed, control):
        if not mended.is_set():
            raise SinkError("no room")

    async with serving(lambda _: events(900), sink_that(failing)):
        await asyncio.sleep(1)
        assert "READY=1" in systemd()
        assert await alive_for(900) == 900
        mended.set()


async def test_an_output_that_hangs_is_not_called_alive(alive_for, caplog):
    mended = asyncio.Event()

    async def hanging(options, feed, control):
        async for _ in feed:
            await mended.wait()

    async with serving(lambda _: events(3), sink_that(hanging)):
        assert SINK_S <= await alive_for(int(SINK_S) + 30) <= SINK_S + 2
        assert "stuck: output odd" in caplog.text
        mended.set()
        assert await alive_for(5) >= 4  # it was stuck when the first began


@pytest.mark.parametrize(
    ("state", "least_s"),
    [(LinkState.STREAMING, STREAM_S + 5), (LinkState.SCANNING, LINK_S)],
)
async def test_a_link_that_hangs_is_not_called_alive(state, least_s, alive_for, caplog):
    async def source(report):
        report(LinkReading(state, LinkStats()))
        await asyncio.Event().wait()
        yield

    async with serving(source):
        assert least_s <= await alive_for(int(LINK_S) + 60) <= least_s + 2
    assert "stuck: link of b" in caplog.text


async def test_a_link_that_waits_and_looks_again_is_alive_all_night(alive_for):
    async def source(report):
        while True:
            for state in (LinkState.SCANNING, LinkState.WAITING):
                report(LinkReading(state, LinkStats()))
                await asyncio.sleep(60)
        yield

    async with serving(source):
        assert await alive_for(8 * 3600) == 8 * 3600
