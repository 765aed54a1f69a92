"""Diagnostics of the connection to the broker: what is wrong, what to do about it."""

import logging
import time

from gateway.mqtt.client_events import BrokerAddress

log = logging.getLogger(__name__)

REFUSED_S = 600.0  # for so long a refusal counts: some topics are rarely published on
MAX_REFUSED = 256  # topics whose refusal is remembered

STRICT = (
    "from Python 3.13 on, authorities of the system must keep to RFC 5280: name this "
    "one's file in outputs.mqtt.tls.ca, or make it anew with openssl req -x509 -addext "
    "keyUsage=critical,keyCertSign,cRLSign"
)
# part of an error of OpenSSL or paho -> what to check
BECAUSE = (
    ("self-signed", "name its authority's file in outputs.mqtt.tls.ca"),
    ("unable to get local issuer", "name its authority's file in outputs.mqtt.tls.ca"),
    (
        "expired",
        "renew its certificate, unless this machine's clock is wrong",
    ),
    ("not yet valid", "this machine's clock is wrong; a Pi sets it over the network"),
    ("key usage", STRICT),
    ("Key Identifier", STRICT),
    ("Basic Constraints", STRICT),
    ("mismatch", "outputs.mqtt.host must be a name that its certificate has"),
    (
        "name resolution",
        "no name server answers the daemon: sleepgate doctor --mqtt",
    ),
    ("WebSocket handshake", "look at outputs.mqtt.port and websocket, its path"),
)
NO_TLS = "it may not speak TLS on this port: most do on 8883, and not on 1883"


def certificate_hint(why: str) -> str:
    """Return what to do about an error of OpenSSL or paho; empty if not known."""
    return next((hint for part, hint in BECAUSE if part in why), "")


def unreachable(address: BrokerAddress, why: str) -> str:
    """Return that no connection comes about, why, and what to check."""
    hint = certificate_hint(why)
    hint = hint and f" ({hint})"
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
    if address.username and address.password is None:
        who += " without a password"
    return (
        f"the broker at {address} refuses MQTT {protocol} with {who}: {reason}; check "
        "username, password and protocol under outputs.mqtt"
    )


def refused_client_id(address: BrokerAddress, client_id: str) -> str:
    """Return that it does not accept the client identifier."""
    return (
        f"the broker at {address} does not accept the client id {client_id}: see "
        "clientid_prefixes and the access list in its configuration"
    )


def taken_over(address: BrokerAddress, client_id: str) -> str:
    """Return that somebody else connected under the same client identifier."""
    return (
        f"the broker at {address} ended this connection for another one with the "
        f"client id {client_id}: a copy of this gateway's card runs elsewhere (empty "
        "/etc/machine-id there and run systemd-machine-id-setup), or the broker takes "
        "user names for client ids (give every program its own user); trying for ever"
    )


def unacknowledged(address: BrokerAddress) -> str:
    """Return that it takes messages and acknowledges none."""
    return (
        f"the broker at {address} is there but does not acknowledge what it is sent; "
        "see its log; trying for ever"
    )


def brief(address: BrokerAddress, client_id: str, reason: str) -> str:
    """Return that one connection after the other ends soon."""
    return (
        f"connections to the broker at {address} keep ending at once ({reason}): see "
        "its log; mosquitto's message_size_limit has that effect, and another client "
        f"with the id {client_id} or, where use_username_as_clientid is set, with the "
        "same user; trying for ever, less often"
    )


class Diagnostics:
    """Log of what is wrong with the broker: each problem once, until it changes."""

    def __init__(self) -> None:
        self._connection = ""
        self._refused: dict[str, tuple[str, float]] = {}
        self.refused_subscriptions: dict[str, str] = {}

    @property
    def connection_problem(self) -> str:
        """The last problem of the connection that still stands; empty if none."""
        return self._connection

    def report_connection(self, problem: str) -> None:
        """Log a problem of the connection."""
        if problem != self._connection:
            self._connection = problem
            log.warning("%s", problem)

    @property
    def refusals(self) -> dict[str, str]:
        """Topics refused within `REFUSED_S`, and the broker's reasons."""
        now_s = time.monotonic()
        return {
            topic: why
            for topic, (why, at_s) in self._refused.items()
            if now_s - at_s < REFUSED_S
        }

    def report_refusal(self, topic: str, why: str) -> None:
        """Log a message that the broker refused."""
        is_new = self._refused.get(topic, ("",))[0] != why
        while topic not in self._refused and len(self._refused) >= MAX_REFUSED:
            del self._refused[next(iter(self._refused))]  # outsiders name topics, too
        self._refused[topic] = why, time.monotonic()
        if is_new:
            log.warning("the broker refuses messages on %s: %s", topic, why)

    def report_subscription(self, pattern: str, why: str) -> None:
        """Log a subscription that the broker refused."""
        self.refused_subscriptions[pattern] = why
        log.warning("the broker refuses the subscription to %s: %s", pattern, why)

    def clear_subscriptions(self) -> None:
        """Forget refused subscriptions: each connection asks anew."""
        self.refused_subscriptions.clear()

    def clear_refusal(self, topic: str) -> None:
        """Log that the broker accepts messages on `topic` again."""
        if self._refused.pop(topic, None) is not None:
            log.info("the broker takes messages on %s again", topic)

    def clear_connection(self) -> None:
        """Forget the problem of the connection."""
        self._connection = ""
