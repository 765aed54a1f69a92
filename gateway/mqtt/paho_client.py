"""Adapter of paho-mqtt: its thread's callbacks as events on an event loop.

The thread goes on pinging while the loop is busy. paho holds a lock of its own
while it calls back and takes the same one in ``publish``: a lock of ours around
either would one day stop both threads, so callbacks only post events.
"""

import asyncio
import logging
import secrets
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import (
    CallbackAPIVersion,
    MessageType,
    MQTTErrorCode,
    MQTTProtocolVersion,
)
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt.client_events import (
    Acknowledged,
    BrokerAddress,
    ClientEvent,
    Connected,
    Disconnected,
    Message,
    Received,
    Refused,
    SubscriptionRefused,
    TransportOpened,
    Unreachable,
)
from gateway.mqtt.topics import WILDCARDS

log = logging.getLogger(__name__)

MAX_PACKET_BYTES = 65_536  # kept; a request has 4096 at most
MAX_FRAME_BYTES = 4 * MAX_PACKET_BYTES  # of what has been read of a WebSocket's frame
KIND, QOS, EXACTLY_ONCE = 0xF0, 0x06, 0x04  # in a first byte: MQTT 5, 2.1 and 3.3.1.2

LARGEST = 268_435_460  # bytes of a packet: MQTT 5, 3.1.2.11.4
WINDOW = 20  # publishes in flight; paho's default, and mosquitto's
BACK_OFF_S = (1, 10)  # a broker that is back is to be current within half an epoch
TCP_USER_TIMEOUT_MS = (
    10_000  # unanswered data; keepalive alone takes twice its interval
)
VERSION = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class ConnectOptions(NamedTuple):
    """Options of CONNECT.

    Attributes
    ----------
    client_id : str
        A new connection ends an older one of the same name.
    protocol : str
        ``"5"`` or ``"3.1.1"``.
    window : int
        Publishes that may be in flight.
    """

    client_id: str
    protocol: str
    window: int


class PacketLimit(paho.Client):
    """paho client that keeps packets up to `MAX_PACKET_BYTES`, of QoS 0 and 1.

    paho gathers whatever length a packet announces, up to the 256 MB of the protocol.
    MQTT 5 lets a client limit that, but a hostile broker, or one of MQTT 3.1.1, does
    not know the limit. Larger packets are read and thrown away, so that the connection
    goes on.

    Messages of QoS 2 are kept until they are released; no broker that
    keeps to the protocol sends one to a subscriber of less.
    """

    _is_logged = False

    def _sock_recv(self, bufsize: int) -> bytes:
        if len(getattr(self._sock, "_readbuffer", b"")) > MAX_FRAME_BYTES:
            raise ConnectionError("a WebSocket frame that does not end")
        if self._is_unwanted():
            self._in_packet["packet"].clear()
        return super()._sock_recv(min(bufsize, MAX_PACKET_BYTES))

    def _packet_handle(self) -> MQTTErrorCode:
        if not self._is_unwanted():
            return super()._packet_handle()
        if not self._is_logged:
            self._is_logged = True
            log.warning(
                "the broker sends a packet that nobody asked for (%d bytes); it is "
                "thrown away, as all further ones",
                self._in_packet["remaining_length"],
            )
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _create_socket_connection(self) -> socket.socket:
        try:
            return super()._create_socket_connection()
        except UnicodeError as error:  # paho's thread would end with it
            raise OSError(f"{self._host!r} cannot be looked up: {error}") from error

    def _is_unwanted(self) -> bool:
        if self._in_packet["remaining_length"] > MAX_PACKET_BYTES:
            return True
        command = self._in_packet["command"]
        return command & KIND == MessageType.PUBLISH and command & QOS == EXACTLY_ONCE


class PahoClient:
    """Thread that connects, and reconnects, until it is stopped.

    Parameters
    ----------
    address : BrokerAddress
    options : ConnectOptions
    will : Message or None
    subscriptions : sequence of str
        Topic filters, subscribed to on every connection.
    on_event : callable
        Called with this client and each event, in order, on the event loop that
        runs now.

    Attributes
    ----------
    options : ConnectOptions
    """

    def __init__(
        self,
        address: BrokerAddress,
        options: ConnectOptions,
        will: Message | None,
        subscriptions: Sequence[str],
        on_event: Callable[["PahoClient", ClientEvent], None],
    ) -> None:
        self.options = options
        self._client = PacketLimit(
            CallbackAPIVersion.VERSION2,
            client_id=options.client_id,
            protocol=VERSION[options.protocol],
            transport="tcp" if address.websocket is None else "websockets",
        )
        if address.websocket is not None:
            self._client.ws_set_options(address.websocket)
        if address.tls is not None:
            self._client.tls_set_context(address.tls.context())
        self._client.suppress_exceptions = True  # one in a callback ends the thread
        self._client.max_inflight_messages_set(options.window)
        self._client.username_pw_set(address.username, address.password)
        if will is not None:
            topic = will.topic
            self._client.will_set(topic.name, will.payload, topic.qos, topic.retain)
        self._subscriptions = [(pattern, 1) for pattern in subscriptions]
        self._listen(asyncio.get_running_loop(), on_event)
        self.set_reconnect_delay(*BACK_OFF_S)
        first, wanted = paho.MQTT_CLEAN_START_FIRST_ONLY, None
        if options.protocol == "5":
            first, wanted = True, Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
            wanted.MaximumPacketSize = MAX_PACKET_BYTES
        self._client.connect_async(
            address.host,
            address.port,
            address.keepalive_s,
            clean_start=first,
            properties=wanted,
        )
        self._client.loop_start()

    def set_reconnect_delay(self, least_s: int, most_s: int) -> None:
        """Wait at least, then ever longer, then about so long between attempts.

        The longest pause is drawn up to half as long again: gateways that lost the
        same broker do not come back in step.
        """
        drawn_s = most_s + secrets.randbelow(most_s // 2 + 1)
        self._client.reconnect_delay_set(least_s, drawn_s)

    def send(self, message: Message) -> int:
        """Queue `message`; return the ``mid`` of its acknowledgement."""
        topic, payload, correlation = message
        properties = None
        if self.options.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it so
            if topic.expiry_s is not None:
                properties.MessageExpiryInterval = topic.expiry_s
            if correlation is not None:
                properties.CorrelationData = correlation
        retain = topic.retained_by(self.options.protocol)
        return self._client.publish(
            topic.name, payload, topic.qos, retain, properties
        ).mid

    def disconnect(self) -> None:
        """Send DISCONNECT; the thread then ends by itself."""
        self._client.disconnect()

    async def join(self, timeout_s: float) -> bool:
        """Wait for the thread to end; False if it does not in time.

        A name look-up cannot be interrupted. The thread ends with the process, and so
        does the one that waits for it here: those of asyncio.to_thread would not.
        """
        loop, ended = asyncio.get_running_loop(), asyncio.Event()

        def wait() -> None:
            self._client.loop_stop()
            with suppress(RuntimeError):  # the event loop is closed by now
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=wait, name="mqtt-end", daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await ended.wait()
        return ended.is_set()

    def _listen(
        self,
        loop: asyncio.AbstractEventLoop,
        on_event: Callable[["PahoClient", ClientEvent], None],
    ) -> None:
        def post_event(event: ClientEvent) -> None:
            loop.call_soon_threadsafe(on_event, self, event)

        def connack(reason: ReasonCode, properties: Properties) -> ClientEvent:
            if reason.is_failure:
                return Refused(reason.value, str(reason))
            if self._subscriptions:
                client.subscribe(self._subscriptions)
            return Connected(
                min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW)),
                getattr(properties, "MaximumPacketSize", LARGEST),
                bool(getattr(properties, "RetainAvailable", 1)),
                getattr(properties, "MaximumQoS", 2),
            )

        def puback(mid: int, reason: ReasonCode) -> ClientEvent:
            return Acknowledged(mid, str(reason) if reason.is_failure else None)

        def opened(_client: paho.Client, _userdata: object, sock: object) -> None:
            _set_user_timeout(sock)
            post_event(TransportOpened())

        client = self._client
        client.on_log = _log_callback_errors
        client.on_socket_open = opened
        client.on_connect = lambda _c, _u, _f, reason, properties: post_event(
            connack(reason, properties)
        )

        client.on_message = lambda _c, _u, message: self._receive(message, post_event)
        client.on_connect_fail = lambda _c, _u: post_event(_unreachable())
        client.on_disconnect = lambda _c, _u, _f, reason, _p: post_event(
            Disconnected(str(reason))
        )
        client.on_subscribe = lambda _c, _u, _m, reasons, _p: self._suback(
            reasons, post_event
        )
        client.on_publish = lambda _c, _u, mid, reason, _p: post_event(
            puback(mid, reason)
        )

    def _receive(
        self, message: paho.MQTTMessage, post_event: Callable[[ClientEvent], None]
    ) -> None:
        if _is_subscribed(message, [pattern for pattern, _ in self._subscriptions]):
            post_event(_received(message))
        else:  # a broker may send anything
            log.debug("a message on a topic that is not subscribed to")

    def _suback(
        self,
        reasons: Sequence[ReasonCode],
        post_event: Callable[[ClientEvent], None],
    ) -> None:
        for (pattern, _), reason in zip(self._subscriptions, reasons, strict=False):
            if reason.is_failure:
                post_event(SubscriptionRefused(pattern, str(reason)))


def _unreachable() -> Unreachable:
    """Return why: paho calls back inside `except` and does not pass the exception."""
    error = sys.exc_info()[1]
    return Unreachable(str(error) or type(error).__name__)


def _is_subscribed(message: paho.MQTTMessage, patterns: Sequence[str]) -> bool:
    try:
        topic = message.topic
    except UnicodeDecodeError:
        return False
    return not WILDCARDS & set(topic) and any(
        paho.topic_matches_sub(each, topic) for each in patterns
    )


def _received(message: paho.MQTTMessage) -> Received:
    properties = message.properties
    return Received(
        message.topic,
        bytes(message.payload),
        message.retain,
        getattr(properties, "ResponseTopic", None),
        getattr(properties, "CorrelationData", None),
    )


def _set_user_timeout(sock: object) -> None:
    if sys.platform == "linux" and isinstance(sock, socket.socket):
        sock.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_MS
        )


def _log_callback_errors(
    _client: paho.Client, _userdata: object, _level: int, text: str
) -> None:
    """Log bugs in callbacks, which the thread survives; no other errors of paho."""
    if text.startswith("Caught exception"):
        log.error("paho: %s", text)
