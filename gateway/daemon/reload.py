"""Read the configuration again while the daemon runs, and apply what can be."""

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from gateway.config.schema import Config
from gateway.daemon.active_sink import ActiveSink
from gateway.daemon.build import outlets_of
from gateway.daemon.systemd_notify import notify
from gateway.daemon.validate_config import check_config
from gateway.errors import ConfigError
from gateway.messages.control import Control

log = logging.getLogger(__name__)

AT_ONCE = ("log", "outputs")


class Reloader:
    """Applies section `log` and hands over `outputs`; the rest waits for a restart.

    Parameters
    ----------
    file : Path
    config : Config
        The daemon began with.
    control : Control
        Learns what waits, and what is wrong with the file.
    """

    def __init__(self, file: Path, config: Config, control: Control) -> None:
        self._file = file
        self._began_with = config
        self._control = control

    async def __call__(self) -> Sequence[ActiveSink] | None:
        """Return the outputs; None, and nothing is applied, if anything is wrong."""
        notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
        try:
            config = await asyncio.to_thread(check_config, self._file)
        except ConfigError as error:
            self._control.config_problems = tuple(error.problems)
            log.error("the configuration is wrong, so nothing changes: %s", error)  # noqa: TRY400 (the words say it all)
            return None
        finally:
            notify("READY=1")
        self._control.config_problems = ()
        self._apply(config)
        return outlets_of(config)

    def _apply(self, config: Config) -> None:
        logging.getLogger().setLevel(config.log.level.upper())
        waiting = tuple(
            spec.name
            for spec in fields(Config)
            if spec.name not in AT_ONCE
            and getattr(config, spec.name) != getattr(self._began_with, spec.name)
        )
        self._control.restart_required = waiting
        if waiting:
            log.warning(
                "changed, but not in use before a restart (sudo systemctl restart "
                "sleepgate): %s",
                ", ".join(waiting),
            )
