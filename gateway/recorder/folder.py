"""The folder of recordings: names, what is in it, what is too old for it."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.atomic_write import replace_file, sync_folder

SUFFIXES = {False: ".edf", True: ".bdf"}
MODE = 0o600
FOLDER_MODE = 0o700
DAY_S = 86_400
BYTES_PER_MB = 1e6


def make(folder: Path) -> None:
    """Make the folder, for its owner alone.

    Raises
    ------
    OSError
        If it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def name_of(start: datetime, device: str, session: str, part: int = 1) -> str:
    """Return a recording's name without its ending.

    There is one part unless the headband's settings changed within the session.
    """
    tail = "" if part == 1 else f"_{part}"
    return f"{start:%Y-%m-%d}_{device}_{session}{tail}"


def of_session(folder: Path, device: str, session: str) -> list[Path]:
    """Return the parts of a session's recording, the first one first."""
    mark = f"_{device}_{session}"
    return [p for p in recordings(folder) if mark in p.stem]


def recordings(folder: Path) -> list[Path]:
    """Return the recordings in `folder`, the oldest first."""
    found = (p for p in folder.glob("*") if p.suffix in SUFFIXES.values())
    return sorted(found, key=lambda path: path.stem)


def is_being_written(path: Path) -> bool:
    """Tell whether a process holds `path` as its recording."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def free_mb(folder: Path) -> float:
    """Return the space left on the disk of `folder`, megabytes."""
    return shutil.disk_usage(folder).free / BYTES_PER_MB


def prune(folder: Path, keep_days: float, now_s: float) -> Iterator[Path]:
    """Delete what was last written more than `keep_days` ago, and yield it.

    A recording that is being written stays.
    """
    for path in recordings(folder):
        old = path.stat().st_mtime < now_s - keep_days * DAY_S
        if old and not is_being_written(path):
            path.unlink()
            beside(path).unlink(missing_ok=True)
            yield path


def beside(path: Path) -> Path:
    """Return the path of the JSON beside a recording."""
    return path.with_suffix(".json")


def read_beside(path: Path) -> dict[str, Any] | None:
    """Return the document beside a recording; None if there is no sound one."""
    try:
        document = json.loads(beside(path).read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def write_beside(path: Path, document: bytes) -> None:
    """Replace the document beside a recording, as a whole or not at all.

    Raises
    ------
    OSError
        If it cannot be written; the old one is untouched.
    """
    replace_file(beside(path), document, MODE)
