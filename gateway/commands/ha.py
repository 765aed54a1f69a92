"""``sleepgate ha``: the discovery messages for Home Assistant."""

import json
from pathlib import Path

import click

from gateway.cli.broker_messages import mqtt_options, publish_once
from gateway.cli.options import CONFIG, HelpGroup, examples
from gateway.config.file import read_config
from gateway.config.schema import Config
from gateway.errors import ConfigError
from gateway.mqtt.client_events import Message
from gateway.mqtt.home_assistant.discovery import (
    DiscoveryTarget,
    gateway_discovery,
    gateway_topic,
    headband_discovery,
    headband_topic,
)
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.topics import TopicTree


@click.group(cls=HelpGroup)
def command() -> None:
    """Show or remove the entities announced to Home Assistant."""


@examples("sleepgate ha preview")
@command.command("preview")
@CONFIG
def preview(file: Path) -> None:
    """Print the discovery messages as a JSON object with a key per topic."""
    config = read_config(file)
    place = _place(mqtt_options(config, file), file)
    messages = {gateway_topic(place).name: gateway_discovery(place)}
    for device in config.devices:
        topic = headband_topic(place, device.name)
        announced = headband_discovery(place, device.name, driver=device.driver)
        messages[topic.name] = announced
    documents = {topic: json.loads(payload) for topic, payload in messages.items()}
    click.echo(json.dumps(documents, indent=2, ensure_ascii=False))


@examples("sleepgate ha remove bedroom", "sleepgate ha remove")
@command.command("remove")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@CONFIG
def remove(names: tuple[str, ...], file: Path) -> None:
    """Remove headbands from Home Assistant: those named, or all and the gateway.

    A daemon that still runs announces them again when it next connects.
    """
    config = read_config(file)
    options = mqtt_options(config, file)
    place = _place(options, file)
    topics = [headband_topic(place, name) for name in names or _names(config)]
    if not names:
        topics.append(gateway_topic(place))
    publish_once(options, [Message(topic, b"") for topic in topics])
    click.echo(f"{len(topics)} devices taken out of Home Assistant", err=True)


def _place(options: MqttOptions, file: Path) -> DiscoveryTarget:
    topics = TopicTree(options.base_topic)
    place = options.home_assistant.place(topics, options.publish)
    if place is None:
        problem = "outputs.mqtt.home_assistant.enabled: false, so nothing is announced"
        raise ConfigError([f"{file}: {problem}"])
    return place


def _names(config: Config) -> list[str]:
    return [device.name for device in config.devices]
