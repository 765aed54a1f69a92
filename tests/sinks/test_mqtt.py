"""The MQTT sink against a real mosquitto that comes, goes and says no."""

import asyncio
import logging
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from gateway.config import parse
from gateway.errors import ConfigError
from gateway.feed import Feed
from gateway.outputs import Availability
from gateway.runtime.local_broker import LocalBroker
from gateway.sinks import load
from gateway.sinks.mqtt import Options, run
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

pytestmark = pytest.mark.integration

NIGHT = 960
HERE = Availability(online=True, reason="samples arrive")
PUBLISHER = """
import asyncio, sys
from gateway.feed import Feed
from gateway.sinks.mqtt import Options, run
asyncio.run(run(Options(host="127.0.0.1", port=int(sys.argv[1])), Feed(4)))
"""


@asynccontextmanager
async def running(broker, **options):
    """A sink with an open feed; leaving closes the feed and waits for the sink."""
    feed = Feed(depth=4096)
    given = Options(host=broker.host, port=broker.port, **options)
    sink = asyncio.create_task(run(given, feed))
    try:
        yield feed
    finally:
        feed.close()
        await sink


def epochs_of(listener):
    return [stage["epoch"] for stage in listener.stages()]


def test_the_sink_is_found_by_name():
    assert load("mqtt").run is run


def test_wrong_options_are_all_reported_at_once_without_the_password():
    wrong = {"host": "", "port": 0, "base_topic": "a/#", "password": "secret"}
    with pytest.raises(ConfigError) as caught:
        parse(wrong, Options, "outputs.mqtt.")
    named = [problem.split(":")[0] for problem in caught.value.problems]
    assert named == [f"outputs.mqtt.{n}" for n in ("host", "base_topic", "port")] + [
        "outputs.mqtt.username"
    ]
    assert "secret" not in str(caught.value)
    assert parse({"port": 1884}, Options, "outputs.mqtt.") == Options(port=1884)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_whole_night_arrives_in_order_and_once(
    broker, listening, until, scored, protocol
):
    async with listening(broker) as listener:
        async with running(broker, protocol=protocol) as feed:
            for index in range(NIGHT):
                feed.put(scored(index))
        await until(lambda: len(listener.stages()) >= NIGHT, "the night")
    assert epochs_of(listener) == list(range(NIGHT))
    assert [stage["seq"] for stage in listener.stages()] == list(range(NIGHT))
    assert feed.dropped == 0


async def test_a_night_tells_its_state_from_online_to_offline(
    broker, listening, until, reading, scored
):
    night = summarise([Stage.W, Stage.N2, Refusal.GAP])
    async with listening(broker) as listener:
        async with running(broker) as feed:
            feed.put(reading(HERE))
            feed.put(scored(0, Stage.R))
            feed.put(scored(1, Refusal.GAP))
            feed.put(reading(night))
        await until(lambda: len(listener.on("/bridge/state")) > 1, "the farewell")
    said = [(heard.topic.removeprefix("sleepgate/"), heard) for heard in listener.heard]
    assert [topic for topic, _ in said] == [
        "bridge/state",
        "bedroom/availability",
        "bedroom/stage",
        "bedroom/stage",
        "bedroom/summary",
        "bedroom/availability",
        "bridge/state",
    ]
    payloads = [heard.payload for _, heard in said]
    assert payloads[:2] == [b"online", b"online"]
    assert payloads[-2:] == [b"offline", b"offline"]
    assert [heard.document["stage"] for heard in listener.on("/stage")] == ["REM", None]
    assert listener.on("/summary")[0].document["tst_min"] == 0.5


async def test_a_retained_stage_is_there_for_the_next_listener_and_expires(
    broker, listening, scored, until
):
    async with running(broker, stage_expiry_s=2) as feed:
        async with listening(broker) as first:
            feed.put(scored(7))
            await until(first.stages, "the stage")
        async with listening(broker) as second:
            assert [heard.retained for heard in second.on("/stage")] == [True]
        for _ in range(100):
            async with listening(broker) as later:
                if not later.on("/stage"):
                    break
            await asyncio.sleep(0.1)
        assert not later.on("/stage")
        assert [heard.payload for heard in later.on("/state")] == [b"online"]


async def test_without_expiry_on_mqtt_3_a_stage_is_not_retained(
    broker, listening, reading, scored, until
):
    async with running(broker, protocol="3.1.1") as feed:
        async with listening(broker, protocol="3.1.1") as first:
            feed.put(reading(HERE))
            feed.put(scored(7))
            await until(first.stages, "the stage")
        async with listening(broker, protocol="3.1.1") as second:
            assert not second.on("/stage")
            assert [heard.payload for heard in second.on("/availability")] == [
                b"online"
            ]


async def test_a_killed_gateway_leaves_its_will(broker, listening, until):
    async with listening(broker) as listener:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PUBLISHER, str(broker.port)
        )
        await until(lambda: listener.on("/bridge/state"), "online")
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await until(lambda: len(listener.on("/bridge/state")) > 1, "the will")
    said = [heard.payload for heard in listener.on("/bridge/state")]
    assert said == [b"online", b"offline"]


async def test_a_broker_that_restarts_costs_old_epochs_and_never_the_newest(
    broker, listening, reading, scored, caplog
):
    n_epochs = 60
    async with listening(broker) as listener:
        async with running(broker) as feed:
            feed.put(reading(HERE))
            for index in range(n_epochs // 3):
                feed.put(scored(index))
            await listener.until(
                lambda: len(listener.stages()) == n_epochs // 3, "a third"
            )
            await broker.kill()
            await listener.until(lambda: "lost the broker" in caplog.text, "the loss")
            for index in range(n_epochs // 3, n_epochs):
                feed.put(scored(index))
            await asyncio.sleep(0)  # the sink has a look at its feed
            await broker.start()
            await listener.until(
                lambda: len(listener.on("/bridge/state")) > 1, "the return"
            )
            await listener.until(
                lambda: epochs_of(listener)[-1] == n_epochs - 1, "the newest"
            )
            feed.put(scored(n_epochs))
            await listener.until(
                lambda: epochs_of(listener)[-1] == n_epochs, "the next"
            )
        await listener.until(
            lambda: len(listener.on("/bridge/state")) > 2, "the farewell"
        )
    expected = [*range(n_epochs // 3), n_epochs - 1, n_epochs]
    assert epochs_of(listener) == expected
    assert [stage["seq"] for stage in listener.stages()] == expected
    said = [heard.payload for heard in listener.on("/availability")]
    assert said == [b"online", b"online", b"offline"]
    assert "39 epochs were not published" in caplog.text


async def test_a_broker_that_comes_late_gets_the_newest_epoch_of_each_headband(
    listening, until, scored, caplog
):
    broker = LocalBroker()
    async with running(broker) as feed:
        await until(lambda: "no broker answers" in caplog.text, "the first failure")
        for device in ("east", "west"):
            for index in range(3):
                feed.put(scored(index, device=device))
        async with broker, listening(broker) as listener:
            await until(lambda: len(listener.stages()) == 2, "two stages")
            feed.close()
            await until(lambda: b"offline" in [h.payload for h in listener.heard], "")
    assert [(s["device"], s["epoch"]) for s in listener.stages()] == [
        ("east", 2),
        ("west", 2),
    ]
    assert "4 epochs were not published" in caplog.text


async def test_without_a_broker_all_night_the_sink_ends_with_its_feed(
    until, scored, caplog
):
    async with running(LocalBroker()) as feed:
        for index in range(NIGHT):
            feed.put(scored(index))
    assert f"{NIGHT} epochs were not published" in caplog.text
    warned = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 3


async def test_a_wrong_password_is_said_once_and_clearly(
    tmp_path, until, scored, caplog
):
    caplog.set_level(logging.INFO)
    passwords = tmp_path / "passwords"
    await (
        await asyncio.create_subprocess_exec(
            "mosquitto_passwd", "-b", "-c", passwords, "gateway", "right"
        )
    ).wait()
    settings = ("allow_anonymous false", f"password_file {passwords}")
    async with LocalBroker(settings=settings) as broker:
        async with running(broker, username="gateway", password="wrong") as feed:  # noqa: S106 -- a test's own
            feed.put(scored(0))
            await until(lambda: "refuses" in caplog.text, "the refusal")
        async with running(broker, username="gateway", password="right") as feed:  # noqa: S106 -- a test's own
            await until(lambda: "connected" in caplog.text, "a connection")
    refusals = [r.getMessage() for r in caplog.records if "refuses" in r.getMessage()]
    assert len(refusals) == 1
    assert "'gateway'" in refusals[0]
    assert "password" in refusals[0]
    assert "wrong" not in caplog.text
    assert "lost" not in caplog.text
