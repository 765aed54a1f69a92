"""A Debian that boots: systemd-nspawn on a tree that is thrown away afterwards."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

BOOT_S = 60.0
RUN_S = 600.0
# with it IPAddressDeny= of a unit inside is enforced: systemd loads its filters
CAPABLE = ("--capability=all", "--system-call-filter=bpf")


class ContainerError(Exception):
    """The container did not do what it should; says what."""


class Container:
    """A booted Debian; a context manager.

    Parameters
    ----------
    base : Path
        A tree made by debootstrap; it is not written to.

    Attributes
    ----------
    root : Path
        Where its files are seen from outside.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._work = Path(tempfile.mkdtemp(prefix="sleepgate-nspawn-"))
        self.root = self._work / "root"
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = ""

    def __enter__(self) -> Self:
        """Boot it."""
        for name in ("upper", "overlay", "root"):
            (self._work / name).mkdir()
        layers = f"lowerdir={self._base},upperdir={self._work}/upper"
        layers += f",workdir={self._work}/overlay"
        _host("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        # as an installer would, unlike debootstrap
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Halt it, and leave nothing."""
        try:
            self.attempt("systemctl poweroff --no-block", timeout_s=30)
        finally:
            self._end()

    def run(self, command: str, timeout_s: float = RUN_S) -> str:
        """Run a shell command as root in it; return what it printed.

        Raises
        ------
        ContainerError
            If it fails.
        """
        rc, out = self.attempt(command, timeout_s)
        if rc:
            raise ContainerError(f"{command}: exit status {rc}: {out[-1500:]}")
        return out

    def attempt(self, command: str, timeout_s: float = RUN_S) -> tuple[int, str]:
        """Run a shell command as root in it; return its exit status and its output."""
        enter = ["nsenter", "-t", self._leader, "-a"]
        try:
            done = subprocess.run(  # noqa: PLW1510 (the status is returned)
                [*enter, "env", "-i", *_ENVIRONMENT, "bash", "-c", command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=timeout_s,
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"")[-1500:]
            why = f"{command}: not done in {timeout_s} s: {said!r}"
            raise ContainerError(why) from late
        return done.returncode, done.stdout.strip()

    def show(self, *properties: str) -> dict[str, str]:
        """Return properties of the service, as systemctl shows them."""
        lines = self.run(f"systemctl show sleepgate -p {','.join(properties)}")
        return dict(line.partition("=")[::2] for line in lines.splitlines())

    def until(self, done: Callable[[], bool], timeout_s: float, what: str) -> float:
        """Wait until `done`; return the seconds it took."""
        began = time.monotonic()
        while not done():
            if time.monotonic() - began > timeout_s:
                raise ContainerError(f"in vain for {timeout_s:.0f} s: {what}")
            time.sleep(0.1)
        return time.monotonic() - began

    def _boot(self) -> None:
        command = ["systemd-nspawn", "--boot", "-D", str(self.root), "--register=no"]
        command += ["--keep-unit", "--console=read-only", "--machine=sleepgate-test"]
        command += ["--resolv-conf=copy-host", *CAPABLE]
        with (self._work / "console.log").open("wb") as console:
            self._process = subprocess.Popen(
                command,
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        self.until(self._is_up, BOOT_S, "the container to boot")

    def _is_up(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            said = (self._work / "console.log").read_text(errors="replace")[-1500:]
            raise ContainerError(f"no boot: {said}")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        if not (pids := children.read_text().split()):
            return False
        self._leader = pids[0]
        state = self.attempt("systemctl is-system-running", timeout_s=20)[1]
        return state.splitlines()[-1:] in (["running"], ["degraded"])

    def _end(self) -> None:
        if self._process is not None:
            for end in (self._process.terminate, self._process.kill):
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(20)
                    break
                end()
            self._process.wait(20)
        _host("umount", "--lazy", str(self.root))
        shutil.rmtree(self._work)


_ENVIRONMENT = (
    *("HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"),
    *("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PAGER=cat"),
)


def _host(*command: str) -> None:
    subprocess.run(command, check=True)
