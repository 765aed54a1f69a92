"""``sleepgate run``: the daemon."""

import asyncio
import signal
from pathlib import Path

import click

from gateway.cli_options import CONFIG
from gateway.config import Config
from gateway.runtime.daemon import check, run_daemon
from gateway.runtime.logs import start_logging


@click.command()
@CONFIG
def command(file: Path) -> None:
    """Run the daemon until it is told to stop (SIGTERM or Ctrl-C)."""
    config = check(file)
    start_logging(config.log.level)
    asyncio.run(_until_told(config))


async def _until_told(config: Config) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_daemon(config, stop)
