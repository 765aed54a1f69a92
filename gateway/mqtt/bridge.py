"""Everything the gateway does on a broker besides passing readings on."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from gateway import __version__
from gateway.errors import JournalError
from gateway.host.metrics import (
    VitalsReader,
    architecture,
    clock_synchronised,
    host_name,
    python_version,
    uptime_s,
)
from gateway.journal.entry import JournalContents, JournalLimits
from gateway.journal.journal import Journal
from gateway.messages.control import Control
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import Message, Received
from gateway.mqtt.home_assistant.discovery import (
    DiscoveryTarget,
    gateway_discovery,
    gateway_topic,
    headband_discovery,
    headband_topic,
)
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
from gateway.mqtt.topics import ONLINE
from gateway.staging.runtimes import runtime_name

log = logging.getLogger(__name__)

PRUNE_S = 3600.0
REPORT_S = 60.0
BIRTH_S = 5.0
NIGHT_S = 600.0


class Bridge:
    """Reports, serves requests and keeps the journal within its bounds.

    Parameters
    ----------
    client : MqttClient
    publisher : Publisher
    journal : Journal
    place : DiscoveryTarget or None
        Where Home Assistant listens; None if it is not told.
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
        self._client = client
        self._publisher = publisher
        self._journal = journal
        self._place = place
        self._services = RequestHandlers(publisher, journal, control, self._report)
        self._pulse = VitalsReader(journal.path.parent)
        self._control = control
        here = host_name(), architecture(), python_version()
        self._machine = HostInfo(*here, runtime_name())
        self._headbands: Mapping[str, HeadbandEntry] = {}
        self._waiting: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    def works(self, bounds: JournalLimits) -> list[Coroutine[None, None, None]]:
        """Return what is to be run side by side until cancelled."""
        return [
            serve_requests(
                self._client,
                self._publisher.topics,
                self._services.verbs(),
                self._others(),
            ),
            self._every(REPORT_S, self._report),
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

    def _others(self) -> Mapping[str, Callable[[Received], Awaitable[None]]]:
        return {} if self._place is None else {self._place.birth: self._born}

    async def _born(self, received: Received) -> None:
        """Tell a Home Assistant that has just started everything; not all at once."""
        if received.payload == ONLINE and not received.retained:
            await asyncio.sleep(random.uniform(0, BIRTH_S))  # noqa: S311 - spreads load
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

    async def _report(self) -> None:
        health = health_payload(await self._health(), datetime.now(UTC))
        topic = self._publisher.topics.bridge_health
        await self._publish([Message(topic, health), *self._publisher.telemetry()])
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

    @staticmethod
    async def _every(
        pause_s: float, work: Callable[[], Awaitable[None]], *, at_once: bool = True
    ) -> None:
        if not at_once:
            await asyncio.sleep(pause_s)
        while True:
            await work()
            await asyncio.sleep(pause_s)
