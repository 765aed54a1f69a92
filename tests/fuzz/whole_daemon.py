"""One case: two lives of a daemon among outsiders who mean harm, and what must hold.

Between the lives one bit of one file may flip, as on a worn memory card.
"""

import asyncio
import json
import logging
import os
import random
import resource
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from gateway import drivers
from gateway.config.schema import Config, DeviceConfig, LogConfig, SessionsConfig
from gateway.control_socket.handlers import DaemonAccess
from gateway.control_socket.server import control_outlet
from gateway.control_socket.socket_path import claimed, own_socket
from gateway.daemon.active_sink import active_sink
from gateway.daemon.build import run_daemon
from gateway.daemon.logging_setup import LogRateLimit, line_formatter
from gateway.messages.control import Control
from gateway.reports.status_text import status_lines
from gateway.sinks import Sink
from gateway.staging.scored_epoch import ScoredEpoch
from tests.fuzz import hostile_inputs as draw
from tests.fuzz.virtual_world import (
    ADDRESS,
    EVIL,
    GOOD,
    REFUSED,
    SUCCESS,
    Air,
    Broker,
    FuzzLoop,
    LogWatch,
    WallClock,
    around,
)

LIVES_S = (68.0, 44.0)
EPOCHS = (2, 1)  # that the good headband scores in a life, at least
MOST_LINES = 250  # of the log, in a life
LONGEST_LINE = 1500  # characters
MOST_MB = 150  # that memory may grow
STOP_S = 30.0
HANGS_S = 90  # for two lives, on a slow machine
BASES = ("sleepgate/", "homeassistant/")


class FindingError(AssertionError):
    """Something that must hold does not."""


@dataclass
class Tally:
    """Inputs tried, and what they cost.

    Attributes
    ----------
    inputs : Counter
        By kind.
    cases : int
    log_lines, longest_line : int
        Most in one life; characters.
    """

    cases: int = 0
    inputs: Counter = field(default_factory=Counter)
    log_lines: int = 0
    longest_line: int = 0

    def __str__(self):
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(self.inputs.items()))
        return (
            f"{self.cases} cases; {kinds}; at most {self.log_lines} log lines a life, "
            f"the longest of {self.longest_line} characters; RSS {now_mb():.0f} MB, "
            f"at most {peak_mb():.0f} MB"
        )


def peak_mb():
    """Return the most memory that this process ever had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def now_mb():
    """Return the memory of this process now, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


class Case:
    """A case, the same for the same seed.

    Parameters
    ----------
    seed : str
    folder : Path
        Empty; holds the daemon's files.
    tally : Tally
    """

    def __init__(self, seed, folder, tally):
        self._dice = random.Random(seed)  # noqa: S311 (not for secrets)
        self._folder, self._tally = folder, tally
        self.did = []  # for whoever reads a finding
        self._t_s = 1000.0

    def run(self):
        """Live both lives.

        Raises
        ------
        FindingError
            If an oracle does not hold. Whatever else is raised is a finding too.
        """
        dice = self._dice
        started = now_mb()
        zone = dice.choice(draw.ZONES)
        env = {
            "TZ": zone,
            "XDG_STATE_HOME": str(self._folder / "state"),
            "XDG_RUNTIME_DIR": str(self._folder / "run"),
        }
        with patch.dict(os.environ, env):
            time.tzset()
            for number in range(2):
                self._live_and_check(number)
        time.tzset()
        if now_mb() - started > MOST_MB:
            raise FindingError(f"memory grew from {started:.0f} to {now_mb():.0f} MB")

    def _live_and_check(self, number):
        watch = LogWatch()
        watch.setFormatter(line_formatter())
        watch.addFilter(LogRateLimit(_monotonic))
        logging.root.addHandler(watch)
        level = logging.root.level
        logging.root.setLevel(logging.INFO)
        epochs = []
        try:
            with asyncio.Runner(loop_factory=lambda: FuzzLoop(self._t_s)) as runner:
                runner.run(self._life(number, epochs))
                loop = runner.get_loop()
                self._t_s = loop.time() + 20
                if loop.unhandled:
                    raise loop.unhandled[0]
        finally:
            logging.root.setLevel(level)
            logging.root.removeHandler(watch)
            self.did.append(f"log: {watch.lines}")
        self._check_log(watch.lines)
        if len(epochs) < EPOCHS[number]:
            raise FindingError(f"life {number}: epochs of the good headband: {epochs}")
        first = epochs[0].index
        if [each.index for each in epochs] != [*range(first, first + len(epochs))]:
            raise FindingError(f"life {number}: {[each.index for each in epochs]}")
        if number == 0 and any(not each.hypnodensity for each in epochs[:2]):
            raise FindingError(f"epochs of the good headband not scored: {epochs}")

    def _check_log(self, lines):
        tally = self._tally
        tally.log_lines = max(tally.log_lines, len(lines))
        tally.longest_line = max(tally.longest_line, *map(len, lines), 0)
        for line in lines:
            if not line.isprintable():
                raise FindingError(f"a log line that a terminal obeys: {line!r}")
            if len(line) > LONGEST_LINE:
                raise FindingError(f"{len(line)} characters: {line[:300]!r}")
        if len(lines) > MOST_LINES:
            common = Counter(line[30:90] for line in lines).most_common(3)
            raise FindingError(f"{len(lines)} lines in the log: {common}")

    async def _life(self, number, epochs):
        dice = self._dice
        clock = WallClock(draw.moment(dice), self._steps())
        evil, broker = draw.headband(dice), Broker()
        self.did.append(f"life {number}: {clock.utc()}, {vars(evil) if evil else None}")
        if evil is not None:
            self._tally.inputs[f"headbands {evil.driver}"] += 1
        stop, control = asyncio.Event(), Control()
        with around(broker, Air(evil), clock, dice), claimed(own_socket()) as listener:
            names = (EVIL, GOOD)
            access = DaemonAccess(self._folder / "c.yaml", names, self._folder)
            outlets = [control_outlet(listener, access), _collector(epochs)]
            daemon = asyncio.create_task(
                run_daemon(
                    self._config(evil),
                    stop,
                    more_outlets=outlets,
                    control=control,
                )
            )
            trouble = asyncio.create_task(self._trouble(number, broker, daemon))
            end = asyncio.create_task(asyncio.sleep(LIVES_S[number]))
            await asyncio.wait({daemon, end}, return_when=asyncio.FIRST_COMPLETED)
            if not daemon.done():
                await self._look(broker)
                self._copy(number)
                trouble.cancel()
                stop.set()
                await asyncio.wait({daemon}, timeout=STOP_S)
            if not daemon.done():
                daemon.cancel()
                raise FindingError(f"does not stop within {STOP_S} s")
            daemon.result()
            await _ended(trouble, end)
            if control.faults.faults:
                raise FindingError(f"stopped at an edge: {control.faults.faults}")
        self._take_copy(number)

    def _steps(self):
        dice = self._dice
        n = dice.choice((0, 0, 1, 3))
        self._tally.inputs["wall clocks"] += 1 + n
        return sorted((dice.uniform(0, 60), draw.moment(dice)) for _ in range(n))

    def _config(self, evil):
        dice, folder = self._dice, self._folder
        devices = [DeviceConfig(name=GOOD, address=ADDRESS[GOOD])]
        driver = "diy" if evil is None else evil.driver
        address = dice.choice((ADDRESS[EVIL], "auto"))
        lsb_uv = 0.05 if drivers.load(driver).uncalibrated else None
        devices.append(
            DeviceConfig(name=EVIL, driver=driver, address=address, lsb_uv=lsb_uv)
        )
        mqtt = {"journal": {"path": str(folder / "state" / "journal.sqlite")}}
        outputs = {
            "mqtt": mqtt,
            "edf": {"path": str(folder / "state" / "rec"), "min_free_mb": 0},
        }
        return Config(
            devices=tuple(devices),
            outputs=outputs,
            session=SessionsConfig(auto_start="always"),
            log=LogConfig(level="info"),
        )

    async def _trouble(self, number, broker, daemon):
        """Let outsiders do something every now and then."""
        dice, loop = self._dice, asyncio.get_running_loop()
        end_s = loop.time() + LIVES_S[number] - 5
        if dice.random() < 0.5:
            broker.retained += [draw.message(dice) for _ in range(dice.randrange(30))]
            self._tally.inputs["messages"] += len(broker.retained)
        while loop.time() < end_s and not daemon.done():
            await asyncio.sleep(dice.choice((0.01, 0.5, 3, 10)))
            await self._one_thing(broker)

    async def _one_thing(self, broker):
        dice, tally = self._dice, self._tally
        kind = dice.random()
        if kind < 0.5:
            for _ in range(dice.choice((1, 1, 1, 5, 200))):
                message = draw.message(dice)
                self.did.append((message._topic, bytes(message.payload)[:200]))  # noqa: SLF001 (as sent, also where it is no UTF-8)
                tally.inputs["messages"] += 1
                broker.send(message)
        elif kind < 0.7:
            line = draw.control_bytes(dice)
            self.did.append(("control", line[:200]))
            tally.inputs["control lines"] += 1
            await _control(line, reads=dice.random() < 0.8)
        else:
            tally.inputs["broker moods"] += 1
            match dice.randrange(5):
                case 0:
                    broker.hang_up()
                case 1:
                    broker.acknowledges = dice.random() < 0.6
                case 2:
                    broker.refuses = dice.random() < 0.5
                case 3:
                    broker.accepts = dice.choice((SUCCESS, SUCCESS, REFUSED))
                case _:
                    narrow = {"ReceiveMaximum": 1, "MaximumPacketSize": 300}
                    broker.limits = dice.choice(({}, narrow))

    async def _look(self, broker):
        """Look at the daemon as its user does, and at what it publishes."""
        answer = await _control(b'{"do": "status"}\n', reads=True)
        document = json.loads(answer)
        if not document["ok"]:
            raise FindingError(f"no status: {answer!r}")
        for line in status_lines(document["data"]):
            if not line.text.isprintable():
                raise FindingError(f"status shows {line.text!r}")
        for topic, _, _ in broker.published:
            if not topic.startswith(BASES):
                raise FindingError(f"published on {topic!r}")

    def _copy(self, number):
        """Copy the files as a power cut would leave them, in half of the cases."""
        shutil.rmtree(self._folder / "cut", ignore_errors=True)
        if number == 0 and self._dice.random() < 0.5:
            shutil.copytree(self._folder / "state", self._folder / "cut")

    def _take_copy(self, number):
        """Give the next life its files, one of them with a flipped bit."""
        if number:
            return
        dice, state = self._dice, self._folder / "state"
        if (cut := self._folder / "cut").exists():
            shutil.rmtree(state)
            cut.rename(state)
            self._tally.inputs["power cuts"] += 1
        files = sorted(p for p in state.rglob("*") if p.is_file() and p.stat().st_size)
        for _ in range(dice.choice((0, 1, 1, 3))):
            if not files:
                return
            path = dice.choice(files)
            path.write_bytes(draw.flipped(dice, path.read_bytes()))
            self.did.append(f"flipped a bit of {path.name}")
            self._tally.inputs[f"bits of {path.suffix or path.name}"] += 1


def _monotonic():
    return time.monotonic()  # the loop's own time, once it is replaced


def _collector(epochs):
    async def run(_options, feed, _control):
        async for reading in feed:
            if reading.device == GOOD:
                epochs.append(reading.value)

    return active_sink(Sink("collector", object, (ScoredEpoch,), run), object())


async def _control(line, *, reads):
    reader, writer = await asyncio.open_unix_connection(own_socket(), limit=2**20)
    try:
        writer.write(line)
        return await reader.readline() if reads and b"\n" in line else b""
    except OSError:  # it was let go
        return b""
    finally:
        writer.close()


async def _ended(*tasks):
    for task in tasks:
        task.cancel()
    for each in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(each, Exception):
            raise each


def run_case(seed, folder, tally):
    """Run a case; return None, or the finding and what led to it."""
    case = Case(seed, folder, tally)
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(HANGS_S)
    try:
        case.run()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is a finding)
        return error, case.did
    finally:
        signal.alarm(0)
    return None


def _hangs(*_):
    raise FindingError(f"more than {HANGS_S} s for less than two minutes")
