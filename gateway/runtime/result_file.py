"""Results of a computation: a file is there whole, or not at all."""

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from gateway.errors import ConfigError

MODE = 0o644


def write_result(path: Path, content: bytes) -> None:
    """Write `content`, making folders as needed; an older file is replaced at once.

    Raises
    ------
    ConfigError
        If it cannot be written; names the file and why.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(handle, MODE)
                os.fsync(handle)
            Path(name).replace(path)
        except BaseException:
            with suppress(FileNotFoundError):
                Path(name).unlink()
            raise
    except OSError as error:
        why = error.strerror or str(error)
        raise ConfigError(
            [f"{path}: cannot be written: {why}; say where to with --into FOLDER"]
        ) from error


def forget_unfinished(paths: Iterable[Path]) -> None:
    """Remove what writers that were killed had begun to write for `paths`."""
    begun: dict[Path, set[str]] = {}
    for path in paths:
        begun.setdefault(path.parent, set()).add(f".{path.name}")
    for folder, names in begun.items():
        for each in list(folder.glob(".*")):
            if each.name.rpartition(".")[0] in names:
                each.unlink(missing_ok=True)
