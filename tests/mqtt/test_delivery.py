"""Delivery of messages: access lists, narrow brokers, stale wills, two gateways."""

import asyncio
import json
import socket
import subprocess
import threading
import time
from contextlib import asynccontextmanager

import pytest
from paho.mqtt import publish as paho_publish

from gateway.errors import ConfigError
from gateway.host import metrics
from gateway.journal.options import JournalOptions
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability
from gateway.mqtt import bridge, own_messages
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.topics import Topic, TopicTree
from gateway.sinks.mqtt import run
from sim.local_broker import LocalBroker

pytestmark = pytest.mark.integration

OPEN = "allow_anonymous true"
HERE = Availability(online=True, reason="samples arrive")
STATE = "sleepgate/bridge/state"
OTHER = "bbbbbb"
WILL = Message(Topic("t/state", retain=True), b"offline")


async def publish(broker, topic, payload, *, retain=False):
    await asyncio.to_thread(
        paho_publish.single,
        *(topic, payload),
        qos=1,
        retain=retain,
        hostname=broker.host,
        port=broker.port,
    )


@asynccontextmanager
async def gateway(broker, tmp_path, **options):
    """Run the sink; yield its feed and a function that returns its health."""
    feed, control = Feed(256), Control()
    journal = JournalOptions(path=str(tmp_path / "journal"))
    settings = MqttOptions(
        host=broker.host, port=broker.port, journal=journal, **options
    )
    sink = asyncio.create_task(run(settings, feed, control))

    async def health():
        return (await control.standings())["mqtt"]

    async def reaches(reached):
        for _ in range(200):
            if reached(await health()):
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"in vain; {await health()}")

    try:
        async with asyncio.timeout(10):
            await feed.opened.wait()
        yield feed, reaches
    finally:
        feed.close()
        await sink


@asynccontextmanager
async def guarded(tmp_path, *rules):
    """Run a broker with an access list for user ``sg``."""
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    made = ["mosquitto_passwd", "-b", "-c", passwords, "sg", "secret"]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    acl.write_text("\n".join(("user sg", *rules)) + "\n")
    lines = (f"password_file {passwords}", f"acl_file {acl}")
    try:
        async with LocalBroker(settings=("allow_anonymous false", *lines)) as broker:
            yield broker
    except ConfigError as error:
        pytest.skip(str(error))


SG = {"username": "sg", "password": "secret"}


async def test_a_refused_lane_is_not_well_and_is_named(tmp_path, scored):
    rules = ("topic readwrite sleepgate/bridge/#", "topic readwrite homeassistant/#")
    async with (
        guarded(tmp_path, *rules) as broker,
        gateway(broker, tmp_path, **SG) as (feed, reaches),
    ):
        feed.put(scored(0))
        await reaches(lambda health: "sleepgate/bedroom/epoch" in health.words)
        await reaches(
            lambda health: (
                not health.well
                and "let user sg read and write sleepgate/#" in health.words
                and "sleepgate/bedroom/epoch" in health.facts["refused_topics"]
            )
        )


async def test_3_1_1_a_broker_that_swallows_messages_is_noticed(
    tmp_path, caplog, monkeypatch, until
):
    monkeypatch.setattr(bridge, "ECHO_S", 0.3)
    monkeypatch.setitem(own_messages.RETURN_S, 0, 0.5)
    async with (
        guarded(tmp_path, "topic readwrite homeassistant/#") as broker,
        gateway(broker, tmp_path, protocol="3.1.1", **SG) as (_, reaches),
    ):
        await reaches(
            lambda health: not health.well and "do not come back" in health.words
        )
        await until(lambda: "does not pass on" in caplog.text, "the log")
    assert caplog.text.count("the broker does not pass on") == 1


async def test_3_1_1_a_lane_that_alone_is_swallowed_is_named(
    tmp_path, scored, monkeypatch
):
    monkeypatch.setitem(own_messages.RETURN_S, 1, 0.5)
    rules = ("topic readwrite sleepgate/bridge/#", "topic readwrite homeassistant/#")
    async with (
        guarded(tmp_path, *rules) as broker,
        gateway(broker, tmp_path, protocol="3.1.1", **SG) as (feed, reaches),
    ):
        feed.put(scored(0))
        await reaches(
            lambda health: not health.well and "sleepgate/bedroom/epoch" in health.words
        )


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_broker_that_passes_on_everything_is_well(
    broker, tmp_path, scored, monkeypatch, protocol
):
    monkeypatch.setattr(bridge, "ECHO_S", 0.2)
    monkeypatch.setitem(own_messages.RETURN_S, 0, 0.3)
    monkeypatch.setitem(own_messages.RETURN_S, 1, 0.3)
    async with gateway(broker, tmp_path, protocol=protocol) as (feed, reaches):
        feed.put(scored(0))
        feed.put(scored(1))
        await reaches(lambda health: health.facts["journal"]["pending"] == 0)
        await asyncio.sleep(0.7)
        await reaches(lambda health: health.well)


@pytest.mark.parametrize("limit", ["retain_available false", "max_qos 0"])
async def test_a_narrow_broker_is_used_for_what_it_has(
    tmp_path, scored, listening, until, limit
):
    try:
        async with (
            LocalBroker(settings=(OPEN, limit)) as broker,
            listening(broker) as listener,
            gateway(broker, tmp_path) as (feed, reaches),
        ):
            for index in range(3):
                feed.put(scored(index))
            await until(lambda: len(listener.stages()) == 3, "the live lane")
            await reaches(lambda health: limit in health.words)
            if limit == "max_qos 0":
                await reaches(
                    lambda health: (
                        not health.well and health.facts["journal"]["pending"] == 3
                    )
                )
                assert not listener.on("/epoch")
            else:
                await until(lambda: len(listener.epochs()) == 3, "the journal lane")
                await reaches(lambda health: health.well)
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("payload", [b"offline", b"", b"\xff"])
async def test_what_stands_against_the_living_is_contradicted(
    broker, tmp_path, listening, until, payload
):
    async with gateway(broker, tmp_path), listening(broker, STATE) as listener:
        await until(lambda: listener.heard, "the state")
        await publish(broker, STATE, payload, retain=True)
        await until(
            lambda: (
                [each.payload for each in listener.heard[-2:]] == [payload, b"online"]
            ),
            "the contradiction",
        )
    async with listening(broker, STATE) as listener:
        await until(lambda: listener.heard, "the state")
        assert listener.heard[-1].payload == b"offline"  # and at its end it is that


async def test_who_writes_the_state_in_a_loop_is_answered_once_a_second(
    broker, tmp_path, listening, until
):
    async with gateway(broker, tmp_path), listening(broker, STATE) as listener:
        await until(lambda: listener.heard, "the state")
        for _ in range(30):
            await publish(broker, STATE, b"offline")
        await until(lambda: listener.heard[-1].payload == b"online", "an answer")
        online = [each for each in listener.heard if each.payload == b"online"]
        seconds = listener.heard[-1].t - listener.heard[0].t
        assert len(online) <= 3 + seconds


async def test_two_gateways_on_one_base_topic_notice_each_other(
    broker, tmp_path, listening, until, caplog
):
    report = json.dumps({"v": 1, "gateway": OTHER})
    async with (
        gateway(broker, tmp_path) as (_, reaches),
        listening(broker) as listener,
    ):
        await until(lambda: listener.on("/health"), "a report")
        n = len([each for each in listener.on("/health") if not each.retained])
        await publish(broker, "sleepgate/bridge/health", report)
        await reaches(
            lambda health: (
                not health.well
                and "outputs.mqtt.base_topic" in health.words
                and health.facts["other_gateways"] == [OTHER]
            )
        )
        # one report of the other's, and one of ours that makes it notice, too
        await until(
            lambda: len([e for e in listener.on("/health") if not e.retained]) >= n + 2,
            "a report at once",
        )
    assert caplog.text.count(f"another gateway ({OTHER})") == 1


async def test_a_life_after_another_takes_its_place_and_outlives_its_will(
    broker, tmp_path, listening, until
):
    """The broker has not noticed that the first one is gone."""
    options = MqttOptions(host=broker.host, port=broker.port)
    name = options.client_id(metrics.gateway_id())
    will = Message(TopicTree("sleepgate").bridge_state, b"offline")
    former = MqttClient(options.address, will, lambda: (), client_id=name)
    former.leave_silently()
    async with listening(broker, STATE) as listener, former:
        assert former.connection is BrokerState.ONLINE
        async with gateway(broker, tmp_path):
            await until(lambda: former.problem, "the former connection's end")
            await until(
                lambda: listener.heard and listener.heard[-1].payload == b"online",
                "the living",
            )


def test_the_client_id_is_stable_and_every_broker_takes_it():
    options = MqttOptions()
    name = options.client_id("3f2a1c")
    assert name == MqttOptions(host="elsewhere").client_id("3f2a1c")
    assert name != options.client_id("3f2a1d")
    assert name != MqttOptions(base_topic="upstairs").client_id("3f2a1c")
    assert len(name) <= 23
    assert name.replace("-", "").isalnum()


async def births(broker, n):
    """Have Home Assistant start `n` times at once."""
    messages = [("homeassistant/status", b"online", 1, False)] * n
    where = {"hostname": broker.host, "port": broker.port}
    await asyncio.to_thread(paho_publish.multiple, messages, **where)


async def test_births_of_home_assistant_do_not_hold_up_requests(
    broker, tmp_path, listening, until, monkeypatch
):
    monkeypatch.setattr(bridge.random, "uniform", lambda *_: 3600.0)
    async with gateway(broker, tmp_path), listening(broker, "#") as listener:
        await births(broker, 20)
        await publish(broker, "sleepgate/bridge/request/health", b"{}")
        await until(lambda: listener.on("/response/health"), "an answer")


async def test_many_births_of_home_assistant_are_answered_together(
    broker, tmp_path, listening, until, monkeypatch
):
    monkeypatch.setattr(bridge, "BIRTH_S", 0.0)
    async with gateway(broker, tmp_path), listening(broker, STATE) as listener:
        await until(lambda: listener.heard, "the state")
        start_s, before = time.monotonic(), len(listener.heard)
        await births(broker, 50)
        await until(lambda: len(listener.heard) > before, "the greeting")
        await listener.catch_up()
        n_greetings = len(listener.heard) - before
        elapsed_s = time.monotonic() - start_s
        assert n_greetings <= 2 + elapsed_s / bridge.COALESCED_S


async def test_a_name_look_up_that_hangs_does_not_hold_up_the_end(monkeypatch):
    asked, release = threading.Event(), threading.Event()

    def hang(*_args, **_options):
        asked.set()
        release.wait(30)
        raise socket.gaierror("in the end")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        client = MqttClient(BrokerAddress(host="broker.invalid"), WILL, lambda: ())
        entering = asyncio.create_task(client.__aenter__())
        await asyncio.to_thread(asked.wait, 10)
        entering.cancel()
        start_s = time.monotonic()
        await client.__aexit__(None, None, None)
        assert time.monotonic() - start_s < 4
    finally:
        release.set()


async def test_a_name_that_cannot_be_encoded_is_a_broker_that_is_not_there(until):
    async with MqttClient(BrokerAddress(host="a..b"), None, lambda: ()) as client:
        await until(lambda: "cannot be looked up" in client.problem, "the problem")
