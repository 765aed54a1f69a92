"""Whether the service's unit lets the daemon reach the broker.

The doctor runs beside the unit, not in it: what it reaches itself proves nothing.
"""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path

from gateway.doctor.report import Finding, broken, good
from gateway.doctor.target import said_by

RESOLV_CONF = Path("/etc/resolv.conf")
HOSTS = Path("/etc/hosts")
STEP = (
    "take a local one; or sudo systemctl edit sleepgate, there [Service] and "
    "IPAddressAllow={}, then sudo systemctl restart sleepgate"
)

Networks = list[IPv4Network | IPv6Network]


def fence_findings(host: str) -> Iterator[Finding]:
    """Look whether the unit lets the daemon find and reach `host`.

    Nothing is found where no unit fences it. The rule is systemd.resource-control(5)'s:
    what is allowed may pass, else what is denied may not.
    """
    allowed, denied = _fence()
    if not denied:
        return

    def outside(addresses: Sequence[str]) -> bool:
        return bool(addresses) and not any(
            _in(address, allowed) or not _in(address, denied) for address in addresses
        )

    if _is_asked_for(host) and outside(servers := _name_servers()):
        said = " and ".join(servers)
        yield broken(
            "names",
            f"the service may not ask {said} where {host} is: it reaches the local "
            "network only",
            STEP.format(" ".join(servers)),
        )
    if outside(addresses := _addresses(host)):
        yield broken(
            "fence",
            f"the service may not reach {host}, and so shows it as one that never "
            "answers: it reaches the local network only",
            STEP.format(" ".join(addresses)),
        )
    else:
        yield good("fence", "the unit lets the daemon reach the local network only")


def _fence() -> tuple[Networks, Networks]:
    told = said_by(
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


def _is_asked_for(host: str) -> bool:
    """Tell whether it takes a name server to find it: Avahi finds .local."""
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
