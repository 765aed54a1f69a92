"""Target of the checks, and output of the programs that they run."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from gateway.config.schema import Config

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """Configuration and daemon that are checked.

    Attributes
    ----------
    file : Path
        Of the configuration.
    config : Config or None
        None if it cannot be read, or is wrong.
    problems : tuple of str
        What is wrong with it.
    socket : Path
        Where its daemon answers.
    """

    file: Path
    config: Config | None
    problems: tuple[str, ...]
    socket: Path


def output_of(*command: str) -> str | None:
    """Return what a program of this machine prints; None if it cannot be run."""
    program = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin")
    if program is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 (programs named here)
            [program, *command[1:]],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip()
