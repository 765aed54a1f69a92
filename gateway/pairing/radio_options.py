"""The configuration of those who may have none yet."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal, NamedTuple

from gateway.ble.bleak_radio import BleakRadio
from gateway.config.file import read_config
from gateway.config.schema import BleConfig, Config, parse
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.build import radio_of
from gateway.errors import ConfigError


class RadioOptions(NamedTuple):
    """Which radio, as said on the command line; None where nothing was said."""

    backend: Literal["bluez", "simulated"] | None = None
    transport: str | None = None
    adapter: str | None = None

    @property
    def said(self) -> dict[str, str]:
        """The keys of section ``ble`` that were said; a transport is a simulation."""
        said = {key: value for key, value in self._asdict().items() if value}
        return {"backend": "simulated", **said} if self.transport else said


def config_or_first(file: Path, options: RadioOptions) -> Config:
    """Read `file`, or take the defaults where there is none; `options` win.

    Raises
    ------
    ConfigError
        If the file, or what comes of the options, is wrong.
    """
    config = read_config(file, LeftSecretLoader) if file.exists() else Config()
    if not options.said:
        return config
    keep = asdict(config.ble)
    if options.said.get("backend", config.ble.backend) != config.ble.backend:
        keep = {}  # another radio altogether
    ble = parse({**keep, **options.said}, BleConfig, "ble.")
    return replace(config, ble=ble)


def config_to_pair_in(file: Path, options: RadioOptions) -> Config:
    """Like `config_or_first`, for a file that is going to be written.

    Raises
    ------
    ConfigError
        Also if the options and an existing file name different radios: the daemon
        would look for the headband with another one than it was paired with.
    """
    config = config_or_first(file, options)
    if file.exists():
        written = config_or_first(file, RadioOptions()).ble
        if written != config.ble:
            other = f"{file} uses another radio ({_words(written)}) than the options"
            raise ConfigError([f"{other}: leave them out, or change its section ble"])
    elif config.ble.backend == "simulated":  # bluetoothd keeps those of a real one
        bonds = str(file.resolve().with_suffix(".bonds"))
        return replace(config, ble=replace(config.ble, bonds=bonds))
    return config


def radio_for(config: Config) -> BleakRadio:
    """Choose the radio; it is not touched yet, and no headband is reserved."""
    return radio_of(replace(config, devices=()))


def _words(ble: BleConfig) -> str:
    return ", ".join(f"{key} {value}" for key, value in asdict(ble).items() if value)
