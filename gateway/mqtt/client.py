"""MQTT client that reconnects, for one user on one event loop."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Self

from gateway.mqtt.client_events import (
    BrokerAddress,
    BrokerState,
    Connected,
    Message,
    Received,
)
from gateway.mqtt.connection import BrokerConnection, Receipt

FIRST_ANSWER_S = 5.0
DRAIN_S = 5.0
LEAVE_S = 1.5  # for what is in flight at the end, and again for the will
ROOM_S = 2.0


class MqttClient:
    """MQTT client over a connection that reconnects by itself.

    An async context manager. Entering waits for the broker's first answer, or for
    five seconds; leaving publishes the will, because a clean disconnect does not.

    Parameters
    ----------
    address : BrokerAddress
    will : Message or None
        Published by the broker when this end is lost.
    greeting : callable
        Makes the messages published first on every connection.
    subscriptions : sequence of str
        Topic filters to subscribe to.
    client_id : str, optional
        One drawn at random if None.
    """

    def __init__(
        self,
        address: BrokerAddress,
        will: Message | None,
        greeting: Callable[[], Iterable[Message]],
        subscriptions: Sequence[str] = (),
        client_id: str | None = None,
    ) -> None:
        self._farewell = will
        self._connection = BrokerConnection(
            address, will, greeting, subscriptions, client_id
        )

    @property
    def connection(self) -> BrokerState:
        """State of the connection."""
        return self._connection.connection

    @property
    def problem(self) -> str:
        """Problem of the connection and what to do; empty while it is up."""
        up = self.connection is BrokerState.ONLINE
        return "" if up else self._connection.diagnostics.connection_problem

    @property
    def protocol(self) -> str:
        """``"5"`` or ``"3.1.1"``, as spoken now."""
        return self._connection.protocol

    @property
    def connections(self) -> int:
        """Connections that the broker accepted."""
        return self._connection.connections

    @property
    def window(self) -> int:
        """Publishes that may be in flight at a time."""
        return self._connection.limits.window

    @property
    def limits(self) -> Connected:
        """Limits that the broker has announced."""
        return self._connection.limits

    @property
    def acknowledges(self) -> bool:
        """Whether the broker takes messages of QoS 1."""
        return self.limits.max_qos > 0

    @property
    def refusals(self) -> Mapping[str, str]:
        """Topics that the broker refused of late, and its reasons."""
        return self._connection.diagnostics.refusals

    @property
    def refused_subscriptions(self) -> Mapping[str, str]:
        """Topic filters whose subscription the broker refused, and its reasons."""
        return self._connection.diagnostics.refused_subscriptions

    async def __aenter__(self) -> Self:
        """Connect; an absent broker is no error."""
        self._connection.open()
        await self._until(
            lambda: self.connection is not BrokerState.CONNECTING, FIRST_ANSWER_S
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Publish the will and disconnect."""
        try:
            await self.drain(LEAVE_S)
            if self._farewell is not None and self.send(self._farewell) is not None:
                await self.drain(LEAVE_S)
        finally:
            await self._connection.close()

    def listen(self, listener: Callable[[Received], bool]) -> None:
        """Have `listener` take in messages at once; `receive` gets what it refuses."""
        self._connection.listener = listener

    def leave_silently(self) -> None:
        """Publish no will at the end: another client of this gateway goes on."""
        self._farewell = None

    async def publish(self, message: Message) -> bool:
        """Send `message`, after those before it; return False when not connected.

        Waits while the window of publishes in flight is full, but two seconds at
        most: a broker that acknowledges nothing counts as not connected. An accepted
        message is sent until the broker has it, perhaps twice; any other is the
        caller's to keep.
        """
        if not await self._until(
            lambda: self.connection is not BrokerState.ONLINE or self._has_room(),
            ROOM_S,
        ):
            self._connection.wait_for_acknowledgements()
        return self.send(message) is not None

    def send(self, message: Message) -> Receipt | None:
        """Send `message` now, or return None when not connected.

        The receipt becomes True when the broker has it, False when the broker refuses
        it or its limits would, and is cancelled when the connection is given up.
        """
        if self.connection is not BrokerState.ONLINE:
            return None
        return self._connection.publish(message)

    async def ready(self) -> None:
        """Wait until the broker takes one more message and acknowledges it."""
        await self._until(
            lambda: (
                self.connection is BrokerState.ONLINE
                and self.acknowledges
                and self._has_room()
            )
        )

    async def receive(self) -> Received:
        """Wait for the next message on a topic subscribed to."""
        return await self._connection.received.get()

    async def drain(self, timeout_s: float = DRAIN_S) -> bool:
        """Wait until the broker has everything.

        Returns False after `timeout_s`, or at once when there is no broker.
        """
        return (
            await self._until(self._settled, timeout_s)
            and not self._connection.in_flight
        )

    def _has_room(self) -> bool:
        return len(self._connection.in_flight) < self.window

    def _settled(self) -> bool:
        if self.connection is BrokerState.ONLINE:
            return not self._connection.in_flight
        return self.connection in (BrokerState.OFFLINE, BrokerState.REFUSED)

    async def _until(
        self, reached: Callable[[], bool], timeout_s: float | None = None
    ) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._connection.changed.clear()
                    await self._connection.changed.wait()
        except TimeoutError:
            return False
        return True
