"""Atomic file writing: a power cut leaves the old file or the new one, whole."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway.errors import ConfigError

CONFIG_MODE = 0o640  # the broker's password may come to stand in it
RESULT_MODE = 0o640  # somebody's sleep: not for everybody on this machine


def replace_file(
    path: Path, content: bytes, mode: int, *, keep_owner: bool = False
) -> None:
    """Replace a file by way of a hidden one beside it, synced before it is renamed.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    content : bytes
    mode : int
        Permission bits of the new file.
    keep_owner : bool
        Whether a file that is there keeps its owner and group.

    Raises
    ------
    OSError
        If it cannot be written; an older file is untouched.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(handle, mode)
            if keep_owner and path.exists():
                owner = _owner(path.stat())
                if owner != _owner(os.fstat(handle)):
                    os.fchown(handle, *owner)
            os.fsync(handle)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder to the disk: without it a new name may be gone after a power cut.

    Raises
    ------
    OSError
        If the disk fails.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_writable(path: Path) -> None:
    """Check beforehand whether `write_text` would have the right to write.

    Raises
    ------
    ConfigError
        Naming what is in the way and the next step.
    """
    real = path.resolve()
    folder = next(parent for parent in real.parents if parent.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _config_refused(path, f"no right to write in {folder}")


def write_text(path: Path, text: str) -> None:
    """Write a configuration file, UTF-8, making folders as needed.

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
        mode = real.stat().st_mode & 0o7777 if real.exists() else CONFIG_MODE
        replace_file(real, text.encode(), mode, keep_owner=True)
    except OSError as error:
        raise _config_refused(path, error.strerror or str(error)) from error


def write_result(path: Path, content: bytes) -> None:
    """Write a result file, making folders as needed.

    Raises
    ------
    ConfigError
        If it cannot be written; names the file and why.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content, RESULT_MODE)
    except OSError as error:
        why = error.strerror or str(error)
        advice = "choose another folder with --into FOLDER"
        raise ConfigError([f"{path}: cannot be written: {why}; {advice}"]) from error


def remove_unfinished(paths: Iterable[Path]) -> None:
    """Remove the hidden files that killed writers of `paths` left beside them."""
    begun: dict[Path, set[str]] = {}
    for path in paths:
        begun.setdefault(path.parent, set()).add(f".{path.name}")
    for folder, names in begun.items():
        for each in list(folder.glob(".*")):
            if each.name.rpartition(".")[0] in names:
                each.unlink(missing_ok=True)


def _owner(status: os.stat_result) -> tuple[int, int]:
    return status.st_uid, status.st_gid


def _config_refused(path: Path, why: str) -> ConfigError:
    return ConfigError(
        [f"{path}: cannot be written: {why}; run it with sudo, or give --config FILE"]
    )
