"""A few messages to the broker, beside or without the daemon."""

from collections.abc import Iterable
from pathlib import Path

from gateway.config.schema import Config, parse
from gateway.errors import ConfigError, SinkError
from gateway.mqtt.client_events import BrokerState, Message
from gateway.mqtt.options import MqttOptions


def mqtt_options(config: Config, file: Path) -> MqttOptions:
    """Return how the daemon of this configuration publishes.

    Raises
    ------
    ConfigError
        If it does not, or its section is wrong.
    """
    if "mqtt" not in config.outputs:
        raise ConfigError([f"{file}: outputs.mqtt: not there, so no broker is known"])
    section = config.outputs["mqtt"]
    return parse({} if section is None else section, MqttOptions, "outputs.mqtt.")


def publish_once(options: MqttOptions, messages: Iterable[Message]) -> None:
    """Publish `messages` and wait until the broker has them.

    Raises
    ------
    SinkError
        If the broker cannot be reached, or does not take them.
    """
    import asyncio  # noqa: PLC0415 -- `ha preview` answers without a broker

    asyncio.run(_publish(options, messages))


async def _publish(options: MqttOptions, messages: Iterable[Message]) -> None:
    from gateway.mqtt.client import MqttClient  # noqa: PLC0415 -- and without paho

    async with MqttClient(options.address, None, lambda: ()) as client:
        if client.connection is not BrokerState.ONLINE:
            raise SinkError(f"no connection to the broker at {options.address}")
        for message in messages:
            await client.publish(message)
        if not await client.drain():
            raise SinkError(f"the broker at {options.address} did not take everything")
