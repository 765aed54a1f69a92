"""Checks of the way to the MQTT broker: sandbox of the unit, network, TLS.

The doctor runs beside the unit, not in it: that it reaches the broker does not prove
that the daemon may.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from gateway.config.schema import parse
from gateway.doctor.mqtt_delivery import delivery_findings
from gateway.doctor.report import Finding, Severity, broken, good, skipped, warning
from gateway.doctor.target import Target, output_of
from gateway.errors import ConfigError
from gateway.mqtt.diagnostics import certificate_hint
from gateway.mqtt.options import MqttOptions

PATIENCE_S = 5.0
DAY_S = 86_400.0
SOON_DAYS = 14
LOOPBACK = ("localhost", "127.0.0.1", "::1")
RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")
ALLOW = (
    "use one in the local network; or sudo systemctl edit sleepgate, add [Service] and "
    "IPAddressAllow={}, then sudo systemctl restart sleepgate"
)

Networks = list[IPv4Network | IPv6Network]


def mqtt_findings(target: Target) -> Iterator[Finding]:
    """Check the way to the broker step by step; stop at the first that fails."""
    if target.config is None:
        step = "correct the configuration first: sleepgate config check"
        yield skipped("broker", "not checked: the configuration cannot be used", step)
        return
    if "mqtt" not in target.config.outputs:
        step = "to publish, add outputs.mqtt to the configuration"
        yield skipped("broker", "no broker is configured", step)
        return
    section = target.config.outputs["mqtt"]
    try:
        options = parse(
            {} if section is None else section, MqttOptions, "outputs.mqtt."
        )
    except ConfigError as error:
        yield broken("broker", str(error), "sleepgate config check")
        return
    yield from sandbox_findings(options.host)
    for look in (_network, _tls):
        finding = look(options)
        yield finding
        if finding.verdict is Severity.BROKEN:
            return
    yield from delivery_findings(target, options)
    yield from _privacy(options)


def _network(options: MqttOptions) -> Finding:
    at = str(options.address)
    try:
        with closing(
            socket.create_connection((options.host, options.port), PATIENCE_S)
        ):
            return good("broker", f"{at} accepts connections")
    except socket.gaierror:
        step = f"check outputs.mqtt.host; `getent hosts {options.host}` has to find it"
        return broken("broker", f"there is no machine called {options.host}", step)
    except TimeoutError:
        step = (
            "check that it is on, in this network, and that no firewall blocks the port"
        )
        return broken("broker", f"{at} does not answer", step)
    except OSError as error:
        step = "start it: sudo systemctl start mosquitto; check outputs.mqtt.port"
        return broken("broker", f"{at}: {error.strerror or error}", step)


def _tls(options: MqttOptions) -> Finding:
    if options.tls is None:
        return good("tls", "not configured")
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
        why = f"the broker's certificate is refused: {error.verify_message}"
        step = certificate_hint(error.verify_message) or certificate_hint(str(error))
        step = (
            step or "set outputs.mqtt.tls.ca, and host to the name in the certificate"
        )
        return broken("tls", why, step)
    except OSError as error:  # ssl.SSLError among them
        why = getattr(error, "reason", None) or error.strerror or str(error)
        step = "check that this port speaks TLS; usual for mosquitto: 8883"
        return broken("tls", f"the TLS handshake failed: {why}", step)
    ends_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = (ends_s - time.time()) / DAY_S
    words = f"{version}; the broker's certificate is good for {days:.0f} days"
    if days < SOON_DAYS:
        return warning("tls", words, "renew the broker's certificate")
    return good("tls", words)


def _privacy(options: MqttOptions) -> Iterator[Finding]:
    if options.password and options.tls is None and options.host not in LOOPBACK:
        yield warning(
            "privacy",
            "password and sleep stages cross the network unencrypted",
            "set outputs.mqtt.tls and the broker's TLS port",
        )


def sandbox_findings(host: str) -> Iterator[Finding]:
    """Check that the unit lets the daemon resolve and reach `host`.

    Nothing is found where the unit filters no addresses. The rule is that of
    systemd.resource-control(5): what is allowed may pass, else what is denied may not.
    """
    allowed, denied = _address_filter()
    if not denied:
        return

    def outside(addresses: Sequence[str]) -> bool:
        return bool(addresses) and not any(
            _in(address, allowed) or not _in(address, denied) for address in addresses
        )

    if _needs_name_server(host) and outside(servers := _name_servers()):
        said = " and ".join(servers)
        yield broken(
            "names",
            f"the unit keeps the daemon from name server {said}, which it needs for "
            f"{host}: it may reach the local network only",
            ALLOW.format(" ".join(servers)),
        )
    if outside(addresses := _addresses(host)):
        yield broken(
            "fence",
            f"the unit keeps the daemon from {host}, so the broker seems never to "
            "answer: the daemon may reach the local network only",
            ALLOW.format(" ".join(addresses)),
        )
    else:
        yield good(
            "fence",
            "the broker lies where the unit lets the daemon go: the local network",
        )


def _address_filter() -> tuple[Networks, Networks]:
    told = output_of(
        *("systemctl", "show", "sleepgate"),
        *("--property=IPAddressAllow", "--property=IPAddressDeny"),
    )
    lines = dict(line.partition("=")[::2] for line in (told or "").splitlines())
    allowed, denied = (
        [ip_network(each) for each in lines.get(key, "").split()]
        for key in ("IPAddressAllow", "IPAddressDeny")
    )
    return allowed, denied


def _in(address: str, networks: Networks) -> bool:
    there = ip_address(address.partition("%")[0])
    return any(there in network for network in networks)


def _needs_name_server(host: str) -> bool:
    """Tell whether resolving `host` takes a name server: Avahi resolves .local."""
    try:
        ip_address(host)
    except ValueError:
        known = {word for line in _lines(HOSTS) for word in line.split()[1:]}
        return host not in known and not host.endswith((".local", "localhost"))
    return False


def _name_servers() -> list[str]:
    lines = [line.split() for line in _lines(RESOLV_CONF)]
    return [words[1] for words in lines if words[:1] == ["nameserver"] and words[1:]]


def _addresses(host: str) -> list[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(address[0]) for *_, address in found})


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(errors="replace").splitlines()
    except OSError:
        return []
