"""Messages too large to have a use are never in memory, and cost no connection."""

import asyncio
import base64
import hashlib
import re
import tracemalloc
from contextlib import asynccontextmanager
from functools import partial

import pytest
from paho.mqtt import publish

from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState
from gateway.mqtt.paho_client import MAX_FRAME_BYTES, MAX_PACKET_BYTES
from sim.local_broker import LocalBroker
from tests.support.mosquitto import VERSIONS

pytestmark = pytest.mark.integration

HUGE = 250_000_000
ROOM = 10 * MAX_FRAME_BYTES  # for everything else of this process
CHUNK = bytes(1 << 20)
ACCEPTED = {"5": b"\x20\x03\x00\x00\x00", "3.1.1": b"\x20\x02\x00\x00"}
TOPIC = b"\x00\x03r/x"
PONG = b"\xd0\x00"


def length_of(n):
    """Encode as MQTT 5, 1.5.5."""
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def head(n, qos, protocol):
    """Return the beginning of a PUBLISH of `n` bytes after its fixed header."""
    mid = b"\x00\x07" if qos else b""
    properties = b"\x00" if protocol == "5" else b""
    return bytes([0x30 | qos << 1]) + length_of(n) + TOPIC + mid + properties


def message(payload, protocol):
    start = head(0, 0, protocol)
    return head(len(start) - 2 + len(payload), 0, protocol) + payload


class Generous:
    """Accepts, then says what `more(writer)` does; keeps what it heard."""

    def __init__(self, more, protocol):
        self.n = 0
        self.connect = b""
        self.port = None
        self._more, self._protocol = more, protocol

    @asynccontextmanager
    async def serving(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader, writer):
        self.n += 1
        self.connect = await reader.read(256)
        writer.write(ACCEPTED[self._protocol])
        try:
            await self._more(writer)
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass  # the client has had enough
        finally:
            writer.close()


async def pour(writer, n):
    for _ in range(n // len(CHUNK)):
        writer.write(CHUNK)
        await writer.drain()
    writer.write(CHUNK[: n % len(CHUNK)])
    await writer.drain()


@asynccontextmanager
async def listening_to(broker, protocol):
    address = BrokerAddress(host="127.0.0.1", port=broker.port, protocol=protocol)
    async with MqttClient(address, None, list, ["r/#"]) as client:
        yield client


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("qos", [0, 1])
async def test_250_mb_are_thrown_away_and_the_next_message_is_received(
    protocol, qos, caplog
):
    async def more(writer):
        start = head(HUGE, qos, protocol)
        writer.write(start)
        await pour(writer, HUGE - (len(start) - 5))
        writer.write(message(b"heard", protocol))

    async with Generous(more, protocol).serving() as broker:
        tracemalloc.start()
        try:
            async with listening_to(broker, protocol) as client:
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                async with asyncio.timeout(60):
                    received = await client.receive()
                _, peak = tracemalloc.get_traced_memory()
                assert received.payload == b"heard"
                assert client.connections == 1
        finally:
            tracemalloc.stop()
    assert peak - before < ROOM
    assert caplog.text.count(f"nobody asked for ({HUGE} bytes)") == 1


async def test_the_largest_message_that_is_received():
    fits = MAX_PACKET_BYTES - len(TOPIC) - 1

    async def more(writer):
        writer.write(message(bytes(fits + 1), "5") + message(bytes(fits), "5"))

    async with (
        Generous(more, "5").serving() as broker,
        listening_to(broker, "5") as client,
    ):
        async with asyncio.timeout(10):
            assert len((await client.receive()).payload) == fits


async def test_messages_that_wait_for_a_release_are_not_kept():
    """Of QoS 2, 65,535 may wait."""
    n, payload = 2000, bytes(MAX_PACKET_BYTES - 100)

    async def more(writer):
        for mid in range(1, n + 1):
            start = head(len(TOPIC) + 3 + len(payload), 2, "5")
            at = start.index(TOPIC) + len(TOPIC)
            writer.write(start[:at] + mid.to_bytes(2) + b"\x00" + payload)
            await writer.drain()
        writer.write(message(b"heard", "5"))

    async with Generous(more, "5").serving() as broker:
        tracemalloc.start()
        try:
            async with listening_to(broker, "5") as client:
                tracemalloc.reset_peak()
                before, _ = tracemalloc.get_traced_memory()
                async with asyncio.timeout(60):
                    assert (await client.receive()).payload == b"heard"
                _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak - before < ROOM


async def test_mqtt_5_brokers_are_informed_of_what_is_received():
    async def nothing(writer):
        pass

    async with Generous(nothing, "5").serving() as broker, listening_to(broker, "5"):
        maximum = b"\x27" + MAX_PACKET_BYTES.to_bytes(4)  # MQTT 5, 3.1.2.11.4
        assert maximum in broker.connect


async def test_a_websocket_frame_without_end_is_given_up(until):
    peaks = []

    async def serve(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", asked)[1]
        accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11")  # noqa: S324
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(accept.digest())
            + b"\r\n\r\n"
        )
        await reader.read(256)
        writer.write(b"\x82\x7f" + HUGE.to_bytes(8) + ACCEPTED["5"])
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        try:
            many = message(bytes(MAX_PACKET_BYTES // 2), "5")
            for _ in range(HUGE // len(many)):
                writer.write(many)
                await writer.drain()
        except ConnectionError:
            pass
        peaks.append(tracemalloc.get_traced_memory()[1] - before)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = BrokerAddress(host="127.0.0.1", port=port, websocket="/mqtt")
    tracemalloc.start()
    try:
        async with MqttClient(address, None, list, ["r/#"]):
            await until(lambda: peaks, "the end of the frame", 60)
    finally:
        tracemalloc.stop()
        server.close()
    assert peaks[0] < ROOM


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_what_a_neighbour_leaves_at_a_real_broker_harms_nobody(protocol):
    async with LocalBroker() as broker:
        tell = partial(
            publish.single,
            hostname=broker.host,
            port=broker.port,
            protocol=VERSIONS[protocol],
            qos=1,
        )
        await asyncio.to_thread(tell, "r/x", bytes(3_000_000), retain=True)
        async with listening_to(broker, protocol) as client:
            assert client.connection is BrokerState.ONLINE
            for _ in range(3):
                await asyncio.to_thread(tell, "r/x", bytes(MAX_PACKET_BYTES))
                await asyncio.to_thread(tell, "r/x", b"heard")
                async with asyncio.timeout(10):
                    assert (await client.receive()).payload == b"heard"
            assert client.connections == 1
