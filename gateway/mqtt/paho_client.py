"""paho-mqtt on its own thread, told to an event loop.

The thread goes on pinging while the loop is busy. paho holds a lock of its own
while it calls back and takes the same one in ``publish``: a lock of ours around
either would one day stop both threads, so callbacks only hand over what they heard.
"""

import asyncio
import logging
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.mqtt.client_events import (
    Acknowledged,
    BrokerAddress,
    ClientEvent,
    Connected,
    Lost,
    Message,
    Reached,
    Received,
    Refused,
    Unreachable,
)
from gateway.mqtt.packet_limit import HEARD_BYTES, PacketLimit

log = logging.getLogger(__name__)

LARGEST = 268_435_460  # bytes of a packet: MQTT 5, 3.1.2.11.4
WINDOW = 20  # messages on their way; paho's default, and mosquitto's
BACK_OFF_S = (1, 10)  # a broker that is back is to be current within half an epoch
UNHEARD_MS = 10_000  # unanswered data; keepalive alone takes twice its interval
VERSION = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class ConnectOptions(NamedTuple):
    """What the broker is told of a client.

    Attributes
    ----------
    client_id : str
        It ends an older connection of the same name.
    protocol : str
        ``"5"`` or ``"3.1.1"``.
    window : int
        Messages that may be on their way.
    """

    client_id: str
    protocol: str
    window: int


class PahoClient:
    """A thread that connects, and connects again, until it is told to stop.

    Parameters
    ----------
    address : BrokerAddress
    terms : ConnectOptions
    will : Message or None
    subscriptions : sequence of str
        Topic filters, subscribed to on every connection.
    hear : callable
        Called with this thread and everything that happens, in order, on the event
        loop that runs now.

    Attributes
    ----------
    terms : ConnectOptions
    """

    def __init__(
        self,
        address: BrokerAddress,
        terms: ConnectOptions,
        will: Message | None,
        subscriptions: Sequence[str],
        hear: Callable[["PahoClient", ClientEvent], None],
    ) -> None:
        self.terms = terms
        self._client = PacketLimit(
            CallbackAPIVersion.VERSION2,
            client_id=terms.client_id,
            protocol=VERSION[terms.protocol],
            transport="tcp" if address.websocket is None else "websockets",
        )
        if address.websocket is not None:
            self._client.ws_set_options(address.websocket)
        if address.tls is not None:
            self._client.tls_set_context(address.tls.context())
        self._client.suppress_exceptions = True  # one in a callback ends the thread
        self._client.max_inflight_messages_set(terms.window)
        self._client.username_pw_set(address.username, address.password)
        if will is not None:
            topic = will.topic
            self._client.will_set(topic.name, will.payload, topic.qos, topic.retain)
        self._subscriptions = [(pattern, 1) for pattern in subscriptions]
        self._listen(asyncio.get_running_loop(), hear)
        self.retry_between(*BACK_OFF_S)
        first, wanted = paho.MQTT_CLEAN_START_FIRST_ONLY, None
        if terms.protocol == "5":
            first, wanted = True, Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it so
            wanted.MaximumPacketSize = HEARD_BYTES
        self._client.connect_async(
            address.host,
            address.port,
            address.keepalive_s,
            clean_start=first,
            properties=wanted,
        )
        self._client.loop_start()

    def retry_between(self, least_s: int, most_s: int) -> None:
        """Wait at least, then ever longer, then about so long between attempts.

        The longest pause is drawn up to half as long again: gateways that lost the
        same broker do not come back in step.
        """
        drawn_s = most_s + secrets.randbelow(most_s // 2 + 1)
        self._client.reconnect_delay_set(least_s, drawn_s)

    def send(self, message: Message) -> int:
        """Take `message`; return the ``mid`` it will be acknowledged by."""
        topic, payload, correlation = message
        properties = None
        if self.terms.protocol == "5":
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it so
            if topic.expiry_s is not None:
                properties.MessageExpiryInterval = topic.expiry_s
            if correlation is not None:
                properties.CorrelationData = correlation
        retain = topic.retained_by(self.terms.protocol)
        return self._client.publish(
            topic.name, payload, topic.qos, retain, properties
        ).mid

    def disconnect(self) -> None:
        """Say goodbye; the thread then ends by itself."""
        self._client.disconnect()

    def join(self) -> None:
        """Wait for the thread to end; blocks."""
        self._client.loop_stop()

    def _listen(
        self,
        loop: asyncio.AbstractEventLoop,
        hear: Callable[["PahoClient", ClientEvent], None],
    ) -> None:
        def hop(heard: ClientEvent) -> None:
            loop.call_soon_threadsafe(hear, self, heard)

        def answered(reason: ReasonCode, said: Properties) -> ClientEvent:
            if reason.is_failure:
                return Refused(reason.value, str(reason))
            if self._subscriptions:
                client.subscribe(self._subscriptions)
            return Connected(
                min(WINDOW, getattr(said, "ReceiveMaximum", WINDOW)),
                getattr(said, "MaximumPacketSize", LARGEST),
            )

        def acknowledged(mid: int, reason: ReasonCode) -> ClientEvent:
            return Acknowledged(mid, str(reason) if reason.is_failure else None)

        def opened(_client: paho.Client, _userdata: object, sock: object) -> None:
            _give_up_unheard(sock)
            hop(Reached())

        client = self._client
        client.on_log = _tell_of_errors_in_callbacks
        client.on_socket_open = opened
        client.on_connect = lambda _c, _u, _f, reason, said: hop(answered(reason, said))
        client.on_message = lambda _c, _u, message: hop(_received(message))
        client.on_connect_fail = lambda _c, _u: hop(_unreachable())
        client.on_disconnect = lambda _c, _u, _f, reason, _p: hop(Lost(str(reason)))
        client.on_publish = lambda _c, _u, mid, reason, _p: hop(
            acknowledged(mid, reason)
        )


def _unreachable() -> Unreachable:
    """Say why: paho calls back while it handles an exception it does not pass on."""
    error = sys.exc_info()[1]
    return Unreachable(str(error) or type(error).__name__)


def _received(message: paho.MQTTMessage) -> Received:
    said = message.properties
    return Received(
        message.topic,
        bytes(message.payload),
        message.retain,
        getattr(said, "ResponseTopic", None),
        getattr(said, "CorrelationData", None),
    )


def _give_up_unheard(sock: object) -> None:
    if sys.platform == "linux" and isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)


def _tell_of_errors_in_callbacks(
    _client: paho.Client, _userdata: object, _level: int, text: str
) -> None:
    """Make bugs heard that the thread survives; paho's other errors are known."""
    if text.startswith("Caught exception"):
        log.error("paho: %s", text)
