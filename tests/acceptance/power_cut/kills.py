"""Kill a subject's writer at every system call that changes a disk.

What a killed process leaves changes at those calls alone, so a kill before each of
them is a kill at any instruction. strace counts them and sends the signal.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.acceptance.power_cut.subject import Promise, load_all

N_PROMISES = 40  # then the writer ends
CALLS = (
    "write,writev,pwrite64,pwritev,fsync,fdatasync,ftruncate,fallocate,"
    "rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat"
)
KILLED = -9
MODULE = "tests.acceptance.power_cut.kills"


class EnoughError(Exception):
    """The writer has promised as much as is wanted."""


def kill_everywhere(name: str) -> tuple[int, list[str]]:
    """Kill the writer of subject `name` at its first call, its second, ...

    Returns
    -------
    n_kills : int
        Until it ended before it could be killed.
    wrong : list of str
        Errors that its check found.
    """
    wrong: list[str] = []
    n_kills = 0
    while True:
        with TemporaryDirectory(prefix="sleepgate-kill-") as scratch:
            folder, said = Path(scratch, "folder"), Path(scratch, "promises")
            folder.mkdir()
            kill = f"inject={CALLS}:signal=KILL:when={n_kills + 1}"
            trace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", kill)
            writer = (sys.executable, "-B", "-m", MODULE, name, folder, said)
            ended = subprocess.run((*trace, *writer), check=False).returncode
            promises = [*_read(said)]
            found = [*load_all()[name].find_errors(folder, promises)]
            wrong += [f"killed at call {n_kills + 1}: {each}" for each in found]
            if ended != KILLED:
                if ended or len(promises) < N_PROMISES:
                    wrong.append(f"the writer ended by itself: {ended}")
                return n_kills, wrong
            n_kills += 1


def _read(said: Path) -> Iterator[Promise]:
    text = said.read_text() if said.exists() else ""
    whole, _, _ = text.rpartition("\n")
    yield from map(json.loads, whole.splitlines())


def _write(name: str, folder: str, said: str) -> None:
    file = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    n_promises = 0

    def mark(promise: Promise) -> None:
        nonlocal n_promises
        os.write(file, json.dumps(promise).encode() + b"\n")
        n_promises += 1
        if n_promises == N_PROMISES:
            raise EnoughError

    try:
        load_all()[name].write(Path(folder), mark)
    except EnoughError:
        os.close(file)


if __name__ == "__main__":
    _write(*sys.argv[1:])
