"""``sleepgate forget``: nothing of a headband stays on the broker."""

from pathlib import Path

import click

from gateway.cli.broker_messages import mqtt_options, publish_once
from gateway.cli.options import CONFIG, examples
from gateway.config.file import read_config
from gateway.mqtt.client_events import Message
from gateway.mqtt.home_assistant.discovery import headband_topic
from gateway.mqtt.topics import TopicTree


@examples("sleepgate forget bedroom")
@click.command()
@click.argument("name")
@CONFIG
def command(name: str, file: Path) -> None:
    """Delete the messages of a headband that the MQTT broker retains.

    Every retained message of headband NAME is removed, also if NAME is no longer
    configured. A running daemon that streams from it publishes new ones. Recordings
    on this machine stay: see `sleepgate record prune`.
    """
    options = mqtt_options(read_config(file), file)
    topics = TopicTree(options.base_topic)
    retained = list(topics.all_retained(name))
    place = options.home_assistant.place(topics, options.publish)
    if place is not None:
        retained.append(headband_topic(place, name))
    publish_once(options, [Message(topic, b"") for topic in retained])
    cleared = f"{len(retained)} topics of {name} cleared on the broker"
    click.echo(f"{cleared}; its nights on this machine stay", err=True)
