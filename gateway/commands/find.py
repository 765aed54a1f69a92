"""``sleepgate find``: the headbands in reach."""

import asyncio
from pathlib import Path
from typing import Literal

import click

from gateway.cli.options import CONFIG, JSON, examples, radio
from gateway.config.schema import Config
from gateway.daemon.logging_setup import start_talk
from gateway.pairing.advice import next_step_said
from gateway.pairing.discovery import SCAN_S, in_reach, nothing_in_reach
from gateway.pairing.radio_options import RadioOptions, config_or_first, radio_for
from gateway.reports.headband_list import FoundHeadband, in_reach_json, in_reach_lines


@examples("sleepgate find", "sleepgate find --seconds 20 --json")
@click.command()
@CONFIG
@radio
@click.option(
    "--seconds",
    type=click.FloatRange(1, 300),
    default=SCAN_S,
    show_default=True,
    help="Duration of the search.",
)
@JSON
def command(  # noqa: PLR0913 (one per option)
    *,
    file: Path,
    backend: Literal["bluez", "simulated"] | None,
    transport: str | None,
    adapter: str | None,
    seconds: float,
    as_json: bool,
) -> None:
    """Search for headbands in reach: address, name, signal, kind.

    Some kinds look alike until one is connected; then all that fit are named.
    """
    start_talk()
    config = config_or_first(file, RadioOptions(backend, transport, adapter))
    with next_step_said(config.ble):
        found = asyncio.run(_look(config, seconds))
        if as_json:
            click.echo(in_reach_json(found))
        elif found:
            click.echo("\n".join(in_reach_lines(found)))
        if not found:
            raise nothing_in_reach()


async def _look(config: Config, seconds: float) -> list[FoundHeadband]:
    chosen = radio_for(config)
    try:
        return [row for _, row in await in_reach(chosen, config, seconds)]
    finally:
        await chosen.close()
