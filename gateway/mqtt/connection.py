"""Connection to the broker: reconnecting, and publishes that are in flight."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, assert_never

from gateway.mqtt import diagnostics
from gateway.mqtt.client_events import (
    NO_QOS,
    NO_RETAIN,
    Acknowledged,
    BrokerAddress,
    BrokerState,
    ClientEvent,
    Connected,
    Disconnected,
    Message,
    Received,
    Refused,
    SubscriptionRefused,
    TransportOpened,
    Unreachable,
)
from gateway.mqtt.diagnostics import Diagnostics
from gateway.mqtt.paho_client import (
    BACK_OFF_S,
    LARGEST,
    WINDOW,
    ConnectOptions,
    PahoClient,
)

log = logging.getLogger(__name__)

Receipt = asyncio.Future[bool]
PUBLISH_BYTES = 18  # at most, around topic, payload and correlation: MQTT 5, 3.3

# after connections that ended within STEADY_S, MAX_BRIEF of them in a row
STEADY_S = 30.0
MAX_BRIEF = 3
MAX_FIRST_DELAY_S = 15  # half an epoch: a bad network delays no more than that
MAX_DELAY_BRIEF_S = 60  # where the broker ends every connection

REFUSED_BACK_OFF_S = (30, 300)  # a person must act first
UNACKNOWLEDGED_S = 20.0  # longer than TCP takes to notice a dead peer
END_S = 1.0  # for paho's thread; longer only where a name look-up hangs
MAX_QUEUED_REQUESTS = 64  # further ones are dropped; their senders ask again


class ReconnectBackoff:
    """Delay before the next attempt, longer after connections that ended at once."""

    def __init__(self) -> None:
        self._n_brief = 0
        self._since_s: float | None = None

    def connected(self, now_s: float) -> None:
        """Start the clock of a connection."""
        self._since_s = now_s

    def lost(self, now_s: float) -> None:
        """Count the connection as brief or as steady."""
        if self._since_s is not None:
            is_brief = now_s - self._since_s < STEADY_S
            self._n_brief = self._n_brief + 1 if is_brief else 0
        self._since_s = None

    @property
    def keeps_ending(self) -> bool:
        """Whether the last few all were brief."""
        return self._n_brief >= MAX_BRIEF

    @property
    def back_off_s(self) -> tuple[int, int]:
        """The least and the longest wait before the next attempt."""
        least_s, most_s = BACK_OFF_S
        if self.keeps_ending:
            most_s = MAX_DELAY_BRIEF_S
        return min(MAX_FIRST_DELAY_S, least_s * 2 ** min(self._n_brief, 4)), most_s


class PendingPublish(NamedTuple):
    """A publish without an acknowledgement yet; `n_bytes` is an upper bound."""

    topic: str
    qos: int
    n_bytes: int
    receipt: Receipt


class InFlight:
    """Publishes that paho has and the broker has not acknowledged, by ``mid``."""

    def __init__(self) -> None:
        self._pending: dict[int, PendingPublish] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def exceeds(self, limits: Connected) -> bool:
        """Return whether the broker would refuse any of them."""
        return any(
            pending.n_bytes > limits.largest or pending.qos > limits.max_qos
            for pending in self._pending.values()
        )

    def add(self, mid: int, message: Message) -> Receipt:
        """Add `message`, which paho sends as `mid`."""
        receipt: Receipt = asyncio.get_running_loop().create_future()
        topic = message.topic
        pending = PendingPublish(topic.name, topic.qos, packet_bytes(message), receipt)
        self._pending[mid] = pending
        return receipt

    def acknowledge(self, mid: int, *, accepted: bool) -> PendingPublish | None:
        """Settle a publish and return it; None for a `mid` that is not in flight."""
        pending = self._pending.pop(mid, None)
        if pending is not None and not pending.receipt.done():
            pending.receipt.set_result(accepted)
        return pending

    def connection_lost(self) -> None:
        """Cancel publishes of QoS 0: paho drops them without a callback."""
        for mid in [mid for mid, pending in self._pending.items() if not pending.qos]:
            self._pending.pop(mid).receipt.cancel()

    def give_up(self) -> None:
        """Cancel every publish."""
        for pending in self._pending.values():
            pending.receipt.cancel()
        self._pending.clear()


class BrokerConnection:
    """Connection that reconnects by itself, for one event loop.

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
        The broker ends an older connection of the same name, and publishes its will
        then and not later. One drawn at random if None.

    Attributes
    ----------
    connection : BrokerState
    protocol : str
        ``"5"`` or ``"3.1.1"``, as spoken now.
    connections : int
        Connections that the broker accepted.
    limits : Connected
        What the broker takes: publishes in flight, retained messages, QoS.
    in_flight : InFlight
    received : asyncio.Queue of Received
    diagnostics : Diagnostics
    listener : callable
        Takes in what is not to wait in `received`, and returns whether it did.
    changed : asyncio.Event
        Set when any of these changed.
    """

    def __init__(
        self,
        address: BrokerAddress,
        will: Message | None,
        greeting: Callable[[], Iterable[Message]],
        subscriptions: Sequence[str],
        client_id: str | None = None,
    ) -> None:
        self.connection = BrokerState.CONNECTING
        self.connections = 0
        self.protocol = "3.1.1" if address.protocol == "3.1.1" else "5"
        self.limits = Connected(WINDOW, LARGEST)
        self.in_flight = InFlight()
        self.received: asyncio.Queue[Received] = asyncio.Queue(MAX_QUEUED_REQUESTS)
        self.changed = asyncio.Event()
        self.listener: Callable[[Received], bool] = lambda _received: False
        self._address = address
        self._will = will
        self._greeting = greeting
        self._subscriptions = subscriptions
        self.client_id = client_id or f"sleepgate-{secrets.token_hex(4)}"
        self._alarm: asyncio.TimerHandle | None = None
        self.diagnostics = Diagnostics()
        self._reconnect_backoff = ReconnectBackoff()
        self._is_unanswered = False

    def open(self) -> None:
        """Begin to connect."""
        self._thread = self._open()

    async def close(self) -> None:
        """Cancel what is in flight and disconnect."""
        self.connection = BrokerState.OFFLINE
        self._give_up()
        self._thread.disconnect()
        if not await self._thread.join(END_S):
            log.info("a look-up of %s hangs; not waited for", self._address.host)

    def wait_for_acknowledgements(self) -> None:
        """Accept no further publish until those in flight are acknowledged."""
        if self.connection is BrokerState.ONLINE and self.in_flight:
            self.connection = BrokerState.CATCHING_UP
            self.changed.set()

    def _open(self) -> PahoClient:
        options = ConnectOptions(self.client_id, self.protocol, self.limits.window)
        will = None if self._will is None else self._fitted(self._will)
        return PahoClient(
            self._address, options, will, self._subscriptions, self._handle_event
        )

    def _fitted(self, message: Message) -> Message:
        limits = self.limits
        return message.within(retains=limits.retains, max_qos=limits.max_qos)

    def _start_over(self) -> None:
        """Connect anew, without what was in flight."""
        self._thread.disconnect()
        self._give_up()
        self._thread = self._open()

    def publish(self, message: Message) -> Receipt:
        """Send `message`; refuse it here if the broker's Maximum Packet Size would."""
        message = self._fitted(message)
        if packet_bytes(message) > self.limits.largest:
            why = f"they are larger than the {self.limits.largest} bytes that it takes"
            self.diagnostics.report_refusal(message.topic.name, why)
            refused: Receipt = asyncio.get_running_loop().create_future()
            refused.set_result(False)
            return refused
        receipt = self.in_flight.add(self._thread.send(message), message)
        if self._alarm is None:
            self._restart_alarm()
        return receipt

    def _give_up(self) -> None:
        self.in_flight.give_up()
        self._restart_alarm()

    def _restart_alarm(self) -> None:
        """Wait for the next acknowledgement anew, if one is due."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        is_up = self.connection in (BrokerState.ONLINE, BrokerState.CATCHING_UP)
        if self.in_flight and is_up:
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(UNACKNOWLEDGED_S, self._unacknowledged)

    def _unacknowledged(self) -> None:
        """Connect anew: only then MQTT lets anything be sent again."""
        self.diagnostics.report_connection(diagnostics.unacknowledged(self._address))
        self.connection = BrokerState.OFFLINE
        self._start_over()
        self.changed.set()

    def _handle_event(self, thread: PahoClient, event: ClientEvent) -> None:
        if thread is self._thread:  # and not of a client that was replaced
            self._apply(event)
            self.changed.set()

    def _apply(self, event: ClientEvent) -> None:
        match event:
            case Connected():
                self._connected(event)
            case Refused():
                self._refused(event)
            case Unreachable(why):
                self.connection = BrokerState.OFFLINE
                self.diagnostics.report_connection(
                    diagnostics.unreachable(self._address, why)
                )
            case TransportOpened():
                self._is_unanswered = True
            case Disconnected(reason):
                self._lost(reason)
            case Acknowledged():
                self._acknowledged(*event)
            case SubscriptionRefused(pattern, reason):
                self.diagnostics.report_subscription(pattern, reason)
            case Received():
                if not self.listener(event) and not self.received.full():
                    self.received.put_nowait(event)
            case _:
                assert_never(event)

    def _connected(self, event: Connected) -> None:
        self._is_unanswered = False
        self.diagnostics.clear_subscriptions()
        self.limits = event
        is_narrower = event.window < self._thread.options.window
        if is_narrower or self.in_flight.exceeds(event):
            # paho resends with the old window and whatever size before it reports
            # the broker's new limits, which brokers answer by hanging up
            self._start_over()
            return
        self.connections += 1
        self._reconnect_backoff.connected(asyncio.get_running_loop().time())
        self._thread.set_reconnect_delay(*self._reconnect_backoff.back_off_s)
        if not self._reconnect_backoff.keeps_ending:
            log.info(
                "connected to the broker at %s, MQTT %s", self._address, self.protocol
            )
        self.connection = BrokerState.CATCHING_UP
        self._restart_alarm()
        self._greet_when_caught_up()

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
        self.in_flight.connection_lost()
        self._restart_alarm()
        self._reconnect_backoff.lost(asyncio.get_running_loop().time())
        self._thread.set_reconnect_delay(*self._reconnect_backoff.back_off_s)
        if "taken over" in reason:
            words = diagnostics.taken_over(self._address, self.client_id)
            self.diagnostics.report_connection(words)
            return
        if not self._reconnect_backoff.keeps_ending:
            self.diagnostics.clear_connection()  # there was a connection until now
            self.diagnostics.report_connection(
                f"lost the broker ({reason}); trying for ever"
            )
            return
        words = diagnostics.brief(self._address, self.client_id, reason)
        self.diagnostics.report_connection(words)
        if was_catching_up:
            self._start_over()  # what is in flight may be what the broker refuses

    def _refused(self, refused: Refused) -> None:
        self._is_unanswered = False
        address = self._address
        if refused.is_version and address.protocol == "auto" and self.protocol == "5":
            log.info("the broker at %s does not speak MQTT 5; 3.1.1 then", address)
            self.protocol = "3.1.1"
            self._start_over()
        elif refused.code == NO_RETAIN and self.limits.retains:
            self.limits = self.limits._replace(retains=False)
            self._start_over()
        elif refused.code == NO_QOS and self.limits.max_qos:
            self.limits = self.limits._replace(max_qos=0)
            self._start_over()
        elif refused.needs_a_person:
            self._thread.set_reconnect_delay(*REFUSED_BACK_OFF_S)
            self.connection = BrokerState.REFUSED
            words = diagnostics.refused(address, self.protocol, refused.reason)
            if refused.is_client_id:
                words = diagnostics.refused_client_id(address, self.client_id)
            self.diagnostics.report_connection(words)
        else:
            self.connection = BrokerState.OFFLINE
            self.diagnostics.report_connection(
                f"{address} says: {refused.reason}; still trying"
            )

    def _acknowledged(self, mid: int, refusal: str | None) -> None:
        pending = self.in_flight.acknowledge(mid, accepted=refusal is None)
        if pending is None:
            return
        if pending.qos or not self.in_flight:  # QoS 0 has no acknowledgement
            self._restart_alarm()
        if refusal is not None:
            self.diagnostics.report_refusal(pending.topic, refusal)
        elif pending.qos:
            self.diagnostics.clear_refusal(pending.topic)
            if not self._reconnect_backoff.keeps_ending:
                self.diagnostics.clear_connection()
        self._greet_when_caught_up()

    def _greet_when_caught_up(self) -> None:
        if self.connection is BrokerState.CATCHING_UP and not self.in_flight:
            self.connection = BrokerState.ONLINE
            for message in self._greeting():
                self.publish(message)


def packet_bytes(message: Message) -> int:
    """Return an upper bound of the size of the message's PUBLISH packet."""
    correlation = message.correlation or b""
    topic = message.topic.name.encode()
    return len(topic) + len(message.payload) + len(correlation) + PUBLISH_BYTES
