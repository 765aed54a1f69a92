"""What is said to the broker, and what is heard of it. Pure."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, NamedTuple

from gateway.mqtt.tls import Tls
from gateway.mqtt.topics import Topic

UNSUPPORTED_VERSION = 132  # MQTT 5, table 2-6
BAD_CREDENTIALS = (134, 135)


class BrokerState(Enum):
    """How things stand with the broker."""

    CONNECTING = "connecting"
    CATCHING_UP = "catching up"  # connected; what was on its way is sent again first
    ONLINE = "online"
    OFFLINE = "offline"
    REFUSED = "refused"


class Message(NamedTuple):
    """What is published, and where."""

    topic: Topic
    payload: bytes
    correlation: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and how it is spoken to.

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
        None for a connection that anybody on the way can read.
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


class Reached(NamedTuple):
    """Something listens there, and TLS is agreed on; it has not said anything yet."""


class Connected(NamedTuple):
    """The broker accepted the connection.

    It takes up to `window` messages at a time, each up to `largest` bytes.
    """

    window: int
    largest: int


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
    def needs_a_person(self) -> bool:
        """Whether trying again is of no use before something was changed."""
        return self.code in (UNSUPPORTED_VERSION, *BAD_CREDENTIALS)


class Unreachable(NamedTuple):
    """No connection came about."""

    reason: str


class Lost(NamedTuple):
    """A connection ended, or what was reached hung up; may be said twice."""

    reason: str


class Acknowledged(NamedTuple):
    """The broker took message `mid`, or refused it for a reason."""

    mid: int
    refusal: str | None


class Received(NamedTuple):
    """A message on a topic that was subscribed to.

    `reply_to` and `correlation` are the MQTT 5 properties of a request that wants an
    answer on a topic of its own.
    """

    topic: str
    payload: bytes
    retained: bool
    reply_to: str | None = None
    correlation: bytes | None = None


ClientEvent = (
    Reached | Connected | Refused | Unreachable | Lost | Acknowledged | Received
)
