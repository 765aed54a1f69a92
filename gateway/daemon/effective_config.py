"""The configuration as it is in effect, with no secret in it."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import yaml

from gateway.config.schema import Config
from gateway.config.secret_tags import Secret, SecretTag
from gateway.daemon.validate_config import output_options

REDACTED = "<secret>"


def effective(config: Config) -> dict[str, Any]:
    """Return every key with its value, defaults among them, secrets redacted.

    Of a secret that stands elsewhere, `LeftSecretLoader` shows where.

    Parameters
    ----------
    config : Config
        Its outputs were checked.
    """
    tree: dict[str, Any] = _shown(config)
    for name, options in output_options(config).items():
        tree["outputs"][name] = _shown(options)
    return tree


def effective_yaml(tree: Mapping[str, Any]) -> str:
    """Write it as the file that it could be."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def _shown(value: Any, *, hidden: bool = False) -> Any:  # noqa: ANN401 (any value)
    if isinstance(value, SecretTag):
        return value
    if isinstance(value, Secret) or (hidden and value is not None):
        return REDACTED
    if is_dataclass(value):
        return {
            spec.name: _shown(getattr(value, spec.name), hidden=not spec.repr)
            for spec in fields(value)
        }
    if isinstance(value, Mapping):
        return {key: _shown(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_shown(each) for each in value]
    return value


class _Dumper(yaml.SafeDumper):
    """Writes where a secret stands as the tag it came from."""


def _tagged(dumper: yaml.SafeDumper, value: SecretTag) -> yaml.Node:
    tag, _, argument = value.partition(" ")
    return dumper.represent_scalar(tag, argument)


_Dumper.add_representer(SecretTag, _tagged)
