"""A Debian unpacked in a folder, whose programs run under proot, if need be in QEMU."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.arm64.processors import cpuinfo

QEMU = "qemu-aarch64-static"
# LiteRT looks into /sys for its fast kernels
HOST = ("/dev", "/proc", "/sys")
PATIENCE_S = 300.0  # of a run that takes four seconds here


class ProgramError(Exception):
    """A program ended otherwise than well; says which, how, and its last words."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A root folder with the wheels of the package in it.

    Parameters
    ----------
    root : Path
        Its ``/opt/sleepgate`` has the unpacked wheels.
    nights : Path
        Folder of the recordings, seen under its own name: proot of 2023 leaves what
        faccessat2(2) asks for as it is.
    scratch : Path
        Folder of this run alone.
    processor : str or None
        One of `PROCESSORS`; None for a root of this machine's own architecture.
    """

    root: Path
    nights: Path
    scratch: Path
    processor: str | None = None

    def sleepgate(self, *words: str) -> str:
        """Run a verb; return what it says on stdout.

        Raises
        ------
        ProgramError
            If its exit code is not 0, or it says nothing.
        """
        command = [*self._inside(), "/usr/bin/python3", "-P", "-m", "gateway", *words]
        done = subprocess.run(
            command,
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        # proot returns that of whichever process ended last: look at stdout, too
        if done.returncode or not done.stdout:
            said = done.stderr.strip()[-2000:]
            what = f"sleepgate {' '.join(words)}: exit code {done.returncode}"
            raise ProgramError(f"{what}: {said}")
        return done.stdout

    def _inside(self) -> Sequence[str]:
        """Return the beginning of every command line.

        QEMU is given to proot, which starts it for whatever a program starts, too: it
        need not be registered with the kernel.
        """
        binds = [*HOST, f"{self.scratch}:/tmp", str(self.nights)]
        emulated: list[str] = []
        if self.processor is not None:
            told = self.scratch / "cpuinfo"
            told.write_text(cpuinfo(self.processor))
            binds.append(f"{told}:/proc/cpuinfo")
            emulated = ["-q", f"{_program(QEMU)} -cpu {self.processor}"]
        pairs = (word for bind in binds for word in ("-b", bind))
        return [_program("proot"), *emulated, "-r", str(self.root), *pairs, "-w", "/"]

    def _environment(self) -> dict[str, str]:
        ours = {name: os.environ[name] for name in ("TMPDIR",) if name in os.environ}
        return ours | {
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",  # noqa: S108 (a folder of this run)
            "PYTHONPATH": "/opt/sleepgate",
            "OPENBLAS_NUM_THREADS": "1",
        }


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise ProgramError(f"{name} is not installed")
    return path
