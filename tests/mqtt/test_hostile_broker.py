"""A broker that means harm is no more than a broker that is not there."""

import asyncio
import random
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from gateway.messages.feed import Feed
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message
from gateway.mqtt.connection import MAX_QUEUED_REQUESTS
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.topics import Topic
from gateway.sinks.mqtt import SINK

pytestmark = pytest.mark.integration

ACCEPTED = b"\x20\x03\x00\x00\x00"
RUBBISH = random.Random(6).randbytes(4096)  # noqa: S311 - the same every time
HARM = {
    "no MQTT at all": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "an answer of rubbish properties": b"\x20\x0c\x00\x00\x09\xff\xff\xff\xff" * 2,
    "a reason that there is none of": b"\x20\x03\x00\xfa\x00",
    "accepted, then rubbish": ACCEPTED + RUBBISH,
    "a packet said to be of 268 MB": ACCEPTED + b"\x30\xff\xff\xff\x7f" + RUBBISH,
    "a length that does not end": ACCEPTED + b"\x30\xff\xff\xff\xff\xff\xff",
    "a topic longer than its packet": ACCEPTED + b"\x30\x05\xff\xff\x61\x62\x63",
    "a topic that is no text": ACCEPTED + b"\x30\x06\x00\x02\xff\xfe\x00x",
    "acknowledging what was never sent": ACCEPTED + b"\x40\x04\xff\xff\x10\x00" * 64,
    "a second answer": ACCEPTED * 9,
}


class HostileBroker:
    """Says `harm` to who connects, then waits for them to go, or lets them."""

    def __init__(self, harm):
        self.harm = harm
        self.n = 0
        self.port = None
        self._closing = []

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for writer in self._closing:
                writer.close()

    async def _serve(self, reader, writer):
        self._closing.append(writer)
        self.n += 1
        harm = self.harm
        await reader.read(64)
        writer.write(harm or ACCEPTED)
        if harm is not None:
            await asyncio.sleep(0.1)
            writer.close()
            return
        while packet := await reader.read(4096):
            if packet[0] >> 4 == 3:  # a publish of QoS 1, alone: its mid is the answer
                at = 4 + int.from_bytes(packet[2:4])
                writer.write(b"\x40\x02" + packet[at : at + 2])


async def test_whatever_it_says_the_client_comes_back_and_serves_a_good_one(until):
    async def suffer(what):
        async with HostileBroker(HARM[what]).serving() as broker:
            address = BrokerAddress(host="127.0.0.1", port=broker.port)
            async with MqttClient(address, None, list, []) as client:
                await until(lambda: broker.n >= 2, f"another attempt after {what}", 20)
                broker.harm = None
                online = BrokerState.ONLINE
                await until(lambda: client.connection is online, f"up after {what}", 20)
                receipt = client.send(Message(Topic("t", retain=False), b"x"))
                assert receipt is not None
                async with asyncio.timeout(10):
                    assert await receipt

    async with asyncio.TaskGroup() as tasks:
        for what in HARM:
            tasks.create_task(suffer(what))


async def test_an_old_broker_that_hangs_up_on_mqtt_5_is_informed_how_to_reach(
    caplog, until
):
    writers = []

    async def serve(reader, writer):
        writers.append(writer)
        connect = await reader.read(64)
        if connect[8] == 4:  # the protocol level of 3.1.1
            writer.write(b"\x20\x02\x00\x00")
        else:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = BrokerAddress(host="127.0.0.1", port=port)
        async with MqttClient(address, None, list, []):
            hint = "so old that it needs outputs.mqtt.protocol: 3.1.1"
            await until(lambda: hint in caplog.text, "the hint")
        async with MqttClient(
            replace(address, protocol="3.1.1"), None, list, []
        ) as client:
            online = BrokerState.ONLINE
            await until(lambda: client.connection is online, "the old broker")
        for writer in writers:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


async def test_of_more_requests_than_can_be_served_only_the_first_wait(until):
    request = b"\x30\x08\x00\x03r/x\x00{}"
    flood = ACCEPTED + request * 5000
    async with HostileBroker(flood).serving() as broker:
        address = BrokerAddress(host="127.0.0.1", port=broker.port)
        async with MqttClient(address, None, list, ["r/#"]) as client:
            await until(lambda: broker.n, "the flood")
            broker.harm = None
            await until(lambda: client.connections == 2, "the end of the flood", 20)
            n_waiting = 0
            with suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0.2):
                        assert (await client.receive()).topic == "r/x"
                    n_waiting += 1
    assert n_waiting == MAX_QUEUED_REQUESTS


async def test_a_message_on_a_topic_not_subscribed_to_is_dropped(until):
    topics = (b"", b"r", b"x/y", b"r/+", b"r/#", b"#", b"sleepgate/a/b", b"r/x")
    packets = [
        bytes((0x30, len(each) + 5, 0, len(each))) + each + b"\x00{}" for each in topics
    ]
    async with HostileBroker(ACCEPTED + b"".join(packets)).serving() as broker:
        address = BrokerAddress(host="127.0.0.1", port=broker.port)
        async with MqttClient(address, None, list, ["r/+"]) as client:
            async with asyncio.timeout(20):
                assert (await client.receive()).topic == "r/x", "all before are dropped"
            broker.harm = None
            online = BrokerState.ONLINE
            await until(lambda: client.connection is online, "a good broker", 20)


async def test_a_password_that_crosses_the_network_in_the_clear_is_reported(caplog):
    feed = Feed(depth=1)
    feed.close()
    here = MqttOptions(host="localhost", port=1, username="me", password="hush")  # noqa: S106
    there = replace(here, host="127.0.0.2")
    await SINK.run(here, feed, None)
    assert "unencrypted" not in caplog.text
    await SINK.run(there, feed, None)
    assert "127.0.0.2 crosses the network unencrypted" in caplog.text
    assert "hush" not in caplog.text
