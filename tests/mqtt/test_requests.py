"""Requests over a real broker."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.messages.control import (
    BeginSession,
    Control,
    EndSession,
    Mark,
    MarkLights,
    Reload,
)
from gateway.messages.feed import Feed
from gateway.messages.outputs import RecordingState, SessionState
from gateway.mqtt.options import MqttOptions
from gateway.sinks.mqtt import run

pytestmark = pytest.mark.integration


@pytest.fixture
def asking(broker, listening, until, scored, reading):
    """A gateway with ten epochs behind it, an ear, and somebody who asks."""

    @asynccontextmanager
    async def ask(control=None, state=RecordingState.RECORDING):
        client = paho.Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5
        )
        await asyncio.to_thread(client.connect, broker.host, broker.port)
        client.loop_start()
        feed = Feed(64)
        sink = asyncio.create_task(
            run(MqttOptions(host=broker.host, port=broker.port), feed, control)
        )
        try:
            async with listening(broker, "#") as listener:
                for index in range(10):
                    feed.put(scored(index))
                await until(lambda: len(listener.epochs()) == 10, "ten epochs")
                feed.put(reading(SessionState(state)))
                await until(lambda: listener.on("/bedroom/session"), "the session")
                yield client, listener
        finally:
            client.disconnect()
            client.loop_stop()
            feed.close()
            await sink

    return ask


def put(client, verb, payload, whom="bridge", **how):
    client.publish(f"sleepgate/{whom}/request/{verb}", payload, 1, **how)


async def answer(listener, verb="replay", whom="bridge"):
    leaf = f"/{whom}/response/{verb}"
    await listener.until(lambda: listener.on(leaf), "an answer")
    return listener.on(leaf)[-1].document


async def test_a_replay_brings_what_was_missed_again(asking):
    async with asking() as (client, listener):
        put(client, "replay", json.dumps({"transaction": "a", "from": 4, "to": 7}))
        said = await answer(listener)
        await listener.until(lambda: len(listener.epochs()) == 13, "three again")
    assert said == {
        "transaction": "a",
        "status": "ok",
        "data": {"epochs": 3, "first_seq": 0},
    }
    assert [epoch["seq"] for epoch in listener.epochs()[10:]] == [4, 5, 6]
    assert len(listener.stages()) == 10, "the live lane is not disturbed"


async def test_the_answer_also_goes_where_mqtt_5_says(asking):
    async with asking() as (client, listener):
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = "sleepgate/bridge/response/mine"
        put(client, "replay", b'{"from": 10}', properties=properties)
        await listener.until(lambda: listener.on("/response/mine"), "an answer")
    assert listener.on("/response/mine")[0].document["status"] == "ok"


async def test_an_answer_goes_nowhere_but_below_our_own_responses(asking):
    async with asking() as (client, listener):
        for topic in ("homeassistant/config", "sleepgate/bedroom/stage"):
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = topic
            put(client, "replay", b'{"from": 10}', properties=properties)
        await listener.until(
            lambda: len(listener.on("/response/replay")) == 2, "two answers"
        )
        n_stages = len(listener.stages())
    assert n_stages == 10
    assert not listener.on("homeassistant/config")


@pytest.mark.parametrize(
    ("verb", "payload", "code"),
    [
        ("replay", b"{", "not_json"),
        ("replay", b'{"from": "all"}', "bad_field"),
        ("replay", b"[" * 1500, "not_json"),
        ("health", b'{"a":' * 700, "not_json"),
        ("replay", b'{"from": 9223372036854775808}', "not_json"),
        ("replay", b'{"from": 0, "to": 18446744073709551616}', "not_json"),
        ("replay", b'{"from": 0, "to": 9223372036854775807}', None),
        ("sing", b"", "unknown_verb"),
    ],
)
async def test_what_cannot_be_served_is_refused_with_a_reason(
    asking, verb, payload, code
):
    async with asking() as (client, listener):
        put(client, verb, payload)
        said = await answer(listener, verb)
    assert said["status"] == ("ok" if code is None else "error")
    assert said.get("error", {}).get("code") == code


async def test_a_retained_request_is_never_served(broker, asking):
    client = paho.Client(CallbackAPIVersion.VERSION2)
    await asyncio.to_thread(client.connect, broker.host, broker.port)
    client.loop_start()
    sent = client.publish(
        "sleepgate/bridge/request/replay", b'{"from": 0}', 1, retain=True
    )
    await asyncio.to_thread(sent.wait_for_publish, 10)
    client.disconnect()
    client.loop_stop()
    async with asking() as (_, listener):
        said = await answer(listener)
    assert said["error"]["code"] == "retained"
    assert len(listener.epochs()) == 10


@pytest.mark.parametrize(
    ("verb", "payload", "command"),
    [
        ("session", b"start", BeginSession("bedroom")),
        ("session", b'{"action": "stop"}', EndSession("bedroom")),
        ("lights", b"off", MarkLights("bedroom", off=True)),
        ("lights", b'{"action": "on"}', MarkLights("bedroom", off=False)),
        ("mark", b'{"text": "cat on the bed"}', Mark("bedroom", "cat on the bed")),
        ("mark", b"restless", Mark("bedroom", "restless")),
    ],
)
async def test_the_daemon_is_asked_once_for_what_a_headband_is_asked(
    asking, verb, payload, command
):
    control = Control()
    async with asking(control) as (client, listener):
        put(client, verb, payload, "bedroom")
        said = await answer(listener, verb, "bedroom")
        assert said["status"] == "ok"
        assert await asyncio.wait_for(control.next(), 5) == command
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(control.next(), 0.1)


async def test_the_configuration_is_read_again_on_request(asking):
    control = Control()
    async with asking(control) as (client, listener):
        put(client, "config_reload", b"")
        said = await answer(listener, "config_reload")
        assert await asyncio.wait_for(control.next(), 5) == Reload()
    assert said["data"] == {"topic": "sleepgate/bridge/info"}


@pytest.mark.parametrize(
    ("whom", "verb", "payload", "code"),
    [
        ("bedroom", "lights", b"dim", "bad_field"),
        ("bedroom", "mark", b"{}", "bad_field"),
        ("bedroom", "mark", b'{"text": "two\\nlines"}', "bad_field"),
        ("bedroom", "mark", b'{"text": ""}', "bad_field"),
        ("bedroom", "replay", b'{"from": 0}', "unknown_verb"),
        ("attic", "mark", b"here", "no_device"),
        ("attic", "session", b"start", "no_device"),
        ("bridge", "session", b"start", "unknown_verb"),
    ],
)
async def test_a_headband_is_not_asked_what_makes_no_sense(
    asking, whom, verb, payload, code
):
    async with asking(Control()) as (client, listener):
        put(client, verb, payload, whom)
        said = await answer(listener, verb, whom)
    assert said["error"]["code"] == code


@pytest.mark.parametrize(("verb", "payload"), [("lights", b"off"), ("mark", b"here")])
async def test_what_nobody_would_record_is_refused(asking, verb, payload):
    async with asking(Control(), RecordingState.ENDED) as (client, listener):
        put(client, verb, payload, "bedroom")
        said = await answer(listener, verb, "bedroom")
    assert said["error"]["code"] == "no_session"
