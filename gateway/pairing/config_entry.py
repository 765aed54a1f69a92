"""Entry of a paired headband in the configuration, and its name there."""

import re
from dataclasses import asdict
from pathlib import Path

from gateway.config.edit_devices import with_device, with_values
from gateway.config.schema import BRIDGE, SLUG, Config, DeviceConfig
from gateway.config.yaml_text import scalar
from gateway.errors import ConfigError
from gateway.pairing.discovery import device_at
from gateway.pairing.pairing import Paired

DEFAULT_NAME = "bedroom"
LONGEST = 32
AUTO = "auto"


def name_for(config: Config, wanted: str | None) -> str:
    """Return the name of a new headband, fit for a topic.

    Parameters
    ----------
    config : Config
    wanted : str or None
        In any writing; None for one that is free.

    Raises
    ------
    ConfigError
        If nothing of `wanted` can be part of a topic.
    """
    taken = {device.name for device in config.devices}
    if wanted is None:
        names = (f"{DEFAULT_NAME}-{n}" for n in range(2, len(taken) + 3))
        return next(n for n in (DEFAULT_NAME, *names) if n not in taken)
    slug = re.sub(r"[^a-z0-9_]+", "-", wanted.lower()).lstrip("-_")[:LONGEST].strip("-")
    if not SLUG.fullmatch(slug) or slug == BRIDGE:
        raise ConfigError(
            [f"--name {wanted!r} becomes a topic: use a-z 0-9 _ -, not bridge"]
        )
    return slug


def check_place(
    config: Config, name: str | None, address: str | None, *, replace: bool
) -> DeviceConfig | None:
    """Return the configured headband whose place the new one takes, if any.

    One of that name whose address is ``auto`` has no headband of its own yet: its
    place is taken without `replace`.

    Raises
    ------
    ConfigError
        If the name or the address is taken and `replace` was not said, or two
        different headbands have them.
    """
    by_name = next((d for d in config.devices if d.name == name), None)
    by_address = device_at(config, address) if address else None
    if by_name and by_address and by_name is not by_address:
        where = f"{address} is configured as {by_address.name!r}"
        problem = f"{where}, and {name!r} is another headband: unpair one of them"
        raise ConfigError([problem])
    there = by_address or by_name
    if there is None or replace or there.address == AUTO:
        return there
    what = f"{there.name!r} is configured already (address {there.address})"
    raise ConfigError([f"{what}: choose another --name, or renew it with --replace"])


def still_looking(config: Config, place: DeviceConfig | None) -> list[str]:
    """Say which configured headbands go on looking for any of their kind."""
    return [
        f"{d.name} still takes any {d.driver} headband (address: auto): pair it, or "
        f"let it go with sleepgate unpair {d.name}"
        for d in config.devices
        if d.address == AUTO and d is not place
    ]


def configured_text(
    text: str, place: DeviceConfig | None, name: str, paired: Paired
) -> str:
    """Return the configuration's `text` with the paired headband in it.

    Raises
    ------
    ConfigError
        If it cannot be edited safely.
    """
    values: dict[str, object] = {
        "name": name,
        "driver": paired.driver,
        "address": paired.address,
    }
    if paired.lsb_uv is not None:
        values["lsb_uv"] = paired.lsb_uv
    if place is None:
        return with_device(text, values)
    return with_values(text, place.name, values)


def first_text(config: Config, file: Path) -> str:
    """Return the text of a configuration that does not exist yet."""
    ble = config.ble
    lines = [
        f"# {file.name}, begun by `sleepgate pair`. The project's own",
        "# config/sleepgate.yaml explains every key there is.",
        "",
        "devices: []",
        "",
        "ble:",
        f"  backend: {ble.backend}",
    ]
    said = asdict(ble) | {"backend": None}
    for key, value in said.items():
        if value is not None:
            lines.append(f"  {key}: {scalar(value)}")
    outputs = (
        "outputs:",
        "  mqtt: {}   # localhost",
        "  edf: {}   # on disk",
    )
    return "\n".join([*lines, "", *outputs, ""])
