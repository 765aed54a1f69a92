"""Re-scoring an archive: epochs per second, and how much a second core adds."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row

sys.path.insert(0, str(Path(__file__).parents[2]))  # where tests/ is

from gateway.offline.score_file import ScoreOptions, ScoreTask, run_task
from gateway.offline.workers import score_locally
from gateway.recordings.open_recording import recordings_in
from tests.acceptance.archive_trial import make_archive


def rows(n_nights: int, n_epochs: int) -> Iterator[Row]:
    """Score an archive in this process, which is one core, and in two others."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        make_archive(archive, n_nights, n_epochs)
        tasks = [
            ScoreTask(
                recording=path, stem=Path(folder) / path.stem, options=ScoreOptions()
            )
            for path in recordings_in(archive)
        ]
        run_task(tasks[0])  # the model is loaded once
        bare, bare_core = _epochs_per_s(tasks, 1)
        yield Row("score an archive, --jobs 1", bare, "epochs/s")
        two, two_core = _epochs_per_s(tasks, 2)
        yield Row("score an archive, --jobs 2", two, "epochs/s", bare, "--jobs 1")
        name = "score an archive, by a core's own seconds"
        yield Row(f"{name}, --jobs 1", bare_core, "epochs/s")
        yield Row(f"{name}, --jobs 2", two_core, "epochs/s", bare_core, "--jobs 1")


def _epochs_per_s(tasks: list[ScoreTask], jobs: int) -> tuple[float, float]:
    """Return epochs by the second that passes, and by the second that a core works.

    Whatever else the machine does slows the one and not the other.
    """
    began, worked = time.perf_counter(), _worked_s()
    n_epochs = sum(outcome.n_epochs for _, outcome in score_locally(tasks, jobs))
    return (
        n_epochs / (time.perf_counter() - began),
        n_epochs / (_worked_s() - worked),
    )


def _worked_s() -> float:
    """Return the processor's time of this process and of its children that ended."""
    used = os.times()
    return sum(used[:4])
