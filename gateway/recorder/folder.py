"""The folder of recordings: names, what is in it, what is too old for it."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import datetime
from glob import escape
from itertools import count
from pathlib import Path
from typing import Any

from gateway.atomic_write import replace_file, sync_folder
from gateway.edf.header import LONGEST_HEADER, parse_header

SUFFIXES = {False: ".edf", True: ".bdf"}
MODE = 0o600
CUT = ".cut-"  # and a number, after the name of the recording
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
    name = re.compile(
        rf"\d{{4}}-\d\d-\d\d_{re.escape(device)}_{re.escape(session)}(_\d+)?"
    )
    return [p for p in recordings(folder) if name.fullmatch(p.stem)]


def recordings(folder: Path) -> list[Path]:
    """Return the recordings in `folder`, the oldest first."""
    found = (p for p in folder.glob("*") if p.suffix.lower() in SUFFIXES.values())
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
    """Delete recordings of ours last written more than `keep_days` ago; yield them.

    A recording that is being written stays, and so does every file that another
    program wrote.
    """
    for path in recordings(folder):
        old = path.stat().st_mtime < now_s - keep_days * DAY_S
        if old and is_ours(path) and not is_being_written(path):
            document = read_beside(path)
            path.unlink()
            if document is not None and document.get("file") == path.name:
                beside(path).unlink(missing_ok=True)
            for cut in folder.glob(f"{escape(path.name)}{CUT}*"):
                cut.unlink()
            yield path


def free_name(path: Path) -> Path:
    """Return a name beside `path` for what is cut off it, ``NIGHT.edf.cut-1``."""
    names = (path.with_name(f"{path.name}{CUT}{n}") for n in count(1))
    return next(name for name in names if not name.exists())


def is_ours(path: Path) -> bool:
    """Return whether a file says that Sleepgate recorded it."""
    try:
        with path.open("rb") as file:
            header, _ = parse_header(file.read(LONGEST_HEADER))
    except (OSError, ValueError):
        return False
    return header.is_ours and "sleepgate_" in header.recording


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
