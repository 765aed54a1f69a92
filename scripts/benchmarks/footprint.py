"""What a daemon needs: memory, instructions a second, lines a night. Real processes.

Memory and instructions are those of the daemon a Raspberry Pi runs: BlueZ is spoken to
over D-Bus. It is the one of the tests, and the headband is simulated, both in a process
of their own. Instructions are counted by callgrind in the running daemon, so that
neither the speed nor the load of this machine matters; what they are of a Raspberry
Pi's core is arithmetic with `CORES`.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cores import CORES
from rows import Row

from gateway.control_socket.client import ask
from gateway.control_socket.messages import ControlRequest
from gateway.errors import GatewayError

ROOT = Path(__file__).parents[2]
CEILING_MB = 80.0
CEILING_LINES = 200.0
CEILING_PCT = 3.0
PATIENCE_S = 300.0
SPEED = 120  # of the night whose lines are counted


def rows(seconds: float, hours: float) -> Iterator[Row]:
    """Measure: memory, then instructions over `seconds`, then lines of `hours`."""
    with _house() as house:
        resting_mb, streaming_mb = house.memory_mb(seconds)
        yield Row("daemon on BlueZ, no headband, RSS", resting_mb, "MB")
        what = "daemon on BlueZ, streaming, MQTT, EDF, peak RSS"
        yield Row(what, streaming_mb, "MB", CEILING_MB, "ceiling")
        lines = house.lines_of(hours)
        share = CEILING_LINES * hours / 8
        yield Row(f"lines of a good {hours:g} h", lines, "lines", share, "ceiling")
        per_s = house.instructions_per_s(seconds)
    if per_s is None:
        return  # no valgrind on this machine
    yield Row("daemon on BlueZ, streaming at 1x", per_s / 1e6, "Minstr/s")
    for core in CORES:
        share = 100 * per_s / (core.clock_hz * core.per_cycle)
        yield Row(f"  of one core of a {core.name}", share, "%", CEILING_PCT, "ceiling")


class House:
    """An air, a broker, and configurations for them in `folder`."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port

    def memory_mb(self, seconds: float) -> tuple[float, float]:
        """Return the daemon's before it finds a headband, and at most while it streams.

        An epoch is scored first: after it, all that is loaded late is there.
        """
        with self._daemon("{}") as process:
            time.sleep(15)
            resting_mb = _status_kb(process.pid, "VmRSS") * 1024 / 1e6
            with self._bluez():
                self._until_epochs(1)
                time.sleep(seconds)
                return resting_mb, _status_kb(process.pid, "VmHWM") * 1024 / 1e6

    def lines_of(self, hours: float) -> float:
        """Count the lines of a night played at `SPEED`; it must be a whole one.

        Nothing is recorded: a disk does not keep up with so many nights at once.
        """
        log = self._folder / "log"
        daemon = self._daemon(self._simulated, log=log, edf="")
        with daemon, self._sim(hours) as sim:
            sim.wait(PATIENCE_S + hours * 3600 / SPEED)
            time.sleep(15)
        text = log.read_text()
        ended = re.search(r"ended, (\d+) epochs", text)
        if ended is None or int(ended.group(1)) < 0.95 * hours * 120:
            raise RuntimeError(f"no night of {hours:g} h: {ended and ended.group()}")
        return float(len(text.splitlines()))

    def instructions_per_s(self, seconds: float) -> float | None:
        """Count what the daemon executes at real time; None without valgrind."""
        if shutil.which("valgrind") is None:
            return None
        out = self._folder / "callgrind"
        tool = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}")
        with self._bluez(), self._daemon("{}", tool) as process:
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
        """Keep socket, journal, night and bus out of the user's."""
        places = dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_STATE_HOME"), str(self._folder))
        bus = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self._folder}/bus"}
        return {**places, **bus, "MALLOC_ARENA_MAX": "2"}  # as the unit

    @property
    def _simulated(self) -> str:
        return f'{{backend: simulated, transport: "unix:{self._folder}/hci1"}}'

    @contextmanager
    def _daemon(
        self,
        ble: str,
        tool: tuple[str, ...] = (),
        log: Path | None = None,
        edf: str = "edf: {}",
    ) -> Iterator["subprocess.Popen[bytes]"]:
        config = self._folder / "c.yaml"
        config.write_text(
            f"devices: [{{name: bench, driver: muse_athena}}]\nble: {ble}\n"
            f"outputs: {{mqtt: {{host: 127.0.0.1, port: {self._port}}}, {edf}}}\n"
        )
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
        shutil.rmtree(self._folder / "sleepgate")  # the next begins a night of its own

    @contextmanager
    def _bluez(self) -> Iterator[None]:
        """Have a bluetoothd and a headband, at real time."""
        words = ("--driver", "muse_athena", "--bus", str(self._folder))
        peer = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.debian_container.peer", *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            if peer.stdout is None or b"air" not in peer.stdout.readline():
                raise RuntimeError("no bluetoothd")
            yield
        finally:
            peer.terminate()
            peer.wait(PATIENCE_S)

    @contextmanager
    def _sim(self, hours: float) -> Iterator["subprocess.Popen[bytes]"]:
        words = ("sim", "--synthetic", "--hours", str(hours), "--speed", str(SPEED))
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
                desk = self._folder / "sleepgate" / "control.sock"
                (device,) = ask(desk, ControlRequest("status"))["devices"]
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
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        mosquitto = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        broker = subprocess.Popen(
            [mosquitto or "mosquitto", "-p", str(port)], stderr=subprocess.DEVNULL
        )
        stack.callback(broker.wait)
        stack.callback(broker.terminate)
        while not (Path(name) / "hci1").exists():
            time.sleep(0.1)
        yield House(Path(name), port)


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
