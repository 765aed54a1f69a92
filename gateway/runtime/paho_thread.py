"""paho-mqtt on its own thread, told to an event loop.

The thread goes on pinging while the loop is busy. paho holds a lock of its own
while it calls back and takes the same one in ``publish``: a lock of ours around
either would one day stop both threads, so callbacks only hand over what they heard.
"""

import asyncio
import secrets
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from gateway.formats.mqtt_topics import Topic

WINDOW = 20  # messages on their way; paho's default, and mosquitto's
BACK_OFF_S = (1, 60)
UNHEARD_MS = 10_000  # unanswered data; keepalive alone takes twice its interval
VERSION = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


class Message(NamedTuple):
    """What is published, and where."""

    topic: Topic
    payload: bytes


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
    """

    host: str
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    keepalive_s: int = 30
    protocol: Literal["auto", "5", "3.1.1"] = "auto"

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Answered(NamedTuple):
    """The broker accepted or refused the connection."""

    reason: ReasonCode


class Unreachable(NamedTuple):
    """Nothing accepts connections there."""


class Lost(NamedTuple):
    """A connection ended; paho may say so twice."""

    reason: ReasonCode


class Acknowledged(NamedTuple):
    """The broker took, or refused, message `mid`."""

    mid: int
    reason: ReasonCode


Heard = Answered | Unreachable | Lost | Acknowledged


def open_client(
    address: BrokerAddress,
    protocol: str,
    will: Message,
    hear: Callable[[paho.Client, Heard], None],
) -> paho.Client:
    """Start a thread that connects, and connects again, for ever.

    Parameters
    ----------
    address : BrokerAddress
    protocol : str
        ``"5"`` or ``"3.1.1"``.
    will : Message
    hear : callable
        Called on the running event loop, in order, with everything that happens.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=f"sleepgate-{secrets.token_hex(4)}",
        protocol=VERSION[protocol],
    )
    client.suppress_exceptions = True  # one in a callback would end its thread
    client.max_inflight_messages_set(WINDOW)
    client.reconnect_delay_set(*BACK_OFF_S)
    client.username_pw_set(address.username, address.password)
    client.will_set(will.topic.name, will.payload, will.topic.qos, will.topic.retain)
    client.on_socket_open = _give_up_unheard
    _listen(client, asyncio.get_running_loop(), hear)
    client.connect_async(
        address.host,
        address.port,
        address.keepalive_s,
        clean_start=True if protocol == "5" else paho.MQTT_CLEAN_START_FIRST_ONLY,
    )
    client.loop_start()
    return client


def send(client: paho.Client, message: Message, protocol: str) -> int:
    """Give `message` to the thread; return the ``mid`` it is acknowledged by."""
    topic, payload = message
    properties = None
    if protocol == "5" and topic.expiry_s is not None:
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho leaves it so
        properties.MessageExpiryInterval = topic.expiry_s
    retain = topic.retained_by(protocol)
    return client.publish(topic.name, payload, topic.qos, retain, properties).mid


def _listen(
    client: paho.Client,
    loop: asyncio.AbstractEventLoop,
    hear: Callable[[paho.Client, Heard], None],
) -> None:
    def hop(heard: Heard) -> None:
        loop.call_soon_threadsafe(hear, client, heard)

    client.on_connect = lambda _c, _u, _f, reason, _p: hop(Answered(reason))
    client.on_connect_fail = lambda _c, _u: hop(Unreachable())
    client.on_disconnect = lambda _c, _u, _f, reason, _p: hop(Lost(reason))
    client.on_publish = lambda _c, _u, mid, reason, _p: hop(Acknowledged(mid, reason))


def _give_up_unheard(_client: paho.Client, _userdata: object, sock: object) -> None:
    if sys.platform == "linux" and isinstance(sock, socket.socket):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD_MS)
