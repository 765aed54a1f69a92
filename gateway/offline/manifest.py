"""Manifest of an archive: a line of JSON for every recording that was scored."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.offline.score_file import ScoreOutcome, ScoreTask

NAME = "sleepgate-scores.jsonl"


class Manifest:
    """Remembers across restarts which recordings have their results.

    A recording is done if it was scored by the same model in the same way, has not
    changed since, and its results are still there. A line that was cut short by a
    power cut is passed over: its recording is scored again.

    Parameters
    ----------
    folder : Path
        Where the file is kept; made if absent.
    digest : str
        Of the model in use.

    Raises
    ------
    ConfigError
        If it cannot be read or written there.
    """

    def __init__(self, folder: Path, digest: str) -> None:
        self._path = folder / NAME
        self._digest = digest
        self._known: dict[str, dict[str, Any]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+", encoding="utf-8") as file:
                file.seek(0)
                content = file.read()
                if content and not content.endswith("\n"):  # a power cut's
                    file.write("\n")
                self._learn(content.splitlines())
        except OSError as error:
            raise self._unusable(error) from error

    def done(self, task: ScoreTask) -> ScoreOutcome | None:
        """Return what became of `task` if it need not be done again."""
        entry = self._known.get(str(task.recording))
        if entry is None or entry["error"] is not None:
            return None
        try:
            same = entry["key"] == self._key(task)
        except OSError:  # gone: let the scoring complain of it
            return None
        if not same or not all(path.exists() for path in task.results):
            return None
        return ScoreOutcome(
            notes=tuple(entry["notes"]),
            n_epochs=int(entry["n_epochs"]),
            n_scored=int(entry["n_scored"]),
        )

    def note(self, task: ScoreTask, outcome: ScoreOutcome) -> None:
        """Append what became of `task`.

        Raises
        ------
        ConfigError
            If it cannot be written.
        """
        try:
            key = self._key(task)
        except OSError:
            key = None
        entry: dict[str, Any] = {
            "recording": str(task.recording),
            "key": key,
            "error": outcome.error,
            "notes": list(outcome.notes),
            "n_epochs": outcome.n_epochs,
            "n_scored": outcome.n_scored,
            "seconds": round(outcome.seconds, 3),
            "results": [str(path) for path in task.results],
        }
        line = json.dumps(entry) + "\n"
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._unusable(error) from error
        self._known[entry["recording"]] = entry

    def _key(self, task: ScoreTask) -> list[Any]:
        """Return what must be the same for results to be still good, as JSON has it."""
        status = task.recording.stat()
        options = task.options
        channels = (
            None if options.channels is None else sorted(options.channels.items())
        )
        return [
            status.st_size,
            status.st_mtime_ns,
            self._digest,
            None if channels is None else [list(pair) for pair in channels],
            options.mains_hz,
            *([] if options.unit is None else [options.unit]),
        ]

    def _learn(self, lines: Iterable[str]) -> None:
        for line in lines:
            try:
                entry = json.loads(line)
                self._known[entry["recording"]] = entry
            except (ValueError, KeyError, TypeError):
                continue

    def _unusable(self, error: OSError) -> ConfigError:
        why = error.strerror or str(error)
        return ConfigError(
            [f"{self._path}: {why}; choose another folder with --into FOLDER"]
        )
