"""Health of the connection to the broker, for status and doctor."""

import asyncio
import time
from collections.abc import Iterator

from gateway.errors import JournalError
from gateway.journal.entry import JournalContents
from gateway.journal.journal import Journal
from gateway.messages.control import OutputHealth
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerState
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.own_messages import OwnMessages

WORDS = {
    BrokerState.CONNECTING: "connecting to",
    BrokerState.CATCHING_UP: "connected to",
    BrokerState.ONLINE: "connected to",
    BrokerState.OFFLINE: "no connection to",
    BrokerState.REFUSED: "refused by",
}


NO_ACKNOWLEDGEMENTS = (
    "this broker has no QoS 1 (mosquitto: max_qos 0): live stages are published, "
    "epochs wait in the journal for a broker that acknowledges"
)
NOT_RETAINED = (
    "this broker retains nothing (mosquitto: retain_available false): subscribers see "
    "each value with its next message only"
)
NAMED = 3  # topics in one line


async def standing(
    options: MqttOptions, client: MqttClient, journal: Journal, own: OwnMessages
) -> OutputHealth:
    """Return whether messages arrive, and how many epochs wait for the broker."""
    try:
        contents = await journal.contents()
    except JournalError as error:
        return _standing(options, client, own, None, f"no journal: {error}")
    owed = f"{contents.owed} epochs wait for it"
    return _standing(options, client, own, contents, owed)


def _standing(
    options: MqttOptions,
    client: MqttClient,
    own: OwnMessages,
    contents: JournalContents | None,
    owed: str,
) -> OutputHealth:
    connection, address = client.connection, options.address
    is_online = connection is BrokerState.ONLINE
    spoken = f", MQTT {client.protocol}" if is_online else ""
    plainly = f"{WORDS[connection]} {address}{spoken}"
    problems = list(_problems(options, client, own)) if is_online else []
    notes = [NOT_RETAINED] if is_online and not client.limits.retains else []
    return OutputHealth(
        well=is_online and contents is not None and not problems,
        words="; ".join([client.problem or plainly, *problems, *notes, owed]),
        facts={
            "broker": str(address),
            "connection": connection.value,
            "protocol": client.protocol,
            "reconnects": max(0, client.connections - 1),
            "journal": None if contents is None else _owed(contents),
            "refused_topics": sorted(_refused(client)),
            "other_gateways": list(own.others(asyncio.get_running_loop().time())),
        },
    )


def access(options: MqttOptions) -> str:
    """Return what to change where the broker keeps this user from its topics."""
    user = f"user {options.username}" if options.username else "clients without a name"
    discovery = options.home_assistant
    also = f" and {discovery.prefix}/#" if discovery.enabled else ""
    return (
        f"let {user} read and write {options.base_topic}/#{also} in the broker's "
        "access list (mosquitto: acl_file)"
    )


def _refused(client: MqttClient) -> dict[str, str]:
    """Return refused topics but those on which only a request's sender listens."""
    refused = client.refusals.items()
    return {topic: why for topic, why in refused if "/response/" not in topic}


def _problems(
    options: MqttOptions, client: MqttClient, own: OwnMessages
) -> Iterator[str]:
    refused = _refused(client)
    if refused:
        named = sorted(refused, key=lambda topic: not topic.endswith("/epoch"))
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        why = refused[named[0]]
        yield (
            f"the broker refuses messages on {', '.join(named[:NAMED])}{more} ({why}): "
            f"{access(options)}"
        )
    if client.refused_subscriptions:
        patterns = ", ".join(sorted(client.refused_subscriptions))
        yield (
            f"the broker refuses the subscription to {patterns}, so requests do not "
            f"come: {access(options)}"
        )
    elif (lost := own.lost(asyncio.get_running_loop().time())) and not refused:
        yield (
            "the broker acknowledges messages and does not pass them on: those on "
            f"{', '.join(lost[:NAMED])} do not come back; {access(options)}"
        )
    if not client.acknowledges:
        yield NO_ACKNOWLEDGEMENTS
    for other in own.others(asyncio.get_running_loop().time()):
        yield another_gateway(options.base_topic, other)


def another_gateway(base_topic: str, other: str) -> str:
    """Return that two gateways share a base topic, and what to do."""
    return (
        f"another gateway ({other}) publishes below {base_topic}, too: the two "
        "overwrite each other's bridge topics, and a request reaches both; give one of "
        "them another outputs.mqtt.base_topic"
    )


def limit_notes(client: MqttClient) -> Iterator[str]:
    """Yield what the broker cannot do, and what that costs."""
    if not client.acknowledges:
        yield NO_ACKNOWLEDGEMENTS
    if not client.limits.retains:
        yield NOT_RETAINED


def _owed(contents: JournalContents) -> dict[str, object]:
    oldest_s = contents.oldest_owed_s
    waits_s = 0 if oldest_s is None else max(0, round(time.time() - oldest_s))
    return {
        "pending": contents.owed,
        "oldest_pending_s": waits_s,
        "dropped": contents.dropped,
        "size_mb": round(contents.size_bytes / 1e6, 1),
    }
