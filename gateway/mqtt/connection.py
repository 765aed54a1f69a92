"""One line to the broker after the other, and what is on its way there."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import assert_never

from gateway.mqtt import diagnostics
from gateway.mqtt.client_events import (
    Acknowledged,
    BrokerAddress,
    BrokerState,
    ClientEvent,
    Connected,
    Lost,
    Message,
    Reached,
    Received,
    Refused,
    Unreachable,
)
from gateway.mqtt.diagnostics import Diagnostics
from gateway.mqtt.in_flight import InFlight, Receipt, packet_bytes
from gateway.mqtt.paho_client import LARGEST, WINDOW, ConnectOptions, PahoClient
from gateway.mqtt.reconnect_backoff import ReconnectBackoff

log = logging.getLogger(__name__)

REFUSED_BACK_OFF_S = (30, 300)  # a person must act first
UNACKNOWLEDGED_S = 20.0  # longer than a dead line takes to be noticed
UNANSWERED = 64  # requests that may wait


class BrokerConnection:
    """What is known of the connection; comes back by itself, on one event loop.

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
    connection : BrokerState
    protocol : str
        ``"5"`` or ``"3.1.1"``, as spoken now.
    connections : int
        Times the broker accepted one.
    window : int
        Messages that the broker takes at a time.
    on_their_way : InFlight
    received : asyncio.Queue of Received
    diagnostics : Diagnostics
    changed : asyncio.Event
        Set when any of these did.
    """

    def __init__(
        self,
        address: BrokerAddress,
        will: Message | None,
        greeting: Callable[[], Iterable[Message]],
        subscriptions: Sequence[str],
    ) -> None:
        self.connection = BrokerState.CONNECTING
        self.connections = 0
        self.protocol = "3.1.1" if address.protocol == "3.1.1" else "5"
        self.window = WINDOW
        self.on_their_way = InFlight()
        self.received: asyncio.Queue[Received] = asyncio.Queue(UNANSWERED)
        self.changed = asyncio.Event()
        self._address = address
        self._will = will
        self._greeting = greeting
        self._subscriptions = subscriptions
        self._client_id = f"sleepgate-{secrets.token_hex(4)}"
        self._alarm: asyncio.TimerHandle | None = None
        self.diagnostics = Diagnostics()
        self._reconnect_backoff = ReconnectBackoff()
        self._largest, self._is_unanswered = LARGEST, False

    def open(self) -> None:
        """Begin to connect."""
        self._thread = self._open()

    async def close(self) -> None:
        """Give up what is on its way, and hang up."""
        self.connection = BrokerState.OFFLINE
        self._give_up()
        self._thread.disconnect()
        await asyncio.to_thread(self._thread.join)

    def catch_up(self) -> None:
        """Take nothing more until what is on its way has been acknowledged."""
        if self.connection is BrokerState.ONLINE and self.on_their_way:
            self.connection = BrokerState.CATCHING_UP
            self.changed.set()

    def _open(self) -> PahoClient:
        terms = ConnectOptions(self._client_id, self.protocol, self.window)
        return PahoClient(
            self._address, terms, self._will, self._subscriptions, self._hear
        )

    def _start_over(self) -> None:
        """Connect anew, without what was on its way."""
        self._thread.disconnect()
        self._give_up()
        self._thread = self._open()

    def hand_over(self, message: Message) -> Receipt:
        """Send `message`, or refuse it for a broker that would."""
        if packet_bytes(message) > self._largest:
            why = f"they are larger than the {self._largest} bytes that it takes"
            self.diagnostics.report_refusal(message.topic.name, why)
            refused: Receipt = asyncio.get_running_loop().create_future()
            refused.set_result(False)
            return refused
        receipt = self.on_their_way.add(self._thread.send(message), message)
        if self._alarm is None:
            self._expect_an_answer()
        return receipt

    def _give_up(self) -> None:
        self.on_their_way.give_up()
        self._expect_an_answer()

    def _expect_an_answer(self) -> None:
        """Begin to wait for the next acknowledgement, if one is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        is_up = self.connection in (BrokerState.ONLINE, BrokerState.CATCHING_UP)
        if self.on_their_way and is_up:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(UNACKNOWLEDGED_S, self._unacknowledged)

    def _unacknowledged(self) -> None:
        """Connect anew: only then MQTT lets anything be sent again."""
        self.diagnostics.report_connection(diagnostics.unacknowledged(self._address))
        self.connection = BrokerState.OFFLINE
        self._start_over()
        self.changed.set()

    def _hear(self, thread: PahoClient, heard: ClientEvent) -> None:
        if thread is not self._thread:
            return  # it has been replaced
        match heard:
            case Connected():
                self._connected(heard)
            case Refused():
                self._refused(heard)
            case Unreachable(why):
                self.connection = BrokerState.OFFLINE
                self.diagnostics.report_connection(
                    diagnostics.unreachable(self._address, why)
                )
            case Reached():
                self._is_unanswered = True
            case Lost(reason):
                self._lost(reason)
            case Acknowledged():
                self._acknowledged(*heard)
            case Received():
                if not self.received.full():  # who asks faster asks again
                    self.received.put_nowait(heard)
            case _:
                assert_never(heard)
        self.changed.set()

    def _connected(self, said: Connected) -> None:
        self._is_unanswered = False
        self.window, self._largest = said
        is_narrower = said.window < self._thread.terms.window
        if is_narrower or self.on_their_way.largest > said.largest:
            self._start_over()  # paho would send more, or larger, than is taken
            return
        self.connections += 1
        self._reconnect_backoff.connected(asyncio.get_running_loop().time())
        self._thread.retry_between(*self._reconnect_backoff.back_off_s)
        if not self._reconnect_backoff.keeps_ending:
            log.info(
                "connected to the broker at %s, MQTT %s", self._address, self.protocol
            )
        self.connection = BrokerState.CATCHING_UP
        self._expect_an_answer()
        self._greet_if_caught_up()

    def _lost(self, reason: str) -> None:
        if self._is_unanswered:
            self._is_unanswered = False
            self.connection = BrokerState.OFFLINE
            self.diagnostics.report_connection(
                diagnostics.unanswered(self._address, reason)
            )
        elif self.connection in (BrokerState.ONLINE, BrokerState.CATCHING_UP):
            self._ended(reason)

    def _ended(self, reason: str) -> None:
        was_catching_up = self.connection is BrokerState.CATCHING_UP
        self.connection = BrokerState.OFFLINE
        self.on_their_way.line_lost()
        self._expect_an_answer()
        self._reconnect_backoff.lost(asyncio.get_running_loop().time())
        self._thread.retry_between(*self._reconnect_backoff.back_off_s)
        if not self._reconnect_backoff.keeps_ending:
            self.diagnostics.clear_connection()  # it was, until now
            self.diagnostics.report_connection(
                f"lost the broker ({reason}); trying for ever"
            )
            return
        self.diagnostics.report_connection(diagnostics.brief(self._address, reason))
        if was_catching_up:
            self._start_over()  # what is on its way may be what it cannot take

    def _refused(self, refused: Refused) -> None:
        self._is_unanswered = False
        address = self._address
        if refused.is_version and address.protocol == "auto" and self.protocol == "5":
            log.info("the broker at %s does not speak MQTT 5; 3.1.1 then", address)
            self.protocol = "3.1.1"
            self._start_over()
        elif refused.needs_a_person:
            self._thread.retry_between(*REFUSED_BACK_OFF_S)
            self.connection = BrokerState.REFUSED
            words = diagnostics.refused(address, self.protocol, refused.reason)
            self.diagnostics.report_connection(words)
        else:
            self.connection = BrokerState.OFFLINE
            self.diagnostics.report_connection(
                f"{address} says: {refused.reason}; still trying"
            )

    def _acknowledged(self, mid: int, refusal: str | None) -> None:
        flight = self.on_their_way.arrived(mid, accepted=refusal is None)
        if flight is None:
            return
        if flight.qos or not self.on_their_way:  # QoS 0 is answered by nobody
            self._expect_an_answer()
        if refusal is not None:
            self.diagnostics.report_refusal(flight.topic, refusal)
        elif flight.qos:
            self.diagnostics.clear_refusal(flight.topic)
            if not self._reconnect_backoff.keeps_ending:
                self.diagnostics.clear_connection()
        self._greet_if_caught_up()

    def _greet_if_caught_up(self) -> None:
        if self.connection is BrokerState.CATCHING_UP and not self.on_their_way:
            self.connection = BrokerState.ONLINE
            for message in self._greeting():
                self.hand_over(message)
