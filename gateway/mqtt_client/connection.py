"""How things stand with the broker, and what is on its way there."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self, assert_never

from gateway.mqtt_client.heard import (
    Acknowledged,
    BrokerAddress,
    Connected,
    Connection,
    Heard,
    Lost,
    Message,
    Received,
    Refused,
    Unreachable,
)
from gateway.mqtt_client.paho_thread import BACK_OFF_S, WINDOW, PahoThread

log = logging.getLogger(__name__)

REFUSED_BACK_OFF_S = (30, 300)  # a person must act first
FIRST_ANSWER_S = 5.0
DRAIN_S = 5.0
UNANSWERED = 64  # requests that may wait


Receipt = asyncio.Future[bool]


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

    Attributes
    ----------
    connection : Connection
    protocol : str
        ``"5"`` or ``"3.1.1"``, as spoken now.
    connections : int
        Times the broker accepted one.
    """

    def __init__(
        self,
        address: BrokerAddress,
        will: Message | None,
        greeting: Callable[[], Iterable[Message]],
        subscriptions: Sequence[str] = (),
    ) -> None:
        self.connection = Connection.CONNECTING
        self.connections = 0
        self.protocol = "3.1.1" if address.protocol == "3.1.1" else "5"
        self._address = address
        self._will = will
        self._greeting = greeting
        self._subscriptions = subscriptions
        self._received: asyncio.Queue[Received] = asyncio.Queue(UNANSWERED)
        self._on_their_way: dict[int, tuple[str, Receipt]] = {}
        self._changed = asyncio.Event()
        self._complaint = ""
        self._window = WINDOW

    async def __aenter__(self) -> Self:
        """Begin to connect; never fails for want of a broker."""
        self._thread = self._open()
        await self._until(
            lambda: self.connection is not Connection.CONNECTING, FIRST_ANSWER_S
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
            self.connection = Connection.OFFLINE
            self._give_up()
            self._thread.disconnect()
            await asyncio.to_thread(self._thread.join)

    async def publish(self, message: Message) -> bool:
        """Send `message`, after those before it; return False when not connected.

        Waits while as many are on their way as the broker takes. What was accepted is
        sent until the broker has it, perhaps twice; the rest is the caller's to keep.
        """
        await self._until(
            lambda: (
                self.connection is not Connection.ONLINE
                or len(self._on_their_way) < self._window
            )
        )
        return self.send(message) is not None

    def send(self, message: Message) -> Receipt | None:
        """Send `message` now, or return None when not connected.

        The receipt becomes True when the broker has it, False when the broker refuses
        it, and is cancelled if it was given up on the way.
        """
        if self.connection is not Connection.ONLINE:
            return None
        return self._hand_over(message)

    async def online(self) -> None:
        """Wait for a broker."""
        await self._until(lambda: self.connection is Connection.ONLINE)

    async def receive(self) -> Received:
        """Wait for the next message on a topic subscribed to."""
        return await self._received.get()

    async def drain(self) -> bool:
        """Wait until the broker has everything.

        Returns False after five seconds, or at once when there is no broker.
        """
        return await self._until(self._settled, DRAIN_S) and not self._on_their_way

    def _settled(self) -> bool:
        if self.connection is Connection.ONLINE:
            return not self._on_their_way
        return self.connection in (Connection.OFFLINE, Connection.REFUSED)

    async def _until(
        self, reached: Callable[[], bool], timeout_s: float | None = None
    ) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _open(self) -> PahoThread:
        return PahoThread(
            self._address, self.protocol, self._will, self._subscriptions, self._hear
        )

    def _hand_over(self, message: Message) -> Receipt:
        receipt = asyncio.get_running_loop().create_future()
        mid = self._thread.send(message)
        self._on_their_way[mid] = message.topic.name, receipt
        return receipt

    def _give_up(self) -> None:
        for _, receipt in self._on_their_way.values():
            receipt.cancel()
        self._on_their_way.clear()

    def _hear(self, thread: PahoThread, heard: Heard) -> None:
        if thread is not self._thread:
            return  # it has been replaced
        match heard:
            case Connected(window):
                self._connected(window)
            case Refused():
                self._refused(heard)
            case Unreachable(why):
                self.connection = Connection.OFFLINE
                at = self._address
                self._complain(f"no broker answers at {at}: {why}; still trying")
            case Lost(reason):
                if self.connection in (Connection.ONLINE, Connection.CATCHING_UP):
                    self.connection = Connection.OFFLINE
                    self._complain(f"lost the broker ({reason}); trying for ever")
            case Acknowledged():
                self._acknowledged(*heard)
            case Received():
                if not self._received.full():  # who asks faster asks again
                    self._received.put_nowait(heard)
            case _:
                assert_never(heard)
        self._changed.set()

    def _connected(self, window: int) -> None:
        self._window = window
        self.connections += 1
        log.info("connected to the broker at %s, MQTT %s", self._address, self.protocol)
        self._complaint = ""
        self._thread.retry_between(*BACK_OFF_S)
        self.connection = Connection.CATCHING_UP
        self._greet_if_caught_up()

    def _refused(self, refused: Refused) -> None:
        address = self._address
        if refused.is_version and address.protocol == "auto" and self.protocol == "5":
            log.info("the broker at %s does not speak MQTT 5; 3.1.1 then", address)
            self._thread.disconnect()
            self._give_up()
            self.protocol = "3.1.1"
            self._thread = self._open()
        elif refused.needs_a_person:
            self._thread.retry_between(*REFUSED_BACK_OFF_S)
            self.connection = Connection.REFUSED
            who = f"user {address.username!r}" if address.username else "no user name"
            self._complain(
                f"the broker at {address} refuses MQTT {self.protocol} with {who}: "
                f"{refused.reason}; check username, password and protocol under "
                "outputs.mqtt"
            )
        else:
            self.connection = Connection.OFFLINE
            self._complain(f"{address} says: {refused.reason}; still trying")

    def _acknowledged(self, mid: int, refusal: str | None) -> None:
        topic, receipt = self._on_their_way.pop(mid, (None, None))
        if receipt is not None and not receipt.done():
            receipt.set_result(refusal is None)
        if refusal is not None:
            self._complain(f"the broker refuses messages on {topic}: {refusal}")
        self._greet_if_caught_up()

    def _greet_if_caught_up(self) -> None:
        if self.connection is Connection.CATCHING_UP and not self._on_their_way:
            self.connection = Connection.ONLINE
            for message in self._greeting():
                self._hand_over(message)

    def _complain(self, about: str) -> None:
        """Log what is wrong, once until it changes or all is well again."""
        if about != self._complaint:
            self._complaint = about
            log.warning("%s", about)
