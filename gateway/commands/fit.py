"""``sleepgate fit``: see that the headband sits well, before bed."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing, nullcontext, suppress
from pathlib import Path

import click

from gateway.cli.fit_view import Show, view
from gateway.cli.options import CONFIG, JSON, examples
from gateway.config.file import read_config
from gateway.config.schema import Config, DeviceConfig
from gateway.config.secret_tags import LeftSecretLoader
from gateway.daemon.logging_setup import start_talk
from gateway.pairing.advice import next_step_said
from gateway.pairing.discovery import device_called
from gateway.pairing.fit_session import FitReading, free_headband, try_on
from gateway.pairing.radio_options import radio_for
from gateway.reports.fit_text import advice, fit_json


@examples("sleepgate fit bedroom", "sleepgate fit bedroom --seconds 10 --json")
@click.command()
@click.argument("name")
@CONFIG
@click.option(
    "--seconds",
    type=click.IntRange(1),
    default=None,
    help="End after this many seconds of samples; default: with Ctrl-C.",
)
@click.option(
    "--anyway",
    is_flag=True,
    help="Connect even if another program is connected already.",
)
@JSON
def command(
    *, name: str, file: Path, seconds: int | None, anyway: bool, as_json: bool
) -> None:
    """Show live how well each electrode touches the skin.

    NAME is a headband of the configuration. Ends with Ctrl-C. Nothing is recorded.
    With --json, one line of JSON a second.
    """
    start_talk()
    config = read_config(file, LeftSecretLoader)
    device = device_called(config, name)
    title = f"{device.name}: {device.driver} at {device.address}"
    shown: AbstractContextManager[Show] = (
        nullcontext(_say_json) if as_json else view(title, sys.stdout)
    )
    sittings = _sittings(config, device, anyway=anyway)
    with next_step_said(config.ble), shown as show:
        last = asyncio.run(_until_told(sittings, show, seconds))
    if last is not None and not as_json:
        click.echo("\n".join(advice(last.fit)))


async def _until_told(
    sittings: AsyncGenerator[FitReading, None], show: Show, seconds: int | None
) -> FitReading | None:
    """Show them, until a signal or so many; return the last."""
    last: FitReading | None = None

    async def follow() -> None:
        nonlocal last
        n_shown = 0
        async with aclosing(sittings):
            async for last in sittings:
                show(last)
                n_shown += 1
                if n_shown == seconds:
                    return

    task = asyncio.create_task(follow())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):  # that is how it is told to end
        await task
    return last


async def _sittings(
    config: Config, device: DeviceConfig, *, anyway: bool
) -> AsyncGenerator[FitReading, None]:
    chosen = radio_for(config)
    try:
        seen = await free_headband(chosen, device, anyway=anyway)
        async with aclosing(try_on(chosen, seen, device, config)) as sittings:
            async for sitting in sittings:
                yield sitting
    finally:
        await chosen.close()


def _say_json(sitting: FitReading) -> None:
    click.echo(fit_json(*sitting))
