"""Lists of headbands in reach and configured, as text and as JSON. Pure.

JSON keeps to ``schemas/find.v1.json`` and ``schemas/devices.v1.json``.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

from gateway.printable import printable

NOTHING = "-"
UNKNOWN = "?"


class FoundHeadband(NamedTuple):
    """A headband that a scan has found.

    Attributes
    ----------
    address : str
    name : str or None
        As it advertises itself.
    rssi_dbm : int or None
        Signal strength of its advertisement.
    kinds : tuple of str
        Drivers it may be for; a connection shows which of several.
    configured_as : str or None
        Its name in the configuration.
    connected : bool
        To this machine, by any program.
    """

    address: str
    name: str | None
    rssi_dbm: int | None
    kinds: tuple[str, ...]
    configured_as: str | None = None
    connected: bool = False


class ConfiguredHeadband(NamedTuple):
    """A headband of the configuration.

    Attributes
    ----------
    name, driver, address : str
        As configured; the address may be ``"auto"``.
    bonded : bool or None
        Whether this machine has a bond with it; None if the adapter cannot list its
        bonds.
    in_reach : FoundHeadband or None
        As a scan has found it.
    scanned : bool
        Whether there was a scan at all.
    """

    name: str
    driver: str
    address: str
    bonded: bool | None = None
    in_reach: FoundHeadband | None = None
    scanned: bool = False


def in_reach_lines(found: Sequence[FoundHeadband]) -> list[str]:
    """Write a table, a headband to a line; empty if there is none."""
    rows = [
        (
            each.address,
            each.name or NOTHING,
            _dbm(each.rssi_dbm),
            " or ".join(each.kinds),
            each.configured_as or NOTHING,
            "yes" if each.connected else "no",
        )
        for each in found
    ]
    return _table(("ADDRESS", "NAME", "RSSI", "KIND", "CONFIGURED", "CONNECTED"), rows)


def in_reach_json(found: Sequence[FoundHeadband]) -> str:
    """Write one array of JSON, a headband to a line."""
    return _array([{**each._asdict(), "kinds": list(each.kinds)} for each in found])


def configured_lines(devices: Sequence[ConfiguredHeadband]) -> list[str]:
    """Write a table, a headband to a line; empty if there is none."""
    rows = [
        (each.name, each.driver, each.address, _yes_no(each.bonded), _reach(each))
        for each in devices
    ]
    return _table(("NAME", "DRIVER", "ADDRESS", "BOND", "IN REACH"), rows)


def configured_json(devices: Sequence[ConfiguredHeadband]) -> str:
    """Write one array of JSON, a headband to a line."""
    return _array(
        [
            {
                "name": each.name,
                "driver": each.driver,
                "address": each.address,
                "bonded": each.bonded,
                "in_reach": each.in_reach is not None if each.scanned else None,
                "rssi_dbm": each.in_reach.rssi_dbm if each.in_reach else None,
                "connected": each.in_reach.connected if each.in_reach else None,
            }
            for each in devices
        ]
    )


def _dbm(rssi_dbm: int | None) -> str:
    return NOTHING if rssi_dbm is None else f"{rssi_dbm} dBm"


def _yes_no(value: bool | None) -> str:  # noqa: FBT001 (a value, not a switch)
    return UNKNOWN if value is None else "yes" if value else "no"


def _reach(device: ConfiguredHeadband) -> str:
    if not device.scanned:
        return UNKNOWN
    if device.in_reach is None:
        return "no"
    return "connected" if device.in_reach.connected else _dbm(device.in_reach.rssi_dbm)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    if not rows:
        return []
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def _array(documents: list[dict[str, object]]) -> str:
    lines = ",\n ".join(json.dumps(each) for each in documents)
    return f"[{lines}]"
