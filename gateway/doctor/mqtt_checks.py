"""Whether the broker is there, lets us in, and who can read along."""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing

from gateway.config.schema import parse
from gateway.doctor.report import Finding, Severity, broken, good, skipped, warning
from gateway.doctor.sandbox_checks import fence_findings
from gateway.doctor.target import Target
from gateway.errors import ConfigError
from gateway.mqtt.client import MqttClient
from gateway.mqtt.client_events import BrokerState
from gateway.mqtt.options import MqttOptions

PATIENCE_S = 5.0
DAY_S = 86_400.0
SOON_DAYS = 14
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def mqtt_findings(patient: Target) -> Iterator[Finding]:
    """Look at the way to the broker, step by step; the first that fails ends it."""
    if patient.config is None:
        step = "mend the configuration first: sleepgate config check"
        yield skipped("broker", "the configuration does not tell which", step)
        return
    if "mqtt" not in patient.config.outputs:
        step = "where one is wanted, add outputs.mqtt to the configuration"
        yield skipped("broker", "none is configured", step)
        return
    section = patient.config.outputs["mqtt"]
    try:
        options = parse(
            {} if section is None else section, MqttOptions, "outputs.mqtt."
        )
    except ConfigError as error:
        yield broken("broker", str(error), "sleepgate config check")
        return
    yield from fence_findings(options.host)
    for look in (_reached, _tls):
        finding = look(options)
        yield finding
        if finding.verdict is Severity.BROKEN:
            return
    yield asyncio.run(_let_in(options))
    yield from _in_the_open(options)


def _reached(options: MqttOptions) -> Finding:
    at = str(options.address)
    try:
        with closing(
            socket.create_connection((options.host, options.port), PATIENCE_S)
        ):
            return good("broker", f"{at} answers")
    except socket.gaierror:
        step = "check outputs.mqtt.host; `getent hosts NAME` must find it"
        return broken("broker", f"there is no machine called {options.host}", step)
    except TimeoutError:
        step = "see that it is on and on this network, and that no firewall is between"
        return broken("broker", f"{at} does not answer", step)
    except OSError as error:
        step = "start it: sudo systemctl start mosquitto; check outputs.mqtt.port"
        return broken("broker", f"{at}: {error.strerror or error}", step)


def _tls(options: MqttOptions) -> Finding:
    if options.tls is None:
        return good("tls", "not asked for")
    try:
        context = options.tls.context()
        with (
            closing(
                socket.create_connection((options.host, options.port), PATIENCE_S)
            ) as plain,
            context.wrap_socket(plain, server_hostname=options.host) as secured,
        ):
            version, certificate = secured.version(), secured.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is refused: {error.verify_message}"
        step = "give outputs.mqtt.tls.ca, and as host the name on the certificate"
        return broken("tls", why, step)
    except OSError as error:  # ssl.SSLError among them
        why = getattr(error, "reason", None) or error.strerror or str(error)
        step = "check that this port speaks TLS; mosquitto's is 8883"
        return broken("tls", f"refused: {why}", step)
    ends_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = (ends_s - time.time()) / DAY_S
    words = f"{version}, its certificate is good for {days:.0f} days"
    if days < SOON_DAYS:
        return warning("tls", words, "renew the broker's certificate")
    return good("tls", words)


async def _let_in(options: MqttOptions) -> Finding:
    who = f"user {options.username}" if options.username else "without a user name"
    async with MqttClient(options.address, None, lambda: ()) as client:
        match client.connection:
            case BrokerState.ONLINE | BrokerState.CATCHING_UP:
                return good("login", f"{who}, MQTT {client.protocol}")
            case BrokerState.REFUSED:
                step = "check outputs.mqtt.username and password, and the broker's own"
                return broken("login", f"refused {who}", step)
            case _:
                step = "see the broker's log: sudo journalctl -u mosquitto"
                return broken("login", f"{who}: no answer to CONNECT", step)


def _in_the_open(options: MqttOptions) -> Iterator[Finding]:
    if options.password and options.tls is None and options.host not in LOOPBACK:
        yield warning(
            "privacy",
            "password and sleep cross the network in the open",
            "give outputs.mqtt.tls and the broker's TLS port",
        )
