"""Add, change and remove a headband in the YAML text, and touch nothing else.

The text is cut where PyYAML's marks say, never written anew: comments, order, quoting
and line ends stay the user's. Every result is read again and compared with what was
meant; a file written in a way that defeats the cutting is left alone and said so.
"""

from collections.abc import Callable
from typing import Any

import yaml

from gateway.config.secret_tags import LeftSecretLoader
from gateway.config.yaml_text import ConfigText, UneditableError, Values, flow
from gateway.errors import ConfigError


def with_device(text: str, device: Values) -> str:
    """Return `text` with `device` after the headbands it has.

    Raises
    ------
    ConfigError
        If the text is written in a way that cannot be edited safely.
    """

    def meant(devices: list[Any]) -> list[Any]:
        return [*devices, dict(device)]

    return _edited(text, meant, lambda document: document.appended(device), device)


def with_values(text: str, name: str, values: Values) -> str:
    """Return `text` with these values in the headband called `name`.

    Raises
    ------
    ConfigError
        If there is no such headband, or the text cannot be edited safely.
    """

    def meant(devices: list[Any]) -> list[Any]:
        return [{**d, **values} if d["name"] == name else d for d in devices]

    return _edited(text, meant, lambda document: document.changed(name, values), values)


def without_device(text: str, name: str) -> str:
    """Return `text` without the headband called `name`.

    Raises
    ------
    ConfigError
        If there is no such headband, or the text cannot be edited safely.
    """

    def meant(devices: list[Any]) -> list[Any]:
        return [d for d in devices if d["name"] != name]

    return _edited(text, meant, lambda document: document.removed(name), {"name": name})


def _edited(
    text: str,
    meant: Callable[[list[Any]], list[Any]],
    edit: Callable[[ConfigText], str],
    what: Values,
) -> str:
    try:
        old = _tree(text) or {}
        new = edit(ConfigText(text))
        if _tree(new) == {**old, "devices": meant(old.get("devices") or [])}:
            return new
    except (yaml.YAMLError, UneditableError):
        pass
    problem = "this file is written in a way that cannot be edited safely; under"
    raise ConfigError([f"{problem} `devices`, add or change by hand: {flow(what)}"])


def _tree(text: str) -> Any:  # noqa: ANN401 -- whatever YAML holds
    return LeftSecretLoader(text).get_single_data()
