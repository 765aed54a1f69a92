"""Replace a file's text all at once, or not at all."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from gateway.errors import ConfigError

NEW_MODE = 0o640  # the broker's password may come to stand in it


def check_writable(path: Path) -> None:
    """See beforehand whether `write_text` would be let.

    Raises
    ------
    ConfigError
        Naming what is in the way and the next step.
    """
    real = path.resolve()
    folder = next(parent for parent in real.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(path, f"no right to write in {folder}")


def write_text(path: Path, text: str) -> None:
    """Write `text` so that a power cut leaves the old file or the new one, whole.

    The file keeps its mode and its owner, a symbolic link stays one, and line ends
    are written as they are; a new file may be read by its owner and group.

    Raises
    ------
    ConfigError
        If it cannot be written; the old file is untouched.
    """
    real = path.resolve()
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        was = real.stat() if real.exists() else None
        handle, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fchmod(handle, was.st_mode & 0o7777 if was else NEW_MODE)
                if was and (was.st_uid, was.st_gid) != _owner(handle):
                    os.fchown(handle, was.st_uid, was.st_gid)
                os.fsync(handle)
            Path(name).replace(real)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
        _sync_folder(real.parent)
    except OSError as error:
        raise _refused(path, error.strerror or str(error)) from error


def _owner(handle: int) -> tuple[int, int]:
    status = os.fstat(handle)
    return status.st_uid, status.st_gid


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refused(path: Path, why: str) -> ConfigError:
    return ConfigError(
        [f"{path}: cannot be written: {why}; run it with sudo, or give --config FILE"]
    )
