"""The gateway's own messages as the broker passes them back, and those of others. Pure.

What comes back proves that the broker passes messages on, which MQTT 3.1.1 does not
tell otherwise. Every report on ``bridge/health`` carries the gateway's identity: one
with another identity is of a second gateway on this base topic.
"""

import re
from typing import NamedTuple

from gateway.bounded_json import parse_json
from gateway.mqtt.topics import Topic

GATEWAY = re.compile(r"[0-9a-f]{6}")
MOST_OTHERS = 8
STANDS_S = 200.0  # after a report of another gateway; it reports every minute
MISSED = 2  # messages of QoS 0 in a row that did not come back
RETURN_S = {0: 7.5, 1: 25.0}  # by QoS: for so long a message may be on its way


def reporting_gateway(payload: bytes) -> str | None:
    """Return the gateway that wrote a report; None for what is no such report."""
    try:
        document = parse_json(payload)
    except ValueError:
        return None
    gateway = document.get("gateway") if isinstance(document, dict) else None
    if isinstance(gateway, str) and GATEWAY.fullmatch(gateway):
        return gateway
    return None


class Unreturned(NamedTuple):
    """Messages in a row on one topic that have not come back, since `since_s`."""

    qos: int
    n: int
    since_s: float


class OwnMessages:
    """Messages sent by one gateway, and reports of all that it receives.

    Parameters
    ----------
    gateway : str
        Its identity.

    Attributes
    ----------
    gateway : str
    """

    def __init__(self, gateway: str) -> None:
        self.gateway = gateway
        self._connection = 0
        self._unreturned: dict[str, Unreturned] = {}
        self._others: dict[str, float] = {}

    def add_sent(self, topic: Topic, connection: int, now_s: float) -> None:
        """Count a message that was sent on connection number `connection`."""
        if connection != self._connection:
            self._connection = connection
            self._unreturned.clear()  # what was on its way then is sent again, or lost
        before = self._unreturned.get(topic.name, Unreturned(topic.qos, 0, now_s))
        self._unreturned[topic.name] = before._replace(n=before.n + 1)

    def add_returned(self, topic: str) -> None:
        """Note that a message on `topic` came back, as those after it will."""
        self._unreturned.pop(topic, None)

    def is_open(self, topic: str) -> bool:
        """Return whether the last message on `topic` has not come back yet."""
        return topic in self._unreturned

    def lost(self, now_s: float) -> tuple[str, ...]:
        """Return the topics on which messages do not come back at `now_s`.

        One may be lost with QoS 0; with QoS 1 a broker that does not acknowledge it is
        connected to anew before `RETURN_S`.
        """
        return tuple(
            sorted(
                topic
                for topic, (qos, n, since_s) in self._unreturned.items()
                if (n >= MISSED or qos) and now_s - since_s >= RETURN_S[qos]
            )
        )

    def add_report(self, gateway: str, now_s: float) -> bool:
        """Note a report of another gateway; return whether that one is new."""
        is_new = gateway not in self.others(now_s)
        self._others.pop(gateway, None)
        while len(self._others) >= MOST_OTHERS:
            del self._others[next(iter(self._others))]
        self._others[gateway] = now_s
        return is_new

    def others(self, now_s: float) -> tuple[str, ...]:
        """Return the other gateways that report on this base topic at `now_s`."""
        return tuple(
            sorted(
                gateway
                for gateway, at_s in self._others.items()
                if now_s - at_s < STANDS_S
            )
        )
