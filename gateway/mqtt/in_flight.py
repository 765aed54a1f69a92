"""Messages handed to paho that the broker has not answered for."""

import asyncio
from typing import NamedTuple

from gateway.mqtt.client_events import Message

Receipt = asyncio.Future[bool]

PUBLISH_BYTES = 18  # at most, around topic, payload and correlation: MQTT 5, 3.3


class PendingPublish(NamedTuple):
    """One of them; `n_bytes` is its size at most."""

    topic: str
    qos: int
    n_bytes: int
    receipt: Receipt


class InFlight:
    """What was handed over, by the ``mid`` it will be acknowledged by."""

    def __init__(self) -> None:
        self._flights: dict[int, PendingPublish] = {}

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def largest(self) -> int:
        """Bytes of the largest."""
        return max((flight.n_bytes for flight in self._flights.values()), default=0)

    def add(self, mid: int, message: Message) -> Receipt:
        """Note that `message` went out."""
        receipt: Receipt = asyncio.get_running_loop().create_future()
        topic = message.topic
        flight = PendingPublish(topic.name, topic.qos, packet_bytes(message), receipt)
        self._flights[mid] = flight
        return receipt

    def arrived(self, mid: int, *, accepted: bool) -> PendingPublish | None:
        """Note an answer; return what it is to, or None if nobody waits for it."""
        flight = self._flights.pop(mid, None)
        if flight is not None and not flight.receipt.done():
            flight.receipt.set_result(accepted)
        return flight

    def line_lost(self) -> None:
        """Give up what is not sent again: paho forgets QoS 0 without a word."""
        for mid in [mid for mid, flight in self._flights.items() if not flight.qos]:
            self._flights.pop(mid).receipt.cancel()

    def give_up(self) -> None:
        """Give up everything."""
        for flight in self._flights.values():
            flight.receipt.cancel()
        self._flights.clear()


def packet_bytes(message: Message) -> int:
    """Return how large the message's packet is at most."""
    correlation = message.correlation or b""
    topic = message.topic.name.encode()
    return len(topic) + len(message.payload) + len(correlation) + PUBLISH_BYTES
