"""What a daemon needs: memory, instructions a second, lines a night. Real processes.

Instructions are counted by callgrind in the running daemon, so that neither the speed
nor the load of this machine matters. What they are of a Raspberry Pi's core is
arithmetic with `CORES`. The link is simulated, and with it a Bluetooth host in Python
that a Raspberry Pi does not run: memory and instructions of a real one are less.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from rows import Row

from gateway.errors import GatewayError
from gateway.formats.control_messages import Order
from gateway.runtime.control_client import ask

CEILING_MB = 80.0
CEILING_LINES = 200.0
CEILING_PCT = 3.0
PATIENCE_S = 300.0


class Core(NamedTuple):
    """A core, and how many instructions it does a second in code like this.

    The clock is from the data sheet. The instructions per cycle are an assumption for
    interpreter loops, on the low side; nothing here was run on these cores.
    """

    name: str
    clock_hz: float
    per_cycle: float


CORES = (
    Core("Pi Zero 2 W (A53, 1.0 GHz, 0.6 a cycle)", 1.0e9, 0.6),
    Core("Pi 4 (A72, 1.5 GHz, 1.1 a cycle)", 1.5e9, 1.1),
)


def rows(seconds: float, hours: float) -> Iterator[Row]:
    """Measure: memory, then instructions over `seconds`, then lines of `hours`."""
    with _house() as house:
        yield Row(
            "daemon without a link (BlueZ), RSS",
            house.resting_mb(),
            "MB",
            CEILING_MB,
            "ceiling",
        )
        lines = house.lines_of(hours)
        share = CEILING_LINES * hours / 8
        yield Row(f"lines of a good {hours:g} h", lines, "lines", share, "ceiling")
        per_s = house.instructions_per_s(seconds)
    if per_s is None:
        return  # no valgrind on this machine
    yield Row("daemon at 1x, simulated radio and its host", per_s / 1e6, "Minstr/s")
    for core in CORES:
        share = 100 * per_s / (core.clock_hz * core.per_cycle)
        yield Row(f"  of one core of a {core.name}", share, "%", CEILING_PCT, "ceiling")


class House:
    """An air, and configurations for it in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def resting_mb(self) -> float:
        """Return what a daemon over BlueZ takes before it finds a headband."""
        with self._daemon("ble: {}") as process:
            time.sleep(15)
            return _status_kb(process.pid, "VmRSS") * 1024 / 1e6

    def lines_of(self, hours: float) -> float:
        """Count the lines of a night played at 480 times its speed."""
        log = self._folder / "log"
        with self._daemon(self._simulated, log=log), self._sim(hours, 480) as sim:
            sim.wait(PATIENCE_S + hours * 3600 / 480)
            time.sleep(15)
        return float(len(log.read_text().splitlines()))

    def instructions_per_s(self, seconds: float) -> float | None:
        """Count what the daemon executes at real time; None without valgrind."""
        if shutil.which("valgrind") is None:
            return None
        out = self._folder / "callgrind"
        tool = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
        with self._daemon(self._simulated, tool) as process, self._sim(1.0, 1):
            self._until_epochs(1)
            _control(process.pid, "--zero")
            start = time.monotonic()
            time.sleep(seconds)
            _control(process.pid, "--dump")
            elapsed_s = time.monotonic() - start
        dumped = out.with_name("callgrind.1").read_text()
        found = re.search(r"^(?:summary|totals): (\d+)", dumped, re.MULTILINE)
        if found is None:
            raise RuntimeError("callgrind wrote no summary")
        return int(found.group(1)) / elapsed_s

    @property
    def _own(self) -> dict[str, str]:
        """Keep socket, journal and night out of the user's."""
        return dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_STATE_HOME"), str(self._folder))

    @property
    def _simulated(self) -> str:
        return f'ble: {{backend: simulated, transport: "unix:{self._folder}/hci1"}}'

    @contextmanager
    def _daemon(
        self, ble: str, tool: tuple[str, ...] = (), log: Path | None = None
    ) -> Iterator["subprocess.Popen[bytes]"]:
        config = self._folder / "c.yaml"
        config.write_text(f"devices: [{{name: bench, driver: muse_athena}}]\n{ble}\n")
        python = sys.executable
        with (log or Path(os.devnull)).open("w") as words:
            daemon = subprocess.Popen(
                [*tool, python, "-m", "gateway", "run", "--config", str(config)],
                env={**os.environ, **self._own},
                stdout=subprocess.DEVNULL,
                stderr=words,
            )
            try:
                yield daemon
            finally:
                daemon.send_signal(signal.SIGTERM)
                daemon.wait(PATIENCE_S)

    @contextmanager
    def _sim(self, hours: float, speed: float) -> Iterator["subprocess.Popen[bytes]"]:
        words = ("sim", "--synthetic", "--hours", str(hours), "--speed", str(speed))
        where = ("--driver", "muse_athena", "--transport", f"unix:{self._folder}/hci0")
        sim = subprocess.Popen(
            [sys.executable, "-m", "gateway", *words, *where],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield sim
        finally:
            sim.kill()
            sim.wait(PATIENCE_S)

    def _until_epochs(self, least: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                socket = self._folder / "sleepgate" / "control.sock"
                (device,) = ask(socket, Order("status"))["devices"]
            except GatewayError:  # not yet, or too slow under callgrind
                device = {"epoch": None}
            if device["epoch"] and device["epoch"]["index"] + 1 >= least:
                return
            time.sleep(1)
        raise RuntimeError(f"no epoch in {PATIENCE_S:.0f} s")


@contextmanager
def _house() -> Iterator[House]:
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        air = subprocess.Popen(
            [
                *(sys.executable, "-m", "sim"),
                *(f"unix-server:{name}/hci{n}" for n in range(2)),
            ],
            stderr=subprocess.DEVNULL,
        )
        stack.callback(air.wait)
        stack.callback(air.terminate)
        while not (Path(name) / "hci1").exists():
            time.sleep(0.1)
        yield House(Path(name))


def _control(pid: int, what: str) -> None:
    program = shutil.which("callgrind_control")
    if program is None:
        raise RuntimeError("valgrind without callgrind_control")
    subprocess.run(
        [program, what, str(pid)],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _status_kb(pid: int, key: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1])
    raise RuntimeError(f"no {key}")
