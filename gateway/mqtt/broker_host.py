"""Name or address of the broker's machine, as people write it. Pure."""

import re
from ipaddress import ip_address

FORM = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:(?P<user>[^@]*)@)?"
    r"(?P<host>\[[^\]]*\]|[^\[\]/:]*)(?::(?P<port>\d+))?(?P<path>/.*)?"
)
ENCRYPTED = ("mqtts", "ssl", "tls", "wss")
WEBSOCKETS = ("ws", "wss")
LONGEST_LABEL = 63  # RFC 1035, 2.3.4


def host_problem(host: str) -> str | None:
    """Return why `host` is no name or address, with the right form; None if it is one.

    Examples
    --------
    >>> host_problem("broker.local")
    >>> host_problem("mqtts://broker:8883")
    "'mqtts://broker:8883' is more than a name; give host: broker, port: 8883, tls: {}"
    >>> host_problem("[::1]")
    "'[::1]' is more than a name; give host: '::1'"
    """
    if not host.strip():
        return "empty; name the broker's machine, e.g. localhost"
    if is_address(host):
        return None
    bare = host.strip().strip("\ufeff")
    found = FORM.fullmatch(bare)
    if found is not None and found["user"] is not None:  # and perhaps a password
        return "holds a user name; username and password have keys of their own"
    labels = [] if found is None else found["host"].removesuffix(".").split(".")
    is_name = all(0 < len(label) <= LONGEST_LABEL for label in labels)
    if found is None or not is_name or re.search(r"\s", bare):
        return f"{host!r} is no name and no address; give one like broker.local or ::1"
    meant = _meant(found)
    if meant != [f"host: {host}"]:
        return f"{host!r} is more than a name; give {', '.join(meant)}"
    return None


def is_address(host: str) -> bool:
    """Return whether `host` is an IP address, perhaps with a zone."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _meant(found: re.Match[str]) -> list[str]:
    name = found["host"].strip("[]")
    keys = [f"host: '{name}'" if ":" in name else f"host: {name}"]
    if found["port"]:
        keys.append(f"port: {found['port']}")
    scheme = (found["scheme"] or "").lower()
    if scheme in ENCRYPTED:
        keys.append("tls: {}")
    if scheme in WEBSOCKETS or (found["path"] or "/") != "/":
        keys.append(f"websocket: {found['path'] or '/mqtt'}")
    return keys
