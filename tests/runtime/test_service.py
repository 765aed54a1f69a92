"""A broken output restarts, the others go on, and stopping loses nothing."""

import asyncio
import socket
from dataclasses import dataclass

import pytest

from gateway.acquisition.packets import LinkDown
from gateway.errors import SinkError
from gateway.outputs import Availability
from gateway.preprocessing.band import Band
from gateway.runtime.service import Station, outlet, serve
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
    return Station("bedroom", "s", CARD, source, CountingPipeline())


def collector(fail_on=(), error=SinkError):
    heard, broken = [], list(fail_on)

    async def run(options, feed):
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


async def test_a_sink_gets_only_what_it_wants():
    heard = []

    async def run(options, feed):
        heard.extend([reading async for reading in feed])

    deaf = outlet(Sink("deaf", NoOptions, (), run), NoOptions())
    await run_for(10, deaf)
    assert heard == []


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
