"""Checks of the broker beyond the network: login, and whether messages arrive.

The doctor connects as the daemon does, with its will and subscriptions, publishes below
every level that the daemon publishes below, and waits for its own messages.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.doctor.report import Finding, broken, good, warning
from gateway.doctor.target import Target
from gateway.errors import GatewayError, NoDaemonError
from gateway.host.metrics import gateway_id
from gateway.mqtt.bridge import subscriptions_of
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerState, Message
from gateway.mqtt.connection import Receipt
from gateway.mqtt.health import access, another_gateway, limit_notes
from gateway.mqtt.home_assistant.discovery import probe_topic
from gateway.mqtt.options import MqttOptions
from gateway.mqtt.own_messages import reporting_gateway
from gateway.mqtt.topics import OFFLINE, Topic, TopicTree

ROUND_TRIP_S = 3.0
NOBODY = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


def delivery_findings(target: Target, options: MqttOptions) -> Iterator[Finding]:
    """Log in, publish, and receive what was published."""
    daemon = _daemon_status(target)
    names = (
        [] if target.config is None else [each.name for each in target.config.devices]
    )
    yield from asyncio.run(_BrokerTrial(options, names).findings(daemon))


def _daemon_status(target: Target) -> Mapping[str, Any] | None:
    """Return the status of the daemon; None if none runs."""
    try:
        return ask(target.socket, ControlRequest("status"))
    except NoDaemonError as error:
        # where one may not be asked, or does not answer, it runs all the same
        runs = not isinstance(error.__cause__, NOBODY)
        return {} if runs else None
    except GatewayError:
        return {}


class _BrokerTrial:
    """One connection like the daemon's."""

    def __init__(self, options: MqttOptions, devices: Sequence[str]) -> None:
        self._options = options
        self._topics = TopicTree(options.base_topic)
        self._place = options.home_assistant.place(self._topics, options.publish)
        self._own = [self._topics.probe(whom) for whom in ("bridge", *devices)]
        self._discovery = [] if self._place is None else [probe_topic(self._place)]
        self._received: set[str] = set()
        self._gateways: set[str] = set()

    async def findings(self, daemon: Mapping[str, Any] | None) -> list[Finding]:
        """Return what was found; `daemon` is its status, None if none runs."""
        probes = [*self._own, *self._discovery]
        subscriptions = subscriptions_of(self._topics, self._place)
        client = MqttClient(
            self._options.address,
            Message(self._topics.bridge_state, OFFLINE),
            lambda: (),
            [*subscriptions, *(topic.name for topic in probes)],
            # a running daemon would lose its connection to one of the same name
            self._options.client_id(gateway_id()) if daemon is None else None,
        )
        client.leave_silently()
        async with client:
            if client.connection not in (BrokerState.ONLINE, BrokerState.CATCHING_UP):
                return [self._refused(client)]
            who = self._who
            found = [good("login", f"the broker accepts {who}, MQTT {client.protocol}")]
            refused = await self._round_trip(client, probes)
            if client.connection is BrokerState.ONLINE:
                found += self._delivery(client, refused)
            else:
                step = "see the broker's log: sudo journalctl -u mosquitto"
                words = f"the connection ended during the check: {client.problem}"
                found.append(broken("delivery", words, step))
            found += self._others(daemon)
        return found

    @property
    def _who(self) -> str:
        username = self._options.username
        return f"user {username}" if username else "a client without user name"

    def _refused(self, client: MqttClient) -> Finding:
        who = self._who
        if client.connection is BrokerState.REFUSED:
            step = "check outputs.mqtt.username and password, and the broker's users"
            return broken("login", f"the broker refused {who}: {client.problem}", step)
        words = f"the broker does not answer the CONNECT of {who}"
        if client.problem:
            words += f": {client.problem}"
        return broken(
            "login", words, "see the broker's log: sudo journalctl -u mosquitto"
        )

    async def _round_trip(
        self, client: MqttClient, probes: Sequence[Topic]
    ) -> set[str]:
        """Publish on `probes`, note what comes back, and return what was refused."""
        receipts: dict[str, Receipt] = {}
        for topic in probes:
            receipt = client.send(Message(topic, b""))
            if receipt is not None:
                receipts[topic.name] = receipt
        wanted = {topic.name for topic in probes}
        with suppress(TimeoutError):
            async with asyncio.timeout(ROUND_TRIP_S):
                while not (
                    wanted <= self._received
                    and all(r.done() for r in receipts.values())
                ):
                    await self._receive(client)
        return {name for name, receipt in receipts.items() if _is_refused(receipt)}

    async def _receive(self, client: MqttClient) -> None:
        received = await client.receive()
        self._received.add(received.topic)
        if received.topic == self._topics.bridge_health.name:
            gateway = reporting_gateway(received.payload)
            self._gateways |= set() if gateway is None else {gateway}

    def _delivery(self, client: MqttClient, refused: set[str]) -> Iterator[Finding]:
        base, lost = self._options.base_topic, list(self._lost(client, refused))
        step = access(self._options)
        if refused:
            on = ", ".join(sorted(refused))
            yield broken("delivery", f"the broker refuses messages on {on}", step)
        if client.refused_subscriptions:
            to = ", ".join(sorted(client.refused_subscriptions))
            words = f"the broker refuses the subscription to {to}: no request arrives"
            yield warning("requests", words, step)
        elif lost:
            on = ", ".join(lost)
            words = (
                f"the broker acknowledges messages and does not pass on those on {on}"
            )
            yield broken("delivery", words, step)
        elif not refused:
            below = " and ".join(
                (base, *(topic.name.split("/device/")[0] for topic in self._discovery))
            )
            yield good("delivery", f"published below {below}, and received again")
        for words in limit_notes(client):
            step = "allow it in the broker's configuration, or use another broker"
            yield warning("limits", words, step)

    def _lost(self, client: MqttClient, refused: set[str]) -> Iterator[str]:
        """Yield topics whose messages were taken and did not come back.

        Where the broker names refusals, nobody needs to read the discovery's topics.
        """
        names_refusals = client.protocol == "5" and client.acknowledges
        for topic in self._own if names_refusals else [*self._own, *self._discovery]:
            if topic.name not in self._received | refused:
                yield topic.name

    def _others(self, daemon: Mapping[str, Any] | None) -> Iterator[Finding]:
        outputs = (daemon or {}).get("outputs", ())
        known = {
            other
            for output in outputs
            if output["name"] == "mqtt"
            for other in output["facts"].get("other_gateways", ())
        }
        for other in sorted((known | self._gateways) - {gateway_id()}):
            step = "give one of them another outputs.mqtt.base_topic, and restart it"
            yield warning(
                "gateways", another_gateway(self._options.base_topic, other), step
            )


def _is_refused(receipt: Receipt) -> bool:
    return receipt.done() and not receipt.cancelled() and not receipt.result()
