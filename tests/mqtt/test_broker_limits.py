"""Brokers that are narrow, full, forgetful or slow to pass on; real mosquittos."""

import asyncio
import json
import logging
import subprocess
import threading
from contextlib import contextmanager

import pytest
from paho.mqtt import publish

from gateway.acquisition.packets import Battery
from gateway.errors import ConfigError, SinkError
from gateway.messages.outputs import Availability
from gateway.mqtt import journal_publisher
from sim.local_broker import LocalBroker
from tests.support.mosquitto import Listener, until
from tests.support.sink_under_fault import PATIENCE_S, known, scoring, warnings

pytestmark = pytest.mark.integration

OPEN = "allow_anonymous true"
HERE = Availability(online=True, reason="samples arrive")


def ask_again(broker, since):
    return asyncio.to_thread(
        publish.single,
        "sleepgate/bridge/request/replay",
        json.dumps({"from": since}),
        qos=1,
        hostname=broker.host,
        port=broker.port,
    )


async def back(broker):
    """Mosquitto may find its port still in use for a moment."""
    for _ in range(50):
        try:
            return await broker.start()
        except (SinkError, ConfigError):
            await asyncio.sleep(0.1)
    pytest.fail("the broker does not come back")


@pytest.mark.parametrize("remembers", [True, False])
async def test_after_a_restart_of_the_broker_everything_retained_is_there_again(
    listening, scored, reading, tmp_path, remembers
):
    folder = tmp_path / "broker"
    folder.mkdir()
    keeps = (f"persistence_location {folder}/", "autosave_on_changes true")
    settings = (OPEN, "autosave_interval 1", *keeps, "persistence true")
    settings = settings if remembers else (OPEN,)
    async with (
        LocalBroker(settings=settings) as broker,
        scoring(broker.port, tmp_path, scored) as night,
    ):
        night.feed.put(reading(HERE))
        night.feed.put(reading(Battery(71)))
        await night.record(20)
        async with listening(broker) as listener:
            await night.settled()
        before = {heard.topic for heard in listener.heard if heard.retained}
        await broker.stop()
        await night.record(20)
        await back(broker)
        async with listening(broker) as listener:
            await night.is_current(listener)
            await night.settled()
            if not remembers:
                assert set(range(20, 40)) <= known(listener)
        async with listening(broker) as listener:
            pass
        after = {heard.topic for heard in listener.heard if heard.retained}
    assert {"sleepgate/bridge/state", "sleepgate/bedroom/availability"} <= before
    reports = {"sleepgate/bridge/health", "sleepgate/bedroom/telemetry"}
    assert before - reports <= after


async def test_a_subscriber_that_does_not_read_disturbs_nobody_and_asks_again(
    listening, scored, tmp_path
):
    settings = (OPEN, "max_queued_messages 5", "max_inflight_messages 20")
    async with (
        LocalBroker(settings=settings) as broker,
        listening(broker, "sleepgate/+/stage") as quick,
        scoring(broker.port, tmp_path, scored) as night,
    ):
        async with asleep(broker) as (slow, wake):
            for _ in range(20):
                await night.record(5)
                await night.settled()
            await until(
                lambda: quick.on("/stage")[-1].document["epoch"] == night.n - 1,
                "the others",
            )
            wake.set()
            await slow.catch_up()
            missed = set(range(night.n)) - known(slow)
            assert missed, "the broker kept more than it should"
            await ask_again(broker, min(missed))
            await until(
                lambda: known(slow) == set(range(night.n)), "the missed", PATIENCE_S
            )
        assert night.feed.dropped == 0


class asleep:  # noqa: N801 - used like a function
    """A subscriber whose thread waits, so that its socket is not read."""

    def __init__(self, broker):
        self._wake = threading.Event()
        self._slow = Listener(broker.port, "sleepgate/+/epoch")

    async def __aenter__(self):
        await until(lambda: self._slow.ready, "a subscription")
        hear = self._slow._client.on_message  # noqa: SLF001 - it is made to wait here

        def wait(*message):
            self._wake.wait()
            hear(*message)

        self._slow._client.on_message = wait  # noqa: SLF001 - see above
        return self._slow, self._wake

    async def __aexit__(self, *_):
        self._wake.set()
        await asyncio.to_thread(self._slow.stop)


@contextmanager
def small_disk(folder):
    """A megabyte to write to."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    tried = subprocess.run(mount, check=False, capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"mounting is not permitted here: {tried.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


async def test_a_broker_whose_disk_is_full_costs_nothing_that_cannot_be_had_again(
    listening, scored, tmp_path
):
    folder = tmp_path / "broker"
    folder.mkdir()
    with small_disk(folder):
        (folder / "ballast").write_bytes(bytes(1_000_000))
        settings = (
            *(OPEN, "persistence true", f"persistence_location {folder}/"),
            *("autosave_interval 1", "autosave_on_changes true"),
        )
        async with (
            LocalBroker(settings=settings) as broker,
            scoring(broker.port, tmp_path, scored) as night,
        ):
            async with listening(broker) as listener:
                await night.record(200)
                await night.arrived(listener)
                await night.settled()
            await broker.kill()
            await night.record(10)
            await back(broker)
            async with listening(broker) as listener:
                await night.is_current(listener)
                await ask_again(broker, 0)
                await night.arrived(listener)
                await night.settled()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_broker_that_takes_one_at_a_time_gets_one_at_a_time(
    listening, scored, tmp_path, caplog, protocol
):
    """Mosquitto then says receive maximum 1, and ends a client that sends two."""
    settings = (OPEN, "max_inflight_messages 1", "max_queued_messages 1000")
    async with (
        LocalBroker(settings=settings) as broker,
        listening(broker) as listener,
        scoring(broker.port, tmp_path, scored, protocol=protocol) as night,
    ):
        await night.record(100)
        await night.arrived(listener)
        await night.settled()
        await broker.kill()
        await until(lambda: warnings(caplog, "lost the broker"), "a loss", PATIENCE_S)
        await night.record(100)
        await back(broker)
        await night.arrived(listener)
        await night.settled()
    assert len(warnings(caplog, "lost the broker")) == 1


async def test_a_broker_that_queues_one_message_drops_but_does_not_disturb(
    listening, scored, tmp_path
):
    settings = (OPEN, "max_inflight_messages 1", "max_queued_messages 1")
    async with (
        LocalBroker(settings=settings) as broker,
        listening(broker) as listener,
        scoring(broker.port, tmp_path, scored) as night,
    ):
        await night.record(100)
        await night.settled()
        for _ in range(100):
            await listener.catch_up()
            missed = set(range(night.n)) - known(listener)
            if not missed:
                break
            await ask_again(broker, min(missed))
            await night.settled()
        assert not missed


async def test_an_epoch_larger_than_a_packet_may_be_is_reported_once_and_kept(
    listening, scored, tmp_path, caplog
):
    caplog.set_level(logging.INFO)
    broker = LocalBroker(settings=(OPEN, "max_packet_size 200"))
    async with broker, scoring(broker.port, tmp_path, scored) as night:
        await night.record(30)
        await until(lambda: warnings(caplog, "/epoch"), "a word about it")
        await night.record(30)
        assert night.counts() == (60, 60)
        for lane in ("/epoch", "/stage"):
            assert len(warnings(caplog, lane)) == 1
        assert caplog.text.count("connected to the broker") == 1
        await generous_again(broker, listening, night)


async def test_an_epoch_larger_than_a_payload_may_be_is_kept_and_nobody_pestered(
    listening, scored, tmp_path, caplog
):
    """Mosquitto's PUBACK then has a reason that MQTT has not; paho hangs up."""
    broker = LocalBroker(settings=(OPEN, "message_size_limit 200"))
    async with broker, scoring(broker.port, tmp_path, scored) as night:
        await night.record(30)
        await until(lambda: warnings(caplog, "keep ending"), "a word about it")
        await night.record(30)
        assert night.counts() == (60, 60)
        await generous_again(broker, listening, night)
    assert len(warnings(caplog, "keep ending at once (Protocol error)")) == 1


async def generous_again(broker, listening, night):
    """Replace the broker by one that takes everything."""
    await broker.stop()
    generous = LocalBroker(broker.port)
    await back(generous)
    async with listening(generous) as listener:
        await night.arrived(listener)
        await night.settled()
    await generous.stop()


async def test_what_is_refused_of_one_headband_does_not_hold_up_the_other(
    listening, scored, tmp_path, caplog, monkeypatch
):
    monkeypatch.setattr(journal_publisher, "AGAIN_S", 0.05)
    acl = tmp_path / "acl"
    acl.write_text(
        "topic readwrite sleepgate/east/#\ntopic read #\ntopic write marker/#\n"
    )
    settings = (OPEN, f"acl_file {acl}")
    async with (
        LocalBroker(settings=settings) as broker,
        listening(broker) as listener,
        scoring(broker.port, tmp_path, scored) as night,
    ):
        for device in ("west", "east"):
            for index in range(30):
                night.feed.put(scored(index, device=device, session=device))
        await until(lambda: len(listener.epochs()) == 30, "the east", PATIENCE_S)
        assert {epoch["device"] for epoch in listener.epochs()} == {"east"}
    assert len(warnings(caplog, "west/epoch")) == 1
