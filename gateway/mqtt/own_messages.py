"""The gateway's own messages as the broker passes them back, and those of others. Pure.

Every report on ``bridge/health`` carries the gateway's identity. One that comes back
proves that the broker passes messages on; one with another identity is a second gateway
on this base topic.
"""

import re
from typing import NamedTuple

from gateway.bounded_json import parse_json

GATEWAY = re.compile(r"[0-9a-f]{6}")
MOST_OTHERS = 8
STANDS_S = 200.0  # after a report of another gateway; it reports every minute
MISSED = 2  # reports in a row that did not come back: QoS 0 may lose one


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


class Echo(NamedTuple):
    """Result of a report that was received: whether it changes what is known."""

    heard_again: bool = False
    other: str | None = None


class OwnMessages:
    """Reports sent and received by one gateway.

    Parameters
    ----------
    gateway : str
        Its identity.

    Attributes
    ----------
    gateway : str
    is_heard : bool
        Whether the last reports came back.
    """

    def __init__(self, gateway: str) -> None:
        self.is_heard = True
        self.gateway = gateway
        self._connection = 0
        self._n_open = 0
        self._others: dict[str, float] = {}

    @property
    def n_open(self) -> int:
        """Number of reports in a row that have not come back."""
        return self._n_open

    def add_sent(self, connection: int) -> None:
        """Count a report that was sent on connection number `connection`."""
        if connection != self._connection:
            self._connection, self._n_open = connection, 0
        self._n_open += 1

    def is_lost(self) -> bool:
        """Return whether reports do not come back, if that is new.

        To be asked when the last one has had its time.
        """
        was_heard = self.is_heard
        if self._n_open >= MISSED:
            self.is_heard = False
        return was_heard and not self.is_heard

    def add_received(self, gateway: str, now_s: float, *, retained: bool) -> Echo:
        """Note a report of `gateway`; a retained one may be of a life that is over."""
        if retained:
            return Echo()
        if gateway == self.gateway:
            was_heard, self.is_heard = self.is_heard, True
            self._n_open = 0
            return Echo(heard_again=not was_heard)
        is_new = gateway not in self.others(now_s)
        self._others.pop(gateway, None)
        while len(self._others) >= MOST_OTHERS:
            del self._others[next(iter(self._others))]
        self._others[gateway] = now_s
        return Echo(other=gateway if is_new else None)

    def others(self, now_s: float) -> tuple[str, ...]:
        """Return the other gateways that report on this base topic at `now_s`."""
        return tuple(
            sorted(
                gateway
                for gateway, at_s in self._others.items()
                if now_s - at_s < STANDS_S
            )
        )
