"""Diagnostics of the connection to the broker: what is wrong, what to do about it."""

import logging

from gateway.mqtt.client_events import BrokerAddress

log = logging.getLogger(__name__)

MAX_REFUSED = 256  # topics whose refusal is remembered

# part of an error of OpenSSL or paho -> what to check
BECAUSE = (
    ("self-signed", "name its authority's file in outputs.mqtt.tls.ca"),
    ("unable to get local issuer", "name its authority's file in outputs.mqtt.tls.ca"),
    (
        "expired",
        "renew its certificate, unless this machine's clock is wrong",
    ),
    ("not yet valid", "this machine's clock is wrong; a Pi sets it over the network"),
    ("mismatch", "outputs.mqtt.host must be a name that its certificate has"),
    (
        "name resolution",
        "no name server answers the daemon: sleepgate doctor --mqtt",
    ),
    ("WebSocket handshake", "look at outputs.mqtt.port and websocket, its path"),
)
NO_TLS = "it may not speak TLS on this port: most do on 8883, and not on 1883"


def unreachable(address: BrokerAddress, why: str) -> str:
    """Return that no connection comes about, why, and what to check."""
    hint = next((f" ({hint})" for part, hint in BECAUSE if part in why), "")
    if not hint and address.tls is not None and ("reset" in why or "EOF" in why):
        hint = f" ({NO_TLS})"
    return f"no broker answers at {address}: {why}{hint}; still trying"


def unanswered(address: BrokerAddress, reason: str) -> str:
    """Return that the broker hangs up before CONNACK, and what to check."""
    if address.tls is None:
        hint = "it may want TLS on this port: see outputs.mqtt.tls"
        if address.protocol != "3.1.1":
            hint += "; or be so old that it needs outputs.mqtt.protocol: 3.1.1"
    elif address.tls.certificate is None:
        hint = "it may want a client's certificate: see outputs.mqtt.tls.certificate"
    else:
        hint = "it may not believe this client's certificate: see its log"
    return f"the broker at {address} hangs up at once ({reason}): {hint}; still trying"


def refused(address: BrokerAddress, protocol: str, reason: str) -> str:
    """Return that it wants another user, password or protocol."""
    who = f"user {address.username!r}" if address.username else "no user name"
    return (
        f"the broker at {address} refuses MQTT {protocol} with {who}: {reason}; check "
        "username, password and protocol under outputs.mqtt"
    )


def unacknowledged(address: BrokerAddress) -> str:
    """Return that it takes messages and acknowledges none."""
    return (
        f"the broker at {address} is there but does not acknowledge what it is sent; "
        "see its log; trying for ever"
    )


def brief(address: BrokerAddress, reason: str) -> str:
    """Return that one connection after the other ends soon."""
    return (
        f"connections to the broker at {address} keep ending at once ({reason}): see "
        "its log; mosquitto's message_size_limit has that effect; trying for ever, "
        "less often"
    )


class Diagnostics:
    """Log of what is wrong with the broker: each problem once, until it changes."""

    def __init__(self) -> None:
        self._connection = ""
        self._refused: dict[str, str] = {}

    @property
    def connection_problem(self) -> str:
        """The last problem of the connection that still stands; empty if none."""
        return self._connection

    def report_connection(self, problem: str) -> None:
        """Log a problem of the connection."""
        if problem != self._connection:
            self._connection = problem
            log.warning("%s", problem)

    def report_refusal(self, topic: str, why: str) -> None:
        """Log a message that the broker refused."""
        if self._refused.get(topic) != why:
            while len(self._refused) >= MAX_REFUSED:  # outsiders name topics, too
                del self._refused[next(iter(self._refused))]
            self._refused[topic] = why
            log.warning("the broker refuses messages on %s: %s", topic, why)

    def clear_refusal(self, topic: str) -> None:
        """Log that the broker accepts messages on `topic` again."""
        if self._refused.pop(topic, None) is not None:
            log.info("the broker takes messages on %s again", topic)

    def clear_connection(self) -> None:
        """Forget the problem of the connection."""
        self._connection = ""
