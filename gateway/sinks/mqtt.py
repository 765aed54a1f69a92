"""Stages on an MQTT broker, as they are scored, and every epoch sooner or later.

Two lanes: ``stage`` carries the newest epoch and nothing older; ``epoch`` carries all
of them in order, from a journal on disk, also those that no broker heard when they
were scored.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, get_args

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_stats import LinkReading
from gateway.journal.journal import Journal
from gateway.journal.options import JournalOptions
from gateway.journal.writer import JournalWriter
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Reading,
    SessionState,
    SignalBegins,
)
from gateway.mqtt.bridge import Bridge
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState
from gateway.mqtt.health import standing
from gateway.mqtt.home_assistant.options import HomeAssistantOptions
from gateway.mqtt.journal_publisher import JournalPublisher
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.tls import Tls
from gateway.mqtt.topics import STAGE_EXPIRY_S, TopicTree, base_problem
from gateway.preprocessing.headband_fit import Contacts
from gateway.sinks import Sink
from gateway.staging.events import SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary

log = logging.getLogger(__name__)

FAREWELL_S = 5.0
Lane = Literal[
    "stage", "epoch", "event", "hypnogram", "session", "signal", "summary", "telemetry"
]
LANES: tuple[Lane, ...] = get_args(Lane)


@dataclass(frozen=True, slots=True)
class MqttOptions:
    """Section ``outputs.mqtt``.

    Attributes
    ----------
    host : str
    port : int
    username, password : str or None
    base_topic : str
        First levels of every topic.
    keepalive_s : int
    protocol : str
        ``"auto"``, ``"5"`` or ``"3.1.1"``.
    stage_expiry_s : int
        How long the broker keeps the last stage, on MQTT 5.
    tls : Tls or None
        Encrypt; ``{}`` believes the system's certificate authorities.
    websocket : str or None
        Path of the broker's WebSocket, e.g. ``"/mqtt"``; None for plain MQTT.
    publish : tuple of str
        What may be known of a sleeper beside the availability of the headband.
    home_assistant : HomeAssistantOptions
    journal : JournalOptions
    """

    host: str = "localhost"
    port: int = 1883
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    base_topic: str = "sleepgate"
    keepalive_s: int = 30
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    stage_expiry_s: int = STAGE_EXPIRY_S
    tls: Tls | None = None
    websocket: str | None = None
    publish: tuple[Lane, ...] = LANES
    home_assistant: HomeAssistantOptions = field(default_factory=HomeAssistantOptions)
    journal: JournalOptions = field(default_factory=JournalOptions)

    def problems(self) -> Iterator[str]:
        """Yield what types cannot say."""
        if not self.host:
            yield "host: empty; name the broker's machine, e.g. localhost"
        if problem := base_problem(self.base_topic):
            yield problem
        for name, least, most in (
            ("port", 1, 65_535),
            ("keepalive_s", 5, 65_535),
            ("stage_expiry_s", 1, 86_400),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                yield f"{name}: {value}; give {least} to {most}"
        if self.password is not None and self.username is None:
            yield "username: missing, though there is a password"
        if self.websocket is not None and not self.websocket.startswith("/"):
            yield f"websocket: {self.websocket!r} is no path; give one like /mqtt"

    @property
    def address(self) -> BrokerAddress:
        """Where the broker is and how it is spoken to."""
        return BrokerAddress(
            host=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            keepalive_s=self.keepalive_s,
            protocol=self.protocol,
            tls=self.tls,
            websocket=self.websocket,
        )


async def run(
    options: MqttOptions, feed: Feed[Reading], control: Control | None = None
) -> None:
    """Publish what `feed` brings until it ends; see the module for failures."""
    if options.password is not None and options.tls is None:
        _warn_of_plain_text(options.host)
    topics = TopicTree(options.base_topic, options.stage_expiry_s)
    publisher = Publisher(topics, options.publish)
    place = options.home_assistant.place(topics, options.publish)
    asked = [topics.requests]
    asked += [place.birth] if place else []
    async with (
        Journal(options.journal.file) as journal,
        MqttClient(
            options.address, publisher.will, publisher.retained_messages, asked
        ) as client,
    ):
        lane = JournalPublisher(journal, client, publisher.entry_message)
        bridge = Bridge(client, publisher, journal, place=place, control=control)
        journal_writer = JournalWriter(journal)
        told = partial(standing, options.address, client, journal)
        asked_how = nullcontext() if control is None else control.telling("mqtt", told)
        async with asyncio.TaskGroup() as tasks:
            works = (lane.run(), *bridge.works(options.journal.bounds))
            background = [tasks.create_task(work) for work in works]
            with asked_how:
                async for reading in feed:
                    for message in await publisher.publish_reading(
                        reading, journal_writer
                    ):
                        await client.publish(message)
                    await bridge.introduce()
            if client.connection is BrokerState.ONLINE:
                await lane.drained(FAREWELL_S)
            for task in background:
                task.cancel()
        for message in publisher.offline_messages():
            await client.publish(message)


def _warn_of_plain_text(host: str) -> None:
    if host not in ("localhost", "127.0.0.1", "::1"):
        log.warning(
            "the password for the broker at %s crosses the network unencrypted; give "
            "outputs.mqtt.tls if the broker knows TLS",
            host,
        )


SINK = Sink(
    name="mqtt",
    options=MqttOptions,
    wants=(
        *(Availability, Battery, Contacts, LinkReading, NightEpochs, NightSummary),
        *(ScoredEpoch, SessionState, SignalBegins, SleepEvent, LossCounts),
    ),
    run=run,
)
