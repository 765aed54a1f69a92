"""Health of the connection to the broker, for status and doctor."""

import time

from gateway.errors import JournalError
from gateway.journal.entry import JournalContents
from gateway.journal.journal import Journal
from gateway.messages.control import OutputHealth
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerAddress, BrokerState

WORDS = {
    BrokerState.CONNECTING: "connecting to",
    BrokerState.CATCHING_UP: "connected to",
    BrokerState.ONLINE: "connected to",
    BrokerState.OFFLINE: "no connection to",
    BrokerState.REFUSED: "refused by",
}


async def standing(
    address: BrokerAddress, client: MqttClient, journal: Journal
) -> OutputHealth:
    """Return whether the broker is there, and how many epochs wait for it."""
    try:
        contents = await journal.contents()
    except JournalError as error:
        return _standing(address, client, None, f"no journal: {error}")
    return _standing(address, client, contents, f"{contents.owed} epochs wait for it")


def _standing(
    address: BrokerAddress,
    client: MqttClient,
    contents: JournalContents | None,
    owed: str,
) -> OutputHealth:
    connection = client.connection
    spoken = f", MQTT {client.protocol}" if connection is BrokerState.ONLINE else ""
    plainly = f"{WORDS[connection]} {address}{spoken}"
    return OutputHealth(
        well=connection is BrokerState.ONLINE and contents is not None,
        words=f"{client.problem or plainly}; {owed}",
        facts={
            "broker": str(address),
            "connection": connection.value,
            "protocol": client.protocol,
            "reconnects": max(0, client.connections - 1),
            "journal": None if contents is None else _owed(contents),
        },
    )


def _owed(contents: JournalContents) -> dict[str, object]:
    oldest_s = contents.oldest_owed_s
    waits_s = 0 if oldest_s is None else max(0, round(time.time() - oldest_s))
    return {
        "pending": contents.owed,
        "oldest_pending_s": waits_s,
        "dropped": contents.dropped,
        "size_mb": round(contents.size_bytes / 1e6, 1),
    }
