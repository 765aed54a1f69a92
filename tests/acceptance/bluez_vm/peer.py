"""What is outside the guest: the air, and the simulated headband on it."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bumble.hci import LeFeatureMask

from sim.radio.virtual_link import VirtualLink

# the kernel would use them, and bumble's controller does not do them right (bumble 841)
MASKED = LeFeatureMask.LL_PRIVACY | LeFeatureMask.LE_EXTENDED_ADVERTISING
HOURS = 4.0
ADDRESS = "F0:F1:F2:F3:F4:F5"


@asynccontextmanager
async def on_air(guest: Path, band: Path) -> AsyncIterator[VirtualLink]:
    """Serve two controllers that hear each other, behind the sockets named."""
    air = VirtualLink()
    async with air.serve(f"unix-server:{guest}", f"unix-server:{band}"):
        for controller in air.controllers:
            controller.le_features &= ~MASKED
        yield air


class Headband:
    """``sleepgate sim`` as a process of its own, so that it can be killed.

    Parameters
    ----------
    socket : Path
        Of its controller.
    log : Path
        Takes what it says.
    keystore : Path
        Where it keeps its bonds.

    Attributes
    ----------
    security : str
        As ``--security``, when it is switched on next.
    """

    def __init__(self, socket: Path, log: Path, keystore: Path) -> None:
        self.security = "none"
        self._socket, self._log, self._keystore = socket, log, keystore
        self._began: float | None = None
        self._boot_id = 0
        self._process: asyncio.subprocess.Process | None = None

    async def switch_on(self) -> None:
        """Begin where the night is now, with a new boot id."""
        self._boot_id += 1
        if self._began is None:
            self._began = time.monotonic()
        skip_s = time.monotonic() - self._began
        with self._log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "gateway", "sim", "--synthetic", "--seed", "1"),
                *("--hours", str(HOURS), "--transport", f"unix:{self._socket}"),
                *("--boot-id", str(self._boot_id), "--skip-s", f"{skip_s:.2f}"),
                *("--security", self.security, "--keystore", str(self._keystore)),
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
            )

    async def switch_off(self) -> None:
        """Take its battery out."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def forget(self) -> None:
        """Lose every bond, while it is switched off."""
        self._keystore.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let it hang; its controller keeps the connection."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
