"""A mosquitto of our own on a free loopback port, for the demo and the tests."""

import asyncio
import os
import pwd
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.errors import ConfigError, SinkError

LOOPBACK = "127.0.0.1"
START_S = 10.0
POLL_S = 0.02
SEARCHED = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


class LocalBroker:
    """A broker that lives as long as the context, reachable from here alone.

    Parameters
    ----------
    port : int, optional
        A free one is found unless given.
    settings : sequence of str
        Lines of ``mosquitto.conf`` after the listener's; anybody may connect unless
        they say otherwise.

    Attributes
    ----------
    host : str
    port : int
        Stays the same over `stop` and `start`.
    """

    def __init__(
        self,
        port: int | None = None,
        settings: Sequence[str] = ("allow_anonymous true",),
    ) -> None:
        self.host = LOOPBACK
        self.port = port or _free_port()
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it; see `start` for what is raised."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it, if it still runs."""
        await self.stop()

    async def start(self) -> None:
        """Run the broker and wait until it accepts connections.

        Raises
        ------
        ConfigError
            If mosquitto is not installed, or the port is taken.
        SinkError
            If it ends, or does not listen in time; has its last words.
        """
        program = shutil.which("mosquitto", path=SEARCHED)
        if program is None:
            problem = "no mosquitto on this machine: install it (apt install mosquitto)"
            raise ConfigError([f"{problem} or name a broker that runs elsewhere"])
        if not _is_free(self.port):
            raise ConfigError([f"port {self.port} is taken: choose another"])
        with tempfile.TemporaryDirectory(prefix="sleepgate-broker-") as folder:
            config = self._write_config(Path(folder))
            self._process = await asyncio.create_subprocess_exec(
                *ends_with_parent(),
                program,
                "-c",
                config,
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                await self._listening(self._process)
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """End it politely: clients get no will."""
        await self._end(asyncio.subprocess.Process.terminate)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(asyncio.subprocess.Process.kill)

    def _write_config(self, folder: Path) -> Path:
        # without a listener line mosquitto 2.0 lets local clients in unasked
        # (its issue 3198); as root it would become a user who cannot read the folder
        lines = [
            f"listener {self.port} {self.host}",
            f"user {pwd.getpwuid(os.geteuid()).pw_name}",
            "persistence false",
            "log_dest stderr",
            "log_type error",
            *self._settings,
        ]
        config = folder / "mosquitto.conf"
        config.write_text("\n".join(lines) + "\n")
        return config

    async def _listening(self, process: asyncio.subprocess.Process) -> None:
        for _ in range(round(START_S / POLL_S)):
            if process.returncode is not None:
                words = await process.stderr.read() if process.stderr else b""
                last = words.decode(errors="replace").strip()
                raise SinkError(f"mosquitto ended ({process.returncode}): {last}")
            with suppress(OSError):
                _, writer = await asyncio.open_connection(self.host, self.port)
                writer.close()
                await writer.wait_closed()
                return
            await asyncio.sleep(POLL_S)
        raise SinkError(
            f"mosquitto does not listen on port {self.port} after {START_S:.0f} s"
        )

    async def _end(self, how: Callable[[asyncio.subprocess.Process], None]) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            how(process)
        await process.communicate()


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def _is_free(port: int) -> bool:
    try:
        with socket.create_server((LOOPBACK, port)):
            return True
    except OSError:
        return False


def ends_with_parent() -> tuple[str, ...]:
    """Return the words that let the kernel end a child when this process is killed."""
    program = shutil.which("setpriv", path=SEARCHED)
    return () if program is None else (program, "--pdeathsig", "TERM", "--")
