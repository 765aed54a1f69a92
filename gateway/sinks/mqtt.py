"""Stages on an MQTT broker, as they are scored, and every epoch sooner or later.

Two lanes: ``stage`` carries the newest epoch and nothing older; ``epoch`` carries all
of them in order, from a journal on disk, also those that no broker heard when they
were scored.
"""

import asyncio
import logging
from contextlib import nullcontext
from functools import partial

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading
from gateway.fault_barrier import FaultBarrier
from gateway.host.metrics import gateway_id
from gateway.journal.journal import Journal
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
from gateway.mqtt.bridge import Bridge, subscriptions_of
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerState
from gateway.mqtt.health import standing
from gateway.mqtt.journal_publisher import JournalPublisher
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.publisher import Publisher
from gateway.mqtt.topics import TopicTree
from gateway.preprocessing.headband_fit import Contacts
from gateway.sinks import Sink
from gateway.staging.events import SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary

log = logging.getLogger(__name__)

FAREWELL_S = 3.0  # with what the client waits for, the end takes less than 10 s


async def run(
    options: MqttOptions, feed: Feed[Reading], control: Control | None = None
) -> None:
    """Publish what `feed` brings until it ends; see the module for failures."""
    if options.password is not None and options.tls is None:
        _warn_of_plain_text(options.host)
    topics = TopicTree(options.base_topic, options.stage_expiry_s)
    publisher = Publisher(topics, options.publish)
    place = options.home_assistant.place(topics, options.publish)
    async with (
        Journal(options.journal.file) as journal,
        MqttClient(
            options.address,
            publisher.will,
            publisher.retained_messages,
            subscriptions_of(topics, place),
            client_id=options.client_id(gateway_id()),
        ) as client,
    ):
        bridge = Bridge(client, publisher, journal, place=place, control=control)
        lane = JournalPublisher(
            journal,
            client,
            publisher.entry_message,
            bridge.epoch_sent,
            FaultBarrier() if control is None else control.faults,
        )
        journal_writer = JournalWriter(journal)
        health = partial(standing, options, client, journal, bridge.own)
        asked_how = (
            nullcontext() if control is None else control.telling("mqtt", health)
        )
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
            if client.connection is BrokerState.ONLINE and client.acknowledges:
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
