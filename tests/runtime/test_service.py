"""A broken output restarts, the others go on, and stopping loses nothing."""

import asyncio
import logging
import socket
from dataclasses import dataclass

import pytest

from gateway.acquisition.packets import LinkDown, LinkUp, Notification
from gateway.errors import LinkError, SinkError, StallError, StuckAdapterError
from gateway.link.machine import State
from gateway.link.tally import LinkState, LinkTally
from gateway.outputs import Availability
from gateway.preprocessing.band import Band
from gateway.runtime.bed import Session, Station
from gateway.runtime.service import outlet, serve
from gateway.sinks import Sink
from gateway.staging.model_card import ModelCard

CARD = ModelCard("m", ("EEG Fpz-Cz",), (20.0,), Band(), 1.0, "0" * 64)


class CountingPipeline:
    """Turns the reason of every LinkDown into one output."""

    def push(self, value):
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


def station(source):
    def new_session():
        return Session("s", CountingPipeline())

    return Station("bedroom", CARD, lambda _report: source, new_session, 5.0)


def collector(fail_on=(), error=SinkError):
    heard, broken = [], list(fail_on)

    async def run(options, feed, control):
        async for reading in feed:
            if broken and reading.value.reason == broken[0]:
                raise error(broken.pop(0))
            heard.append(reading.value.reason)

    sink = Sink("collector", NoOptions, (Availability,), run)
    return outlet(sink, NoOptions()), heard


async def run_for(seconds, *outlets, n=5):
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    await serve([station(events(n))], outlets, stop)


async def test_a_sink_that_fails_gets_the_same_item_again():
    one, heard = collector(fail_on=["1", "3"])
    other, undisturbed = collector()
    await run_for(30, one, other)
    assert heard == undisturbed == ["0", "1", "2", "3", "4", "closed"]


async def test_what_is_queued_at_the_stop_still_reaches_the_sinks():
    one, heard = collector(fail_on=["4"])
    await run_for(4.5, one)
    assert heard == ["0", "1", "2", "3", "4", "closed"]


async def test_a_bug_in_a_sink_ends_the_daemon():
    one, _ = collector(fail_on=["2"], error=ZeroDivisionError)
    with pytest.raises(ExceptionGroup) as caught:
        await run_for(30, one)
    assert caught.group_contains(ZeroDivisionError)


async def test_a_bug_in_a_source_ends_the_daemon():
    async def source():
        yield LinkDown(0.0, "0")
        raise ZeroDivisionError

    one, _ = collector()
    with pytest.raises(ExceptionGroup) as caught:
        await serve([station(source())], [one], asyncio.Event())
    assert caught.group_contains(ZeroDivisionError)


async def test_an_adapter_that_is_stuck_ends_the_daemon_with_exit_code_1():
    async def source():
        yield LinkDown(0.0, "0")
        raise StuckAdapterError("the Bluetooth adapter has failed")

    one, _ = collector()
    with pytest.raises(ExceptionGroup) as caught:
        await serve([station(source())], [one], asyncio.Event())
    [stuck] = caught.value.exceptions
    assert isinstance(stuck, StuckAdapterError)
    assert stuck.exit_code == 1
    assert not isinstance(stuck, LinkError)


async def test_a_sink_gets_only_what_it_wants():
    heard = []

    async def run(options, feed, control):
        heard.extend([reading async for reading in feed])

    deaf = outlet(Sink("deaf", NoOptions, (), run), NoOptions())
    await run_for(10, deaf)
    assert heard == []


class JudgingPipeline(CountingPipeline):
    """Holds an x for rubbish, and an s for samples."""

    def __init__(self):
        self.bad_in_a_row = 0
        self.t_sampled = 0.0

    def push(self, value):
        if isinstance(value, LinkUp):
            self.t_sampled = value.t
        if isinstance(value, Notification):
            self.bad_in_a_row = (value.payload == b"x") * (self.bad_in_a_row + 1)
            self.t_sampled = value.t_rx if value.payload == b"s" else self.t_sampled
        yield from super().push(value)


class Source:
    """Plays payloads 10 ms apart, for each connection that it is told to end."""

    def __init__(self, *connections):
        self.left = list(connections)
        self.n_sent = 0
        self.errors = []

    async def play(self, report):
        while self.left:
            report(LinkState(State.STREAMING, LinkTally(drops=len(self.errors))))
            yield LinkUp(self.n_sent / 100, None)
            try:
                for payload in self.left.pop(0):
                    await asyncio.sleep(0.01)
                    self.n_sent += 1
                    yield Notification("c", payload, self.n_sent / 100)
                await asyncio.Event().wait()
            except LinkError as error:
                self.errors.append(error)
                yield LinkDown(0.0, str(error))
        report(LinkState(State.WAITING, LinkTally(drops=len(self.errors))))
        await asyncio.Event().wait()


async def judged(*connections, seconds=60):
    source, stop = Source(*connections), asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    session = Session("s", JudgingPipeline())
    station = Station("b", CARD, source.play, lambda: session, stall_s=2.0)
    states = []

    async def run(options, feed, control):
        states.extend([reading.value async for reading in feed])

    sink = outlet(Sink("states", NoOptions, (LinkState,), run), NoOptions())
    await serve([station], [sink], stop)
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


async def test_a_connection_that_never_sends_a_sample_is_a_stall():
    source, _ = await judged([b"b"] * 500)
    assert [type(error) for error in source.errors] == [StallError]
    assert source.n_sent == 201


async def test_every_state_of_the_link_reaches_the_sinks_and_its_tally_the_log(caplog):
    caplog.set_level(logging.INFO, "gateway.runtime.service")
    _, states = await judged([b"x"] * 100)
    assert states == [
        LinkState(State.STREAMING, LinkTally()),
        LinkState(State.WAITING, LinkTally(drops=1)),
    ]
    assert "b: looked for 0 times, streamed 0 times, 1 drops" in caplog.text


async def test_systemd_hears_every_second_that_the_daemon_lives(tmp_path, monkeypatch):
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(0)
        one, _ = collector()
        await run_for(4.5, one)
        signs = [systemd.recv(64) for _ in range(5)]
        with pytest.raises(BlockingIOError):
            systemd.recv(64)
    assert signs == [b"WATCHDOG=1"] * 5
