"""``sleepgate run``: the daemon."""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path

import click

from gateway import sinks
from gateway.cli.options import CONFIG, examples
from gateway.config.schema import Config
from gateway.control_socket.handlers import DaemonAccess
from gateway.control_socket.server import control_outlet
from gateway.control_socket.socket_path import claimed, own_socket
from gateway.daemon.active_sink import ActiveSink, active_sink
from gateway.daemon.build import run_daemon
from gateway.daemon.logging_setup import start_logging
from gateway.daemon.memory_limit import MemoryLimit
from gateway.daemon.reload import Reloader
from gateway.daemon.validate_config import check_config
from gateway.messages.control import Control, Reload
from gateway.own_command import pair_command
from gateway.paths import state_folder

log = logging.getLogger(__name__)


@examples("sleepgate run", "sleepgate run --config my.yaml")
@click.command()
@CONFIG
def command(file: Path) -> None:
    """Run the daemon until it is stopped (SIGTERM or Ctrl-C).

    On SIGHUP (`systemctl reload sleepgate`) the configuration is read again: log and
    outputs are applied at once, the rest at the next restart; `sleepgate status` shows
    what waits. In a terminal the night is shown live (extra [view]).
    """
    config = check_config(file)
    start_logging(config.log.level)
    if not config.devices:
        log.warning(
            "no headband is configured, nothing will be recorded; next: %s, then "
            "start the daemon again",
            pair_command(file),
        )
    with ExitStack() as stack:
        active_sinks = [*_control(stack, config, file), *_live_view(config)]
        asyncio.run(_until_stopped(config, file, active_sinks))


def _control(stack: ExitStack, config: Config, file: Path) -> list[ActiveSink]:
    """Claim the control socket; the night goes on without one, and says so."""
    path = own_socket()
    try:
        listener = stack.enter_context(claimed(path))
    except OSError as error:
        why = error.strerror or error
        log.warning("no `sleepgate status` and no control: %s: %s", path, why)
        return []
    names = tuple(device.name for device in config.devices)
    return [control_outlet(listener, DaemonAccess(file, names, state_folder()))]


def _live_view(config: Config) -> Iterator[ActiveSink]:
    """Yield the live view, for a person who started the daemon in a terminal."""
    wanted = sys.stdout.isatty() and "terminal" not in config.outputs
    if wanted and find_spec("rich") is not None:
        topic = "Ctrl-C ends the session; elsewhere: sleepgate status, sleepgate mark"
        sink = sinks.load("terminal")
        yield active_sink(sink, sink.options(topic=topic))


async def _until_stopped(
    config: Config, file: Path, active_sinks: list[ActiveSink]
) -> None:
    stop, control = asyncio.Event(), Control()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, control.ask, Reload())
    control.reread = Reloader(file, config, control)
    limit = MemoryLimit(stop)
    watching = asyncio.create_task(limit.watch())
    try:
        await run_daemon(config, stop, more_outlets=active_sinks, control=control)
    finally:
        watching.cancel()
    limit.check()
