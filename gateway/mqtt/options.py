"""Section ``outputs.mqtt`` of the configuration. Pure but for the files of `Tls`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from gateway.journal.options import JournalOptions
from gateway.mqtt.broker_host import host_problem
from gateway.mqtt.client_events import BrokerAddress
from gateway.mqtt.home_assistant.options import HomeAssistantOptions
from gateway.mqtt.tls import Tls
from gateway.mqtt.topics import STAGE_EXPIRY_S, base_problem

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
        if problem := host_problem(self.host):
            yield f"host: {problem}"
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

    def warnings(self) -> Iterator[str]:
        """Yield what can be meant, and mostly is not."""
        if self.username is not None and self.password is None:
            yield (
                "username: without a password; if there is one, write it in quotes: "
                "after a blank, # begins a comment"
            )

    def client_id(self, gateway: str) -> str:
        """Return the client identifier, the same at every start of gateway `gateway`.

        Then a broker knows a new connection for the heir of one whose end it has not
        noticed. It differs by base topic: one machine may run two gateways. At most 23
        letters and digits, which every broker takes: MQTT 3.1.1, 3.1.3.1.
        """
        own = hashlib.sha256(f"{gateway} {self.base_topic}".encode()).hexdigest()
        return f"sleepgate-{own[:12]}"

    @property
    def address(self) -> BrokerAddress:
        """Address of the broker, and its protocol."""
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
