"""A night cut by two kills and a power cut; see scripts/test-night."""

import argparse
import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import yaml

from gateway.recorder.folder import recordings
from gateway.recorder.integrity import survey
from gateway.recorder.recording_file import SYNC_S
from sim.local_broker import LocalBroker
from sim.night.synthetic_night import synthetic_night
from tests.acceptance.night.checks import Left, Peers, night_errors
from tests.acceptance.night.programs import (
    Daemon,
    Machine,
    Place,
    Process,
    headband,
    until,
    virtual_link,
)
from tests.acceptance.power_cut.rig import Disk, logged_disk, survivor
from tests.acceptance.power_cut.write_log import Loss, Marked, cut_at, read_log

DEVICE = "bedroom"
MEGABYTES = 128
SLOW = 1.0  # times real time, around the power cut: what it takes is seconds
EPOCH_S = 30
AHEAD_S = 75  # of what was heard last: the night goes on while the headband changes
AWAY_S = (1.0, 4.0)  # of this machine's time, until there is a daemon again
BEFORE_CUT_S = (35.0, 65.0)
AFTER_CUT_S = 20.0
MORE_EPOCHS = 5  # than before the cut, of the slow part of the night
KILLS, CUT = (0.3, 0.8), 0.55  # of the night
SHORTEST_H = 2
HERE = {"power-cut": "here"}


class Trial:
    """One night, and the dice that say when it is cut."""

    def __init__(self, place: Place, options: argparse.Namespace, port: int) -> None:
        self.machine = Machine(place)
        self.seed, self.hours = options.seed, options.hours
        self.n_epochs = round(options.hours * 120)
        self.speed = options.speed
        self._place = place
        self._config = _configuration(place, port)
        self._dice = random.Random(options.seed)  # noqa: S311 (repeatable)
        seed, hours = str(options.seed), str(options.hours)
        self._night = ("--synthetic", "--seed", seed, "--hours", hours)

    def play(self, speed: float, n_heard: int = 0) -> AbstractContextManager[Process]:
        """Play the night on from behind the epochs that were heard."""
        skip_s = EPOCH_S * n_heard + AHEAD_S if n_heard else 0
        return headband(self._place, self._night, speed, skip_s)

    def daemon(self, state: Path) -> AbstractContextManager[Daemon]:
        """Run a daemon."""
        return self.machine.daemon(state, self._config)

    def wait_for(self, share: float) -> int:
        """Wait until so much of the night is scored; return how many epochs."""
        n_epochs = share * self.n_epochs
        patience_s = 120 + 5 * EPOCH_S * n_epochs / self.speed
        until(lambda: self.machine.n_epochs >= n_epochs, "epochs", patience_s)
        return self.machine.n_epochs

    def kill(self, daemon: Daemon) -> None:
        """Kill it within an epoch, anywhere; leave its place empty for a while."""
        n_epochs = self.machine.n_epochs
        time.sleep(self._dice.uniform(0, EPOCH_S / self.speed))
        daemon.end(signal.SIGKILL)
        print(f"kill -9 after {n_epochs} epochs", flush=True)
        time.sleep(self._dice.uniform(*AWAY_S))

    def switch_lights(self, *, off: bool) -> None:
        """Mark the time in bed."""
        self.machine.ask({"do": "lights", "device": DEVICE, "off": off})

    def before_the_cut(self, disk: Disk, stack: ExitStack) -> tuple[int, int]:
        """Live up to the power cut; return epochs, and data records written by then.

        The headband plays on, in the open `stack`, as one on a battery does.
        """
        with self.play(self.speed):
            with self.daemon(disk.folder) as daemon:
                self.wait_for(4 / self.n_epochs)
                self.switch_lights(off=True)
                self.wait_for(KILLS[0])
                self.kill(daemon)
            daemon = stack.enter_context(self.daemon(disk.folder))
            n_epochs = self.wait_for(CUT)
        stack.enter_context(self.play(SLOW, n_epochs))
        until(lambda: self.machine.headband["online"], "headband")
        time.sleep(self._dice.uniform(*BEFORE_CUT_S))
        daemon.send(signal.SIGSTOP)  # so that the count is that of the cut
        n_records = survey(_recording(disk.folder)).n_records
        disk.mark(HERE)
        daemon.end(signal.SIGKILL)
        print(f"power cut after {n_epochs} epochs, {n_records} s written", flush=True)
        self.machine.boot()
        return n_epochs, n_records

    def after_the_cut(self, state: Path, n_epochs: int, slow: ExitStack) -> None:
        """Live on to the end, on what the cut left."""
        with self.daemon(state) as daemon:
            until(lambda: self.machine.headband["online"], "headband")
            time.sleep(AFTER_CUT_S)
            slow.close()
            with self.play(self.speed, n_epochs + MORE_EPOCHS) as headband:
                self.wait_for(KILLS[1])
                self.kill(daemon)
                with self.daemon(state) as last:
                    headband.wait()
                    self.wait_for(1 - 2 / self.n_epochs)
                    self.switch_lights(off=False)
                    self.machine.ask({"do": "stop", "device": DEVICE})
                    last.end(signal.SIGTERM)


def _configuration(place: Place, port: int) -> Path:
    path = place.folder / "sleepgate.yaml"
    document = {
        "devices": [{"name": DEVICE}],
        "ble": {"backend": "simulated", "transport": f"unix:{place.radios[1]}"},
        "outputs": {
            "mqtt": {"host": "127.0.0.1", "port": port},
            "edf": {"min_free_mb": 0},
        },
    }
    path.write_text(yaml.safe_dump(document))
    return path


def _recording(state: Path) -> Path:
    (path,) = recordings(state / "sleepgate" / "recordings")
    return path


def _cut_disk(work: Path, dice: random.Random) -> Path:
    """Write the image of a disk of which the cut took any sectors not flushed."""
    with (work / "log").open("rb") as file:
        events = [*read_log(file)]
    at = events.index(Marked(HERE))
    image = work / "image"
    for each in cut_at(events, MEGABYTES << 20, [at], dice):
        if each.loss is Loss.ANY:
            image.write_bytes(each.data)
    return image


def _live(trial: Trial, work: Path, peers: Peers, keep: Path | None) -> list[str]:
    """Live through the night, and return what is wrong with what is left of it."""
    survived = work / "survivor"
    survived.mkdir()
    wrong = []
    with ExitStack() as slow:
        with ExitStack() as running, logged_disk(work, MEGABYTES, "defaults") as disk:
            n_epochs, n_written = trial.before_the_cut(disk, running)
            slow.push(running.pop_all())
        image = _cut_disk(work, random.Random(1))  # noqa: S311 (repeatable)
        with survivor(image, survived, "defaults"):
            n_left = survey(_recording(survived)).n_records
            lost_s = n_written - n_left
            print(f"the cut took {lost_s} s and the record in hand", flush=True)
            if lost_s > SYNC_S:
                wrong.append(f"the cut took {lost_s} s, not at most {SYNC_S:g}")
            trial.after_the_cut(survived, n_epochs, slow)
            out = keep or work / "out"
            out.mkdir(parents=True)
            left = Left(survived, out, synthetic_night(trial.seed, trial.hours)[1])
            if keep is not None:
                shutil.copytree(survived / "sleepgate", out / "state")
            wrong += night_errors(left, peers)
    return wrong


async def _with_broker(options: argparse.Namespace) -> list[str]:
    peers = Peers(options.readers, options.yasa)
    with tempfile.TemporaryDirectory(prefix="sg-") as name:  # short, for the sockets
        place = Place(Path(name))
        async with LocalBroker() as broker:
            with virtual_link(place):
                trial = Trial(place, options, broker.port)
                return _live(trial, place.folder, peers, options.keep)


def main() -> None:
    """Exit status 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="scripts/test-night", description=__doc__)
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--speed", type=float, default=120.0, help="times real time")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="new folder for what is left of it")
    parser.add_argument("--readers", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--yasa", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hours < SHORTEST_H:
        parser.error(f"--hours: at least {SHORTEST_H}, or it ends while nobody listens")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and unmount everything
    wrong = asyncio.run(_with_broker(options))
    for each in wrong:
        print(f"WRONG: {each}")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
