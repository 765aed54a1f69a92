"""Check of a whole configuration: file, headbands and outputs, nothing started.

Neither the drivers nor the outputs are imported where what they need is known without.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway import drivers, sinks
from gateway.config.file import read_document
from gateway.config.schema import Config, parse
from gateway.config.secret_tags import LeftSecretLoader, SecretLoader
from gateway.errors import ConfigError


def check_config(
    path: Path,
    loader: type[SecretLoader | LeftSecretLoader] = SecretLoader,
) -> Config:
    """Read the configuration file, the sections of its outputs included.

    Parameters
    ----------
    path : Path
    loader : type
        Reads its secrets, or leaves them.

    Raises
    ------
    ConfigError
        Listing every problem with its line.
    """
    document = read_document(path, loader)
    problems: list[str] = []
    try:
        config = document.config()
    except ConfigError as error:
        problems += error.problems
        config = None
    problems += map(document.located, _wrong_outputs(document.tree))
    if config is not None:
        problems += map(document.located, _wrong_devices(config))
    if config is None or problems:
        raise ConfigError(problems)
    return config


def config_warnings(path: Path) -> list[str]:
    """Return what a good configuration says and perhaps does not mean, with the lines.

    Raises
    ------
    ConfigError
        If the file is not good.
    """
    document = read_document(path, SecretLoader)
    return [
        document.located(f"outputs.{name}.{words}")
        for name, options in output_options(document.config()).items()
        if (warnings := getattr(options, "warnings", None)) is not None
        for words in warnings()
    ]


def _wrong_outputs(tree: object) -> Iterator[str]:
    """Look at the outputs' sections, also of a file that is wrong elsewhere."""
    outputs = tree.get("outputs") if isinstance(tree, Mapping) else None
    if isinstance(outputs, Mapping):
        try:
            output_options(Config(outputs=outputs))
        except ConfigError as error:
            yield from error.problems


def _wrong_devices(config: Config) -> Iterator[str]:
    for at, device in enumerate(config.devices):
        try:
            drivers.check(device.driver, device.lsb_uv)
        except ConfigError as error:
            yield from (f"devices[{at}].{problem}" for problem in error.problems)


def output_options(config: Config) -> dict[str, Any]:
    """Return the options of every output that the configuration names, by its name.

    Raises
    ------
    ConfigError
        Listing all that is wrong in their sections.
    """
    options: dict[str, Any] = {}
    problems: list[str] = []
    for name, tree in config.outputs.items():
        try:
            into = sinks.options_of(name)
            section = {} if tree is None else tree
            options[name] = parse(section, into, f"outputs.{name}.")
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return options
