"""Everything the gateway does on a broker besides passing readings on."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from gateway import __version__
from gateway.errors import JournalError
from gateway.fault_barrier import Edge, FaultBarrier
from gateway.host.metrics import (
    VitalsReader,
    architecture,
    clock_synchronised,
    gateway_id,
    host_name,
    python_version,
    uptime_s,
)
from gateway.journal.entry import JournalContents, JournalLimits
from gateway.journal.journal import Journal
from gateway.messages.control import Control
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message, Received
from gateway.mqtt.health import another_gateway
from gateway.mqtt.home_assistant.discovery import (
    DiscoveryTarget,
    gateway_discovery,
    gateway_topic,
    headband_discovery,
    headband_topic,
)
from gateway.mqtt.own_messages import OwnMessages, reporting_gateway
from gateway.mqtt.payloads import (
    BridgeHealth,
    GatewayInfo,
    HeadbandEntry,
    HostInfo,
    health_payload,
    info_payload,
)
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.request_handlers import RequestHandlers, serve_requests
from gateway.mqtt.topics import ONLINE, TopicTree
from gateway.staging.runtimes import runtime_name

log = logging.getLogger(__name__)

PRUNE_S = 3600.0
REPORT_S = 60.0
ECHO_S = 4.0  # a report that has not come back by then is sent again
BIRTH_S = 5.0
COALESCED_S = 1.0
NIGHT_S = 600.0


def subscriptions_of(topics: TopicTree, place: DiscoveryTarget | None) -> list[str]:
    """Return the topic filters of what a `Bridge` receives; none overlaps another."""
    own = [topics.requests, topics.bridge_state.name, topics.bridge_health.name]
    own.append(topics.epochs)
    return own if place is None else [*own, place.birth]


class Bridge:
    """Reports, serves requests and keeps the journal within its bounds.

    Parameters
    ----------
    client : MqttClient
    publisher : Publisher
    journal : Journal
    place : DiscoveryTarget or None
        Where Home Assistant listens; None if it is not to hear of this gateway.
    control : Control or None
        Who carries out what the daemon is asked to do; None if nobody does.
    """

    def __init__(
        self,
        client: MqttClient,
        publisher: Publisher,
        journal: Journal,
        *,
        place: DiscoveryTarget | None,
        control: Control | None,
    ) -> None:
        self.own = OwnMessages(gateway_id())
        self._state_contradicted = asyncio.Event()
        self._home_assistant_born = asyncio.Event()
        self._report_wanted = asyncio.Event()
        self._client = client
        self._publisher = publisher
        self._journal = journal
        self._place = place
        self._services = RequestHandlers(publisher, journal, control, self._report)
        self._pulse = VitalsReader(journal.path.parent)
        self._control = control
        self._faults = FaultBarrier() if control is None else control.faults
        here = host_name(), architecture(), python_version()
        self._machine = HostInfo(*here, runtime_name())
        self._headbands: Mapping[str, HeadbandEntry] = {}
        client.listen(self.receive)
        self._waiting: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def works(self, bounds: JournalLimits) -> list[Coroutine[None, None, None]]:
        """Return what is to be run side by side until cancelled."""
        return [
            serve_requests(
                self._client,
                self._publisher.topics,
                self._services.verbs(),
                self.receive,
                self._faults,
            ),
            self._report_always(),
            self._after(self._state_contradicted, self._repeat_state),
            self._after(self._home_assistant_born, self._greet_home_assistant),
            self._after(self._report_wanted, self._report),
            self._every(NIGHT_S, self._nights, at_once=False),
            self._every(PRUNE_S, lambda: self._prune(bounds)),
        ]

    async def introduce(self) -> None:
        """Say who this gateway is, if that has changed."""
        waiting: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        if self._control is not None:
            waiting = self._control.restart_required, self._control.config_problems
        messages: list[Message] = []
        if self._headbands != self._publisher.headbands:
            self._headbands = dict(self._publisher.headbands)
            messages = [self._info(*waiting), *self._discovery()]
        elif self._waiting != waiting:
            messages = [self._info(*waiting)]
        self._waiting = waiting
        await self._publish(self._publisher.keep(message) for message in messages)

    def receive(self, received: Received) -> bool:
        """Take in at once what is no request; return whether it was that."""
        topics, topic = self._publisher.topics, received.topic
        if topic == topics.bridge_state.name:
            if received.payload != ONLINE:  # a last will of an earlier life, perhaps
                self._state_contradicted.set()
        elif topic == topics.bridge_health.name:
            self._report_received(received)
        elif self._place is not None and topic == self._place.birth:
            self._birth_received(received)
        elif topics.is_epoch(topic):
            self.own.add_returned(topic)
        else:
            return False
        return True

    def epoch_sent(self, message: Message) -> None:
        """Expect a message of the journal lane to come back."""
        now_s = asyncio.get_running_loop().time()
        self.own.add_sent(message.topic, self._client.connections, now_s)

    async def _repeat_state(self) -> None:
        state = Message(self._publisher.topics.bridge_state, ONLINE)
        await self._client.publish(state)

    def _report_received(self, received: Received) -> None:
        gateway = reporting_gateway(received.payload)
        if gateway is None or received.retained:
            return  # a retained one may be of a life that is over
        if gateway == self.own.gateway:
            self.own.add_returned(received.topic)
        elif self.own.add_report(gateway, asyncio.get_running_loop().time()):
            base = self._publisher.topics.base
            log.warning("%s", another_gateway(base, gateway))
            self._report_wanted.set()  # so that it notices this one

    def _birth_received(self, received: Received) -> None:
        if received.payload == ONLINE and not received.retained:
            self._home_assistant_born.set()

    async def _greet_home_assistant(self) -> None:
        """Publish everything for a Home Assistant that has started; not all at once."""
        await asyncio.sleep(random.uniform(0, BIRTH_S))  # noqa: S311 - spreads load
        self._home_assistant_born.clear()  # births until now are answered by this
        await self._publish(self._publisher.retained_messages())
        await self._publish(self._publisher.telemetry())

    def _discovery(self) -> Iterator[Message]:
        place = self._place
        if place is not None:
            yield Message(gateway_topic(place), gateway_discovery(place))
            for device, about in self._headbands.items():
                payload = headband_discovery(
                    place, device, driver=about.driver, firmware=about.firmware
                )
                yield Message(headband_topic(place, device), payload)

    async def _report_always(self) -> None:
        """Report every minute, and once more at once if a report does not come back."""
        health = self._publisher.topics.bridge_health.name
        logged: tuple[str, ...] = ()
        clock = asyncio.get_running_loop().time
        while True:
            with self._faults.at(Edge.OUTPUT, "mqtt"):
                await self._report()
            await asyncio.sleep(ECHO_S)
            if self.own.is_open(health) and not self.own.lost(clock()):
                await self._report()
                await asyncio.sleep(ECHO_S)
            lost = self.own.lost(clock())
            if lost and lost != logged:
                log.warning(
                    "the broker does not pass on what is published on %s; see its "
                    "access list (mosquitto: acl_file)",
                    ", ".join(lost),
                )
            elif logged and not lost:
                log.info("the broker passes the gateway's messages on again")
            logged = lost
            await asyncio.sleep(REPORT_S - ECHO_S)

    async def _report(self) -> None:
        health = health_payload(await self._health(), datetime.now(UTC))
        topic = self._publisher.topics.bridge_health
        if await self._client.publish(Message(topic, health)):
            now_s = asyncio.get_running_loop().time()
            self.own.add_sent(topic, self._client.connections, now_s)
        await self._publish(self._publisher.telemetry())
        if self._client.refusals:  # they may be taken by now
            await self._publish(self._publisher.retained_messages())
        if self._headbands:
            await self.introduce()

    async def _nights(self) -> None:
        await self._publish(self._publisher.nights_so_far())

    async def _prune(self, bounds: JournalLimits) -> None:
        try:
            await self._journal.prune(bounds)
        except JournalError as error:
            log.debug("pruning: %s", error)

    async def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            await self._client.publish(message)

    async def _health(self) -> BridgeHealth:
        told = {} if self._control is None else await self._control.standings()
        return BridgeHealth(
            gateway=self.own.gateway,
            uptime_s=uptime_s(),
            vitals=self._pulse.take(),
            reconnects=max(0, self._client.connections - 1),
            journal=await self._contents(),
            clock_synchronised=clock_synchronised(),
            outputs={name: (each.well, each.words) for name, each in told.items()},
        )

    async def _contents(self) -> JournalContents | None:
        try:
            return await self._journal.contents()
        except JournalError:
            return None

    def _info(self, required: tuple[str, ...], problems: tuple[str, ...]) -> Message:
        gateway = GatewayInfo(
            version=__version__,
            machine=self._machine,
            headbands=self._headbands,
            started=datetime.now(UTC) - timedelta(seconds=uptime_s()),
            restart_required=required,
            config_problems=problems,
        )
        return Message(self._publisher.topics.bridge_info, info_payload(gateway))

    async def _after(
        self, event: asyncio.Event, work: Callable[[], Awaitable[None]]
    ) -> None:
        """Work once for each time that `event` is set, at most once a second."""
        while True:
            await event.wait()
            event.clear()
            with self._faults.at(Edge.OUTPUT, "mqtt"):
                await work()
            await asyncio.sleep(COALESCED_S)

    async def _every(
        self,
        pause_s: float,
        work: Callable[[], Awaitable[None]],
        *,
        at_once: bool = True,
    ) -> None:
        if not at_once:
            await asyncio.sleep(pause_s)
        while True:
            with self._faults.at(Edge.OUTPUT, "mqtt"):
                await work()
            await asyncio.sleep(pause_s)
