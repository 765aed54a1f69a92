"""Messages to the broker and events from it, as values. Pure."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

from gateway.mqtt.tls import Tls
from gateway.mqtt.topics import Topic

UNSUPPORTED_VERSION = 132  # MQTT 5, table 2-6
BAD_CLIENT_ID = 133
BAD_CREDENTIALS = (134, 135)
NO_RETAIN, NO_QOS = 154, 155


class BrokerState(Enum):
    """State of the connection to the broker."""

    CONNECTING = "connecting"
    CATCHING_UP = "catching up"  # connected; what was in flight is sent again first
    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"


class Message(NamedTuple):
    """A payload and its topic."""

    topic: Topic
    payload: bytes
    correlation: bytes | None = None

    def within(self, *, retains: bool, max_qos: int) -> "Message":
        """Return the message as a broker takes it that may not retain, or has no QoS 1.

        MQTT 5, 3.2.2.3.4 and 3.2.2.3.5: such a broker hangs up on any other.
        """
        topic = self.topic
        if (retains or not topic.retain) and topic.qos <= max_qos:
            return self
        fitted = topic._replace(
            retain=topic.retain and retains, qos=min(topic.qos, max_qos)
        )
        return self._replace(topic=fitted)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Address of the broker and how to connect to it.

    Attributes
    ----------
    host : str
    port : int
    username : str or None
    password : str or None
        Never shown.
    keepalive_s : int
    protocol : str
        ``"auto"`` tries MQTT 5 and falls back when the broker does not know it.
    tls : Tls or None
        None for a connection in plain text.
    websocket : str or None
        Path of the broker's WebSocket; None for plain MQTT.
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 30
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    tls: Tls | None = None
    websocket: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class TransportOpened(NamedTuple):
    """The socket is open, TLS is agreed on; no CONNACK yet."""


class Connected(NamedTuple):
    """The broker accepted the connection.

    `window` is its Receive Maximum, publishes in flight, `largest` its Maximum Packet
    Size, bytes; whether it retains messages, and its Maximum QoS.
    """

    window: int
    largest: int
    retains: bool = True
    max_qos: int = 2


class Refused(NamedTuple):
    """The broker refused the connection.

    `code` is a reason code of MQTT 5, table 2-6, whatever protocol is spoken.
    """

    code: int
    reason: str

    @property
    def is_version(self) -> bool:
        """Whether it does not speak this version of MQTT."""
        return self.code == UNSUPPORTED_VERSION

    @property
    def is_client_id(self) -> bool:
        """Whether it does not accept the client identifier."""
        return self.code == BAD_CLIENT_ID

    @property
    def needs_a_person(self) -> bool:
        """Whether trying again is of no use before something was changed."""
        return self.code in (UNSUPPORTED_VERSION, BAD_CLIENT_ID, *BAD_CREDENTIALS)


class Unreachable(NamedTuple):
    """No connection came about."""

    reason: str


class Disconnected(NamedTuple):
    """A connection ended, or the peer hung up before CONNACK; may come twice."""

    reason: str


class Acknowledged(NamedTuple):
    """PUBACK of message `mid`; `refusal` is the broker's reason not to take it."""

    mid: int
    refusal: str | None


class SubscriptionRefused(NamedTuple):
    """SUBACK that refuses topic filter `pattern`."""

    pattern: str
    reason: str


class Received(NamedTuple):
    """A message on a topic that was subscribed to.

    `response_topic` and `correlation` are properties of a request, MQTT 5, 4.10.
    """

    topic: str
    payload: bytes
    retained: bool
    response_topic: str | None = None
    correlation: bytes | None = None


ClientEvent = (
    TransportOpened
    | Connected
    | Refused
    | Unreachable
    | Disconnected
    | Acknowledged
    | SubscriptionRefused
    | Received
)
