"""``sleepgate unpair``: let a headband go."""

import asyncio
from pathlib import Path

import click

from gateway.atomic_write import check_writable, write_text
from gateway.cli.options import CONFIG, examples
from gateway.config.edit_devices import without_device
from gateway.config.file import read_config, read_text
from gateway.config.schema import Config, DeviceConfig
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.logging_setup import start_talk
from gateway.errors import LinkError
from gateway.pairing.advice import NEXT
from gateway.pairing.discovery import device_called
from gateway.pairing.radio_options import radio_for


@examples("sleepgate unpair bedroom", "sleepgate unpair bedroom --keep-bond")
@click.command()
@click.argument("name")
@CONFIG
@click.option(
    "--keep-bond",
    is_flag=True,
    help="Do not remove the bond, e.g. if the adapter is gone.",
)
def command(*, name: str, file: Path, keep_bond: bool) -> None:
    """Remove a headband from the configuration, and its bond.

    NAME keeps its own side of the bond: it may have to be reset to forget it.
    """
    start_talk()
    config = read_config(file, LeftSecretLoader)
    device = device_called(config, name)
    check_writable(file)
    text = without_device(read_text(file), name)
    if not keep_bond and device.address != "auto":
        try:
            asyncio.run(_forget(config, device))
        except LinkError as error:
            step = "mend that, or give --keep-bond: the bond is left as it is"
            raise type(error)(f"{name} stays: {error}{NEXT}{step}") from error
    write_text(file, text)
    click.echo(f"{name}: {device.driver} at {device.address} is no longer in {file}")


async def _forget(config: Config, device: DeviceConfig) -> None:
    chosen = radio_for(config)
    try:
        await chosen.unpair(device.address.upper())
    finally:
        await chosen.close()
