"""``sleepgate devices``: the headbands of the configuration."""

import asyncio
from pathlib import Path

import click

from gateway.cli.options import CONFIG, JSON, examples
from gateway.config.file import read_config
from gateway.config.schema import Config
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.logging_setup import start_talk
from gateway.errors import LinkError
from gateway.own_command import pair_command
from gateway.pairing.advice import next_step_said
from gateway.pairing.discovery import in_reach
from gateway.pairing.radio_options import radio_for
from gateway.reports.headband_list import (
    ConfiguredHeadband,
    FoundHeadband,
    configured_json,
    configured_lines,
)


@examples("sleepgate devices", "sleepgate devices --scan --json")
@click.command()
@CONFIG
@click.option(
    "--scan", is_flag=True, help="Search for them for 10 s and show which are in reach."
)
@JSON
def command(*, file: Path, scan: bool, as_json: bool) -> None:
    """List the configured headbands; with --scan, those in reach.

    Each with its address and whether this machine has a Bluetooth bond with it.
    """
    start_talk()
    config = read_config(file, LeftSecretLoader)
    with next_step_said(config.ble):
        listed = asyncio.run(_list(config, scan=scan))
    if as_json:
        click.echo(configured_json(listed))
        return
    for line in configured_lines(listed):
        click.echo(line)
    if not listed:
        click.echo(f"no headband yet\nnext: {pair_command(file)}", err=True)


async def _list(config: Config, *, scan: bool) -> list[ConfiguredHeadband]:
    chosen = radio_for(config)
    try:
        there = [row for _, row in await in_reach(chosen, config)] if scan else []
        try:
            bonds = await chosen.bonds()
        except LinkError as error:
            if scan:
                raise
            click.echo(f"the adapter cannot list its bonds: {error}", err=True)
            bonds = None
    finally:
        await chosen.close()
    bonded = bonds and {address.upper() for address in bonds}
    return [
        ConfiguredHeadband(
            name=device.name,
            driver=device.driver,
            address=device.address,
            bonded=None if bonded is None else device.address.upper() in bonded,
            in_reach=_row(device.name, there),
            scanned=scan,
        )
        for device in config.devices
    ]


def _row(name: str, there: list[FoundHeadband]) -> FoundHeadband | None:
    return next((row for row in there if row.configured_as == name), None)
