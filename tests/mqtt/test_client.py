"""The connection to the broker, against brokers that misbehave."""

import asyncio
import logging
import socket
from contextlib import asynccontextmanager

import pytest

from gateway.mqtt import client as mqtt_client
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message
from gateway.mqtt.paho_client import WINDOW
from gateway.mqtt.topics import Topic
from sim.local_broker import LocalBroker

pytestmark = pytest.mark.integration

WILL = Message(Topic("t/state", retain=True), b"offline")
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, DISCONNECT = 1, 2, 3, 4, 8, 14
ACCEPTED_V3, BAD_VERSION_V3 = b"\x20\x02\x00\x00", b"\x20\x02\x00\x01"
ACCEPTED_V5 = b"\x20\x03\x00\x00\x00"
PATIENCE_S = 10


def message(text="x"):
    return Message(Topic("t/x", retain=False), text.encode())


async def until(reached):
    for _ in range(PATIENCE_S * 100):
        if reached():
            return
        await asyncio.sleep(0.01)
    pytest.fail("in vain")


class FakeBroker:
    """Speaks as much MQTT as a bad broker would; `answer` decides what."""

    def __init__(self, answer):
        self.answer = answer
        self.seen = []
        self.host = "127.0.0.1"
        self._writers = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, self.host, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.drop()
        self._server.close()
        await self._server.wait_closed()
        await until(lambda: not self._writers)

    def write(self, packet):
        for writer in self._writers:
            writer.write(packet)

    def drop(self):
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        self._writers.add(writer)
        try:
            while head := await reader.read(1):
                packet = await self._packet(reader)
                self.seen.append((head[0] >> 4, packet))
                reply = self.answer(head[0] >> 4, packet)
                if reply:
                    writer.write(reply)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _packet(self, reader):
        length, shift = 0, 0
        while True:
            byte = (await reader.readexactly(1))[0]
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return await reader.readexactly(length)

    def of(self, kind):
        return [packet for seen, packet in self.seen if seen == kind]


def version(connect):
    return connect[6]


def mid(publish):
    at = 2 + int.from_bytes(publish[:2])
    return publish[at : at + 2]


def polite(kind, packet):
    if kind == CONNECT:
        return ACCEPTED_V5
    return b"\x40\x02" + mid(packet) if kind == PUBLISH else b""


@asynccontextmanager
async def connected(broker, greeting=(), **address):
    where = BrokerAddress(host=broker.host, port=broker.port, **address)
    async with MqttClient(where, WILL, lambda: list(greeting)) as client:
        yield client


async def test_a_broker_that_knows_only_3_1_1_is_spoken_to_in_3_1_1():
    def old(kind, packet):
        if kind == CONNECT:
            return ACCEPTED_V3 if version(packet) == 4 else BAD_VERSION_V3
        return b"\x40\x02" + mid(packet) if kind == PUBLISH else b""

    async with FakeBroker(old) as broker, connected(broker) as client:
        assert client.connection is BrokerState.ONLINE
        assert client.protocol == "3.1.1"
        assert await client.publish(message())
        assert await client.drain()
    assert [version(packet) for packet in broker.of(CONNECT)] == [5, 4]


async def test_who_asks_for_mqtt_5_alone_is_informed_that_it_is_refused(caplog):
    def old(kind, packet):
        return BAD_VERSION_V3 if kind == CONNECT else b""

    async with FakeBroker(old) as broker, connected(broker, protocol="5") as client:
        assert client.connection is BrokerState.REFUSED
        assert not await client.publish(message())
    assert "Unsupported protocol version" in caplog.text


async def test_on_leaving_the_will_is_published_before_the_disconnect():
    async with FakeBroker(polite) as broker:
        async with connected(broker):
            pass
        await until(lambda: broker.of(DISCONNECT))
    kinds = [kind for kind, _ in broker.seen]
    assert kinds == [CONNECT, PUBLISH, DISCONNECT]
    assert b"t/state" in broker.of(PUBLISH)[0]
    assert broker.of(PUBLISH)[0].endswith(b"offline")


async def test_no_more_than_the_window_is_on_its_way():
    acks = []

    def slow(kind, packet):
        if kind == CONNECT:
            return ACCEPTED_V5
        if kind == PUBLISH:
            acks.append(b"\x40\x02" + mid(packet))
            if len(acks) > WINDOW:
                return acks[-1]
        return b""

    async with FakeBroker(slow) as broker, connected(broker) as client:
        for number in range(WINDOW):
            assert await client.publish(message(str(number)))
        one_more = asyncio.create_task(client.publish(message("more")))
        await until(lambda: len(acks) == WINDOW)
        assert not one_more.done()
        broker.drop()
        assert not await one_more


async def test_a_broker_that_takes_two_at_a_time_gets_two_at_a_time():
    two_at_a_time = b"\x20\x06\x00\x00\x03\x21\x00\x02"
    waiting = []

    def narrow(kind, packet):
        if kind == PUBLISH:
            waiting.append(b"\x40\x02" + mid(packet))
        return two_at_a_time if kind == CONNECT else b""

    async with FakeBroker(narrow) as broker, connected(broker) as client:
        assert await client.publish(message("one"))
        assert await client.publish(message("two"))
        third = asyncio.create_task(client.publish(message("three")))
        await until(lambda: len(waiting) == 2)
        assert not third.done()
        broker.write(waiting.pop())
        assert await third
        await until(lambda: len(waiting) == 2)
        broker.drop()
        await until(lambda: client.connection is BrokerState.OFFLINE)


async def test_what_was_on_its_way_is_sent_again_before_the_greeting():
    silent = [True]

    def forgetful(kind, packet):
        if kind == CONNECT:
            return ACCEPTED_V5
        if kind == PUBLISH and not silent[0]:
            return b"\x40\x02" + mid(packet)
        return b""

    greeting = [message("hello")]
    async with FakeBroker(forgetful) as broker, connected(broker, greeting) as client:
        await client.publish(message("one"))
        await client.publish(message("two"))
        await until(lambda: len(broker.of(PUBLISH)) == 3)
        silent[0] = False
        broker.seen.clear()
        broker.drop()
        await until(lambda: client.connection is BrokerState.OFFLINE)
        await until(lambda: client.connection is BrokerState.ONLINE)
        assert await client.drain()
    said = [packet.rpartition(b"\0")[2] for packet in broker.of(PUBLISH)]
    assert said == [b"hello", b"one", b"two", b"hello", b"offline"]


async def test_a_broker_that_never_answers_does_not_hold_the_start(monkeypatch):
    monkeypatch.setattr(mqtt_client, "FIRST_ANSWER_S", 0.1)
    monkeypatch.setattr(mqtt_client, "LEAVE_S", 0.1)
    mute = FakeBroker(lambda _kind, _packet: b"")
    async with mute as broker, connected(broker) as client:
        assert client.connection is BrokerState.CONNECTING
        assert not await client.publish(message())


async def test_a_broker_that_never_acknowledges_does_not_hold_the_end(monkeypatch):
    monkeypatch.setattr(mqtt_client, "LEAVE_S", 0.1)

    def deaf(kind, _packet):
        return ACCEPTED_V5 if kind == CONNECT else b""

    async with FakeBroker(deaf) as broker, connected(broker) as client:
        assert await client.publish(message())
        assert not await client.drain(0.1)


TAKEN_OVER = b"\xe0\x02\x8e\x00"  # MQTT 5, 3.14.2.1
BAD_CLIENT_ID = b"\x20\x03\x00\x85\x00"


async def test_another_client_of_the_same_name_is_called_that(caplog):
    async with FakeBroker(polite) as broker, connected(broker) as client:
        broker.write(TAKEN_OVER)
        await until(lambda: "client id sleepgate-" in caplog.text)
        assert "systemd-machine-id-setup" in caplog.text
        await until(lambda: client.connections == 2)


async def test_a_broker_that_does_not_take_the_client_id():
    def strict(kind, _packet):
        return BAD_CLIENT_ID if kind == CONNECT else b""

    async with FakeBroker(strict) as broker, connected(broker) as client:
        assert client.connection is BrokerState.REFUSED
        assert "clientid_prefixes" in client.problem


NO_RETAIN, NO_QOS = b"\x20\x03\x00\x9a\x00", b"\x20\x03\x00\x9b\x00"
# with Retain Available 0 and Maximum QoS 0
ACCEPTED_NARROW = b"\x20\x07\x00\x00\x04\x25\x00\x24\x00"
WILL_RETAIN, WILL_QOS = 0x20, 0x18  # in the flags of CONNECT: MQTT 5, 3.1.2.3


async def test_a_will_that_the_broker_cannot_keep_is_left_at_what_it_can():
    """It hangs up on what it has said that it cannot."""
    flags, sent = [], []

    def narrow(kind, packet):
        if kind == CONNECT:
            flags.append(packet[7])
            if flags[-1] & WILL_RETAIN:
                return NO_RETAIN
            return NO_QOS if flags[-1] & WILL_QOS else ACCEPTED_NARROW
        if kind == PUBLISH:
            sent.append(packet)
        return b""

    async with FakeBroker(narrow) as broker, connected(broker) as client:
        await until(lambda: client.connection is BrokerState.ONLINE)
        assert len(flags) == 3
        assert not client.acknowledges
        assert not client.limits.retains
        assert await client.publish(WILL)
        await until(lambda: sent)
        assert sent[0] == b"\0\x07t/state\0offline"  # of QoS 0: it has no number


async def test_a_subscription_that_is_refused_is_known_and_forgotten_with_the_next():
    codes = [b"\x87"]

    def closed(kind, packet):
        if kind == SUBSCRIBE:
            return b"\x90\x04" + packet[:2] + b"\x00" + codes[0]
        return polite(kind, packet)

    async with FakeBroker(closed) as broker:
        address = BrokerAddress(host=broker.host, port=broker.port)
        async with MqttClient(address, None, lambda: (), ["r/+"]) as client:
            await until(lambda: client.refused_subscriptions)
            assert client.refused_subscriptions == {"r/+": "Not authorized"}
            codes[0] = b"\x01"
            broker.drop()
            await until(lambda: client.connections == 2)
            await asyncio.sleep(0.1)
            assert not client.refused_subscriptions


async def test_a_message_the_broker_refuses_is_reported_once(tmp_path, caplog):
    acl = tmp_path / "acl"
    acl.write_text("topic write t/state\n")
    settings = ("allow_anonymous true", f"acl_file {acl}")
    async with LocalBroker(settings=settings) as broker, connected(broker) as client:
        for _ in range(3):
            assert await client.publish(message())
        assert await client.drain()
    said = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said == ["the broker refuses messages on t/x: Not authorized"]


async def test_an_error_in_a_callback_is_reported_and_leaves_the_thread_alive(caplog):
    async with LocalBroker() as broker, connected(broker) as client:
        failed = []

        def fail(*_):
            failed.append(1)
            raise ZeroDivisionError("by zero")

        paho = client._connection._thread._client  # noqa: SLF001 -- the trap is in paho's own
        heard, paho.on_publish = paho.on_publish, fail
        await client.publish(message())
        await until(lambda: failed)
        paho.on_publish = heard
        client._connection.in_flight.give_up()  # noqa: SLF001 -- what the failed callback lost
        await client.publish(message())
        assert await client.drain()
    assert "Caught exception in on_publish: by zero" in caplog.text


async def test_a_dead_line_is_given_up_in_ten_seconds_and_pinged_as_asked():
    async with FakeBroker(polite) as broker, connected(broker, keepalive_s=7) as client:
        line = client._connection._thread._client.socket()  # noqa: SLF001 -- the option is on paho's socket
        unheard_ms = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert unheard_ms == 10_000
    assert int.from_bytes(broker.of(CONNECT)[0][8:10]) == 7


async def test_a_password_is_not_shown():
    address = BrokerAddress(host="h", username="u", password="secret")  # noqa: S106 -- a test's own
    assert "secret" not in f"{address!r} {address}"
