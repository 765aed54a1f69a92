"""``sleepgate pair``: make a headband this gateway's own."""

import asyncio
import sys
from pathlib import Path
from typing import Literal

import click

from gateway.atomic_write import check_writable, write_text
from gateway.ble.radio import AskPasskey
from gateway.cli.options import CONFIG, examples, radio
from gateway.config.file import read_text
from gateway.config.schema import Config
from gateway.daemon.logging_setup import start_talk
from gateway.own_command import own_command
from gateway.pairing.advice import next_step_said
from gateway.pairing.config_entry import (
    check_place,
    configured_text,
    first_text,
    name_for,
    still_looking,
)
from gateway.pairing.pairing import Paired, Pairing, PairingDialog
from gateway.pairing.radio_options import RadioOptions, config_to_pair_in, radio_for
from gateway.paths import SERVICE
from gateway.reports.fit_text import fit_lines
from gateway.reports.status_text import RESTART

MOST_DIGITS = 999_999


@examples(
    "sleepgate pair --auto --name bedroom",
    "sleepgate pair 00:55:DA:B9:FA:20 --replace",
)
@click.command()
@click.argument("address", required=False)
@click.option(
    "--auto",
    is_flag=True,
    help="Take the only headband in reach that is not configured yet.",
)
@CONFIG
@radio
@click.option("--name", help="Name of the headband; becomes part of its MQTT topics.")
@click.option(
    "--passkey",
    type=click.IntRange(0, MOST_DIGITS),
    help="Six digits that the headband shows; default: ask when it wants them.",
)
@click.option(
    "--lsb-uv",
    type=float,
    help="Microvolts per count, for a kind that does not report it (NPG Lite).",
)
@click.option(
    "--replace",
    is_flag=True,
    help="Replace the configured headband of this name or address.",
)
def command(  # noqa: PLR0913 (one per option)
    *,
    address: str | None,
    auto: bool,
    file: Path,
    backend: Literal["bluez", "simulated"] | None,
    transport: str | None,
    adapter: str | None,
    name: str | None,
    passkey: int | None,
    lsb_uv: float | None,
    replace: bool,
) -> None:
    """Connect to a headband, test it, and add it to the configuration.

    ADDRESS is what `sleepgate find` lists. The kind of headband is recognised by its
    Bluetooth services; a bond is made if the headband asks for one.
    """
    start_talk()
    if auto == (address is not None):
        raise click.UsageError("give either an ADDRESS (see sleepgate find) or --auto")
    config = config_to_pair_in(file, RadioOptions(backend, transport, adapter))
    check_writable(file)
    wanted = name and name_for(config, name)
    check_place(config, wanted, address, replace=replace)
    with next_step_said(config.ble):
        person = PairingDialog(_tell, _asker(passkey))
        paired = asyncio.run(_pair(config, address, person, lsb_uv))
    place = check_place(config, wanted, paired.address, replace=replace)
    called = wanted or (place.name if place else name_for(config, None))
    text = read_text(file) if file.exists() else first_text(config, file)
    write_text(file, configured_text(text, place, called, paired))
    _report(paired)
    click.echo(f"{called}: {paired.driver} at {paired.address} is in {file}")
    for words in still_looking(config, place):
        _tell(words)
    fit = own_command(f"fit {called}", file, root=file == SERVICE)
    runs = RESTART if file == SERVICE else own_command("run", file)
    _tell(f"next: {fit} before bed, {runs} for the night")


async def _pair(
    config: Config, address: str | None, person: PairingDialog, lsb_uv: float | None
) -> Paired:
    chosen = radio_for(config)
    try:
        pairing = Pairing(chosen, config, person, lsb_uv)
        return await pairing.try_and_bond(await pairing.choose(address))
    finally:
        await chosen.close()


def _asker(passkey: int | None) -> AskPasskey | None:
    async def known(_address: str) -> int | None:
        return passkey

    async def asked(address: str) -> int | None:
        digits = click.IntRange(0, MOST_DIGITS)
        question = f"The six digits that {address} shows"
        answer: int = await asyncio.to_thread(
            click.prompt, question, type=digits, err=True
        )
        return answer

    if passkey is not None:
        return known
    return asked if sys.stdin.isatty() else None


def _tell(words: str) -> None:
    click.echo(words, err=True)


def _report(paired: Paired) -> None:
    for line in fit_lines(paired.fit, paired.battery_percent):
        click.echo(line.text)
    if paired.bad_packets:
        click.echo(f"{paired.bad_packets} packets were broken")
    if paired.firmware:
        click.echo(f"firmware {paired.firmware}")
