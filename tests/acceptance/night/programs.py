"""The programs of the trial: a radio, a headband, a daemon on a machine that boots."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any, NamedTuple

Process = subprocess.Popen[bytes]
PYTHON = (sys.executable, "-m")
POLL_S = 0.1
PATIENCE_S = 120.0
UPTIME_S = 40  # of a machine when its daemon starts
# what the kernel and systemd say after a boot, seen by the daemon alone
BOOT = """
mount --bind "$1" /proc/sys/kernel/random/boot_id
mkdir -p /run/systemd && mount -t tmpfs none /run/systemd
mkdir /run/systemd/timesync && touch /run/systemd/timesync/synchronized
shift; exec "$@"
"""


class Place(NamedTuple):
    """Where everything of the trial is; a short path, for the sockets."""

    folder: Path

    @property
    def radios(self) -> list[Path]:
        """Two ends of the virtual link."""
        return [self.folder / f"hci{n}" for n in range(2)]

    @property
    def socket(self) -> Path:
        """Of the daemon's control."""
        return self.folder / "sleepgate" / "control.sock"


class Daemon(NamedTuple):
    """A daemon, and the process that watches over its clocks."""

    watch: Process
    pid: int

    def send(self, number: Signals) -> None:
        """Send it a signal, if it is there."""
        if self.watch.poll() is None:
            os.kill(self.pid, number)

    def end(self, number: Signals) -> None:
        """Send it a signal that ends it, and wait until it is gone."""
        self.send(number)
        self.watch.wait()


class Machine:
    """A computer; `boot` begins its monotonic clock and its boot identifier anew."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._n_boots = 0
        self.boot()

    def boot(self) -> None:
        """Start the computer."""
        self._n_boots += 1
        self._boot_id = self._place.folder / f"boot-{self._n_boots}"
        self._boot_id.write_text(f"00000000-0000-0000-0000-{self._n_boots:012d}\n")
        self._back_s = round(time.monotonic()) - UPTIME_S

    @contextmanager
    def daemon(self, state: Path, config: Path) -> Iterator["Daemon"]:
        """Run a daemon that keeps its state there; none is left afterwards."""
        back = [f"--{clock}=-{self._back_s}" for clock in ("monotonic", "boottime")]
        log = self._place.folder / "daemon.log"
        with log.open("ab") as file:
            process = subprocess.Popen(
                (
                    *("unshare", "--mount", "--time", *back, "--fork"),
                    *("--kill-child=SIGKILL", "sh", "-ec", BOOT, "sh", self._boot_id),
                    *(*PYTHON, "gateway", "run", "--config", config),
                ),
                env={
                    **os.environ,
                    "XDG_STATE_HOME": str(state),
                    "XDG_RUNTIME_DIR": str(self._place.folder),
                },
                stdin=subprocess.DEVNULL,
                stderr=file,
            )
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until(lambda: bool(children.read_text().strip()), "daemon")
        daemon = Daemon(process, int(children.read_text()))
        try:
            yield daemon
        finally:
            daemon.end(SIGKILL)

    def ask(self, order: dict[str, Any]) -> dict[str, Any] | None:
        """Have the daemon do something; None if it does not answer."""
        with suppress(OSError, ValueError):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(10)
                client.connect(str(self._place.socket))
                client.sendall(json.dumps(order).encode() + b"\n")
                with client.makefile("rb") as answers:
                    answer = json.loads(answers.readline())
            if answer["ok"]:
                return dict(answer["data"])
        return None

    @property
    def headband(self) -> dict[str, Any]:
        """What the daemon says of the one headband."""
        told = self.ask({"do": "status"})
        return {"epoch": None, "online": False} if told is None else told["devices"][0]

    @property
    def n_epochs(self) -> int:
        """How many epochs the session has, as far as the daemon says."""
        epoch = self.headband["epoch"]
        return 0 if epoch is None else epoch["index"] + 1


@contextmanager
def virtual_link(place: Place) -> Iterator[None]:
    """Let the two radios hear each other."""
    radios = (f"unix-server:{radio}" for radio in place.radios)
    with _running((*PYTHON, "sim", *radios)):
        until(lambda: all(map(Path.exists, place.radios)), "a virtual link")
        yield


@contextmanager
def headband(
    place: Place, night: Sequence[str], speed: float, skip_s: float
) -> Iterator[Process]:
    """Play the night from `skip_s` on, as one that was out of range until now."""
    with _running(
        (
            *(*PYTHON, "gateway", "sim", *night, "--boot-id", "1"),
            *("--transport", f"unix:{place.radios[0]}"),
            *("--speed", str(speed), "--skip-s", str(skip_s)),
        )
    ) as process:
        yield process


@contextmanager
def _running(command: Sequence[str]) -> Iterator[Process]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.send_signal(SIGTERM)
        process.wait()


def until(
    reached: Callable[[], bool], what: str, patience_s: float = PATIENCE_S
) -> None:
    """Wait until something is so; exit if it does not come."""
    end = time.monotonic() + patience_s
    while not reached():
        if time.monotonic() > end:
            sys.exit(f"no {what} within {patience_s:.0f} s")
        time.sleep(POLL_S)
