"""Re-score an archive while workers die; see scripts/test-archive."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import edfio
import numpy as np

SLEEPGATE = [sys.executable, "-m", "gateway"]
LEDGER = "sleepgate-scores.jsonl"
CORRUPT = "night0007.edf"
PATIENCE_S = 1800.0  # a machine may have much else to do


def make_archive(folder: Path, n_nights: int, n_epochs: int) -> None:
    """Write short nights of one subject per folder, and one that is corrupt."""
    dice = np.random.default_rng(1)
    noise = np.cumsum(dice.normal(0, 3, 3000 * (n_epochs + n_nights)))
    uv = (noise - np.convolve(noise, np.ones(200) / 200, "same")).clip(-400, 400)
    for number in range(n_nights):
        path = folder / f"subject{number % 10}" / f"night{number:04d}.edf"
        path.parent.mkdir(parents=True, exist_ok=True)
        signal_ = edfio.EdfSignal(
            uv[3000 * number :][: 3000 * n_epochs],
            100,
            label="EEG Fpz-Cz",
            physical_dimension="uV",
            physical_range=(-400, 400),
        )
        edfio.Edf([signal_]).write(path)
    corrupt = next(folder.rglob(CORRUPT))
    corrupt.write_bytes(corrupt.read_bytes()[:-1500])


def lines(out: Path) -> list[dict[str, object]]:
    """Return what the ledger says so far."""
    path = out / LEDGER
    if not path.exists():
        return []
    whole = path.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def wait_for(out: Path, n_lines: int) -> None:
    """Wait until so many recordings are done."""
    end = time.monotonic() + PATIENCE_S
    while len(lines(out)) < n_lines:
        if time.monotonic() > end:
            sys.exit(f"only {len(lines(out))} recordings after {PATIENCE_S:g} s")
        time.sleep(0.1)


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started and that score."""
    found = []
    for task in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(
                task.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            )
            command = task.joinpath("cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == pid and b"spawn_main" in command:
            found.append(int(task.name))
    return found


def check_results(archive: Path, out: Path, n_nights: int, n_epochs: int) -> None:
    """Exit unless every result is there, once, whole, and the corrupt one told."""
    results = sorted(out.rglob("*_night.json"))
    good = n_nights - 1
    if len(results) != good:
        sys.exit(f"{len(results)} results of {good}")
    for path in results:
        if len(json.loads(path.read_text())["epochs"]) != n_epochs:
            sys.exit(f"{path}: not all epochs")
    if list(out.rglob(".*")):
        sys.exit("something half written was left")
    done = [line["recording"] for line in lines(out) if line["error"] is None]
    if len(done) != len(set(done)) or len(done) != good:
        sys.exit(f"{len(done)} scorings of {len(set(done))} recordings, not {good}")
    told = {line["recording"] for line in lines(out) if line["error"] is not None}
    if told != {str(next(archive.rglob(CORRUPT)))}:
        sys.exit(f"reported as corrupt: {sorted(map(str, told))}")


def locally(archive: Path, out: Path, n_nights: int) -> None:
    """Kill a worker, then the whole run; begin again; and again when all is done."""
    command = [*SLEEPGATE, "score", str(archive), "--into", str(out), "--jobs", "2"]
    with subprocess.Popen(command, start_new_session=True) as run:
        wait_for(out, n_nights // 10)
        victim = children(run.pid)[0]
        os.kill(victim, signal.SIGKILL)
        print(f"killed worker {victim} after {len(lines(out))} recordings")
        wait_for(out, n_nights // 3)
        os.killpg(run.pid, signal.SIGKILL)
    print(f"killed the run after {len(lines(out))} recordings")
    began = time.monotonic()
    before = len(lines(out))
    again = subprocess.run(command, check=False, capture_output=True, text=True)
    seconds = time.monotonic() - began
    if again.returncode != 2 or CORRUPT not in again.stderr:
        sys.exit(f"exit code {again.returncode}: {again.stderr[-2000:]}")
    print(f"the rest, {n_nights - before}, in {seconds:.0f} s")
    idle = subprocess.run(command, check=False, capture_output=True, text=True)
    if f"{n_nights - 1} of {n_nights} are done already" not in idle.stderr:
        sys.exit(idle.stderr[-2000:])


def _quiet(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


@contextmanager
def cluster() -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a dask scheduler and two workers as programs; give its address and them."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / "scheduler.json"
        start = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
        alone = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        with _quiet([*start, *alone, "--scheduler-file", str(where)]) as scheduler:
            end = time.monotonic() + PATIENCE_S
            while not where.exists() and time.monotonic() < end:
                time.sleep(0.1)
            address = json.loads(where.read_text())["address"]
            worker = [sys.executable, "-m", "distributed.cli.dask_worker", address]
            worker += ["--nthreads", "1", "--no-nanny", "--no-dashboard"]
            workers = [_quiet(worker) for _ in range(2)]
            try:
                yield address, workers
            finally:
                for process in (*workers, scheduler):
                    process.kill()  # a worker without scheduler ends when it likes
                for process in workers:
                    process.wait()


def on_dask(archive: Path, out: Path, n_nights: int) -> None:
    """Kill one of two workers of a cluster in the middle."""
    with cluster() as (address, workers):
        command = [*SLEEPGATE, "score", str(archive), "--into", str(out)]
        began = time.monotonic()
        with subprocess.Popen(
            [*command, "--dask", address], stderr=subprocess.PIPE, text=True
        ) as run:
            wait_for(out, n_nights // 4)
            workers[0].kill()
            print(f"killed a dask worker after {len(lines(out))} recordings")
            _, said = run.communicate()
        if run.returncode != 2 or CORRUPT not in said:
            sys.exit(f"exit code {run.returncode}: {said[-2000:]}")
        print(f"on dask, in {time.monotonic() - began:.0f} s")


def main() -> None:
    """Run both trials."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nights", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sleepgate-archive-") as folder:
        archive = Path(folder) / "archive"
        make_archive(archive, options.nights, options.epochs)
        for trial in (locally, on_dask):
            out = Path(folder) / trial.__name__
            trial(archive, out, options.nights)
            check_results(archive, out, options.nights, options.epochs)
            print(f"{trial.__name__}: {options.nights - 1} results, once each")


if __name__ == "__main__":
    main()
