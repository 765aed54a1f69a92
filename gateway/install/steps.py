"""Changes to a machine, as values that are printed, done, and not done twice."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import GatewayError


@dataclass(frozen=True, slots=True)
class WriteFile:
    """A file with this text; one that is there is replaced unless `only_new`."""

    path: Path
    text: str
    mode: int
    gid: int = 0
    only_new: bool = False

    def __str__(self) -> str:
        """Say what it does."""
        return f"write {self.path}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done."""
        if not self.path.exists():
            return False
        return self.only_new or self.path.read_text(encoding="utf-8") == self.text

    def do(self) -> None:
        """Do it."""
        self.path.touch(mode=0o600)
        os.chown(self.path, 0, self.gid)
        self.path.chmod(self.mode)
        self.path.write_text(self.text, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class MakeFolder:
    """A folder of this mode and group."""

    path: Path
    mode: int
    gid: int

    def __str__(self) -> str:
        """Say what it does."""
        return f"make {self.path}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done."""
        if not self.path.exists():
            return False
        status = self.path.stat()
        return (status.st_mode & 0o7777, status.st_gid) == (self.mode, self.gid)

    def do(self) -> None:
        """Do it."""
        self.path.mkdir(mode=self.mode, exist_ok=True)
        os.chown(self.path, 0, self.gid)
        self.path.chmod(self.mode)


@dataclass(frozen=True, slots=True)
class RemovePath:
    """No such file or folder any more, nor anything in it."""

    path: Path

    def __str__(self) -> str:
        """Say what it does."""
        return f"remove {self.path}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done."""
        return not os.path.lexists(self.path)

    def do(self) -> None:
        """Do it."""
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        else:
            self.path.unlink()


@dataclass(frozen=True, slots=True)
class RunProgram:
    """A program run to its end; nothing to do if `unless` says so."""

    command: tuple[str, ...]
    stdin_text: str = ""
    unless: bool = False

    def __str__(self) -> str:
        """Say what it does."""
        return f"run {' '.join(self.command)}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is to be done."""
        return self.unless

    def do(self) -> None:
        """Do it."""
        try:
            done = subprocess.run(  # noqa: S603 (our own words, no shell)
                self.command,
                input=self.stdin_text,
                capture_output=True,
                text=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise GatewayError(f"{self.command[0]} is not installed") from error
        if done.returncode:
            raise GatewayError(f"{' '.join(self.command)}: {done.stderr.strip()}")


Step = WriteFile | MakeFolder | RemovePath | RunProgram


def carry_out(steps: Iterable[Step], *, really: bool) -> Iterable[str]:
    """Do what is not done yet, one after the other; yield what that is.

    Each step is looked at when its turn comes: one may make what the next needs.

    Raises
    ------
    GatewayError
        If one fails; those before it are done, and it may be begun anew.
    """
    for step in steps:
        if step.is_done:
            continue
        yield str(step)
        if not really:
            continue
        try:
            step.do()
        except OSError as error:
            raise GatewayError(f"{step}: {error.strerror}") from error
