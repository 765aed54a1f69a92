"""Mounts and unmounts: a disk that logs its writes, and what a cut left of one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.acceptance.power_cut.subject import Mark, Promise

MKFS = ("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0")
PATIENCE_S = 10


class RigError(Exception):
    """A disk could not be made or mounted; says why."""


class Disk(NamedTuple):
    """A mounted disk that logs its writes."""

    folder: Path
    mark: Mark


@contextmanager
def logged_disk(work: Path, megabytes: int, options: str) -> Iterator[Disk]:
    """Mount an ext4 disk whose history is in ``work/log`` afterwards."""
    fuse, folder = work / "fuse", work / "disk"
    fuse.mkdir()
    folder.mkdir()
    serve = (sys.executable, "-m", "tests.acceptance.power_cut.log_disk")
    with ExitStack() as stack:
        arguments = (str(fuse), str(megabytes), str(work / "log"))
        process = subprocess.Popen((*serve, *arguments))
        stack.callback(process.wait)
        stack.callback(_run, "fusermount3", "-u", str(fuse))
        _until(lambda: (fuse / "disk").exists() or process.poll() is not None)
        if process.poll() is not None:
            raise RigError("no FUSE here: /dev/fuse, fuse3 and root are needed")
        device = stack.enter_context(_loop(fuse / "disk"))
        _run(*MKFS, device)
        stack.enter_context(mounted(device, folder, options))
        yield Disk(folder, lambda promise: _mark(fuse / "disk", promise))


@contextmanager
def survivor(image: Path, folder: Path, options: str) -> Iterator[None]:
    """Mount what a cut left, as the next boot would: its journal is played back."""
    with _loop(image) as device, mounted(device, folder, options):
        yield


@contextmanager
def mounted(device: str, folder: Path, options: str) -> Iterator[None]:
    """Mount `device` at `folder`."""
    _run("mount", "-o", options, device, str(folder))
    try:
        yield
    finally:
        _run("umount", str(folder))


@contextmanager
def _loop(file: Path) -> Iterator[str]:
    device = _run("losetup", "-f", "--show", str(file)).strip()
    try:
        yield device
    finally:
        _run("losetup", "-d", device)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RigError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _mark(disk: Path, promise: Promise) -> None:
    os.setxattr(disk, "user.promise", json.dumps(promise).encode())


def _until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not reached() and time.monotonic() < end:
        time.sleep(0.05)
