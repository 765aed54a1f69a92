"""How things stand with the broker, and what is on its way there."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from gateway.mqtt.client_events import BrokerAddress, BrokerState, Message, Received
from gateway.mqtt.connection import BrokerConnection
from gateway.mqtt.in_flight import Receipt

FIRST_ANSWER_S = 5.0
DRAIN_S = 5.0
ROOM_S = 2.0


class MqttClient:
    """A connection that comes back by itself, for one user on one event loop.

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
        Topic filters that are listened to.
    """

    def __init__(
        self,
        address: BrokerAddress,
        will: Message | None,
        greeting: Callable[[], Iterable[Message]],
        subscriptions: Sequence[str] = (),
    ) -> None:
        self._will = will
        self._line = BrokerConnection(address, will, greeting, subscriptions)

    @property
    def connection(self) -> BrokerState:
        """How things stand."""
        return self._line.connection

    @property
    def trouble(self) -> str:
        """What is wrong with the connection and what to do, empty while all is well."""
        up = self.connection is BrokerState.ONLINE
        return "" if up else self._line.diagnostics.connection_problem

    @property
    def protocol(self) -> str:
        """``"5"`` or ``"3.1.1"``, as spoken now."""
        return self._line.protocol

    @property
    def connections(self) -> int:
        """Times the broker accepted one."""
        return self._line.connections

    @property
    def window(self) -> int:
        """Messages that the broker takes at a time."""
        return self._line.window

    async def __aenter__(self) -> Self:
        """Begin to connect; never fails for want of a broker."""
        self._line.open()
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
        """Say goodbye, if there is anybody to say it to."""
        try:
            await self.drain()
            if self._will is not None and self.send(self._will) is not None:
                await self.drain()
        finally:
            await self._line.close()

    async def publish(self, message: Message) -> bool:
        """Send `message`, after those before it; return False when not connected.

        Waits while as many are on their way as the broker takes, but two seconds at
        most: a broker that acknowledges nothing is not connected to. What was accepted
        is sent until the broker has it, perhaps twice; the rest is the caller's to
        keep.
        """
        if not await self._until(
            lambda: self.connection is not BrokerState.ONLINE or self._has_room(),
            ROOM_S,
        ):
            self._line.catch_up()
        return self.send(message) is not None

    def send(self, message: Message) -> Receipt | None:
        """Send `message` now, or return None when not connected.

        The receipt becomes True when the broker has it, False when the broker refuses
        it or has said that it would, and is cancelled if it was given up on the way.
        """
        if self.connection is not BrokerState.ONLINE:
            return None
        return self._line.hand_over(message)

    async def ready(self) -> None:
        """Wait for a broker that takes one more message."""
        await self._until(
            lambda: self.connection is BrokerState.ONLINE and self._has_room()
        )

    async def receive(self) -> Received:
        """Wait for the next message on a topic subscribed to."""
        return await self._line.received.get()

    async def drain(self) -> bool:
        """Wait until the broker has everything.

        Returns False after five seconds, or at once when there is no broker.
        """
        return await self._until(self._settled, DRAIN_S) and not self._line.on_their_way

    def _has_room(self) -> bool:
        return len(self._line.on_their_way) < self.window

    def _settled(self) -> bool:
        if self.connection is BrokerState.ONLINE:
            return not self._line.on_their_way
        return self.connection in (BrokerState.OFFLINE, BrokerState.REFUSED)

    async def _until(
        self, reached: Callable[[], bool], timeout_s: float | None = None
    ) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._line.changed.clear()
                    await self._line.changed.wait()
        except TimeoutError:
            return False
        return True
