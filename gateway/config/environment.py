"""Environment variables that stand instead of keys of the configuration.

``SLEEPGATE__OUTPUTS__MQTT__HOST=broker.lan`` is ``outputs.mqtt.host``, and
``SLEEPGATE__DEVICES__0__NAME`` the name of the first headband.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import yaml

from gateway.config.parsing import UNREADABLE, Unquoted
from gateway.config.secret_tags import LeftSecretLoader, SecretLoader
from gateway.errors import ConfigError

PREFIX = "SLEEPGATE__"


def overridden(
    tree: object,
    environ: Mapping[str, str],
    loader: type[SecretLoader | LeftSecretLoader],
) -> tuple[object, dict[str, str]]:
    """Return `tree` with the variables in, and which of them is which dotted path.

    A value is text where the key wants text, else YAML; ``!file``, ``!env`` and
    ``!credential`` are read by `loader`.

    Raises
    ------
    ConfigError
        Listing the variables that name no place.
    """
    variables = {
        name: environ[name] for name in sorted(environ) if name.startswith(PREFIX)
    }
    if not variables:
        return tree, {}
    tree = {} if tree is None else deepcopy(tree)
    places: dict[str, str] = {}
    problems: list[str] = []
    for name, text in variables.items():
        parts = name.removeprefix(PREFIX).lower().split("__")
        try:
            path = _put(tree, parts, _value(text, loader))
        except ConfigError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
        else:
            places[path] = name
    if problems:
        raise ConfigError(problems)
    return tree, places


def _value(text: str, loader: type[SecretLoader | LeftSecretLoader]) -> object:
    if not text.startswith("!"):
        return Unquoted(text)
    try:
        return loader(text).get_single_data()
    except ConfigError as error:  # the line in a variable says nothing
        raise ConfigError([p.partition(": ")[2] for p in error.problems]) from error
    except (*UNREADABLE, yaml.YAMLError) as error:
        raise ConfigError(
            ["after ! comes file, env or credential, as in !file PATH"]
        ) from error


def _put(tree: Any, parts: list[str], value: object) -> str:  # noqa: ANN401 (a tree)
    """Put `value` into `tree`, making what lies between; return its dotted path."""
    path = ""
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        if not part:
            raise ConfigError(["two underscores part the levels; one is missing"])
        key = _key(tree, part, path)
        path += f"[{key}]" if isinstance(key, int) else f".{key}" if path else key
        if after is None:
            tree[key] = value
        else:
            if tree[key] is None:
                tree[key] = [] if after.isdecimal() else {}
            tree = tree[key]
    return path


def _key(tree: Any, part: str, path: str) -> int | str:  # noqa: ANN401 (a tree)
    """Return the key for `part`, which is there afterwards."""
    if isinstance(tree, dict):
        tree.setdefault(part, None)
        return part
    if not isinstance(tree, list):
        raise ConfigError([f"{path or 'the file'}: is no section"])
    if not part.isdecimal() or int(part) > len(tree):
        counted = f"it is a list of {len(tree)}: give 0 to {len(tree)}"
        raise ConfigError([f"{path}: {counted}, not {part!r:.40}"])
    if int(part) == len(tree):
        tree.append(None)
    return int(part)
