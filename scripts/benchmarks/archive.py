"""Re-scoring an archive: epochs per second, and how much a second core adds."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rows import Row

sys.path.insert(0, str(Path(__file__).parents[1]))

from archive_trial import make_archive

from gateway.recordings.open_night import recordings_in
from gateway.runtime.archive import score_locally
from gateway.runtime.file_scoring import Options, Task, run_task


def rows(n_nights: int, n_epochs: int) -> Iterator[Row]:
    """Score an archive in this process, which is one core, and in two others."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "archive"
        make_archive(archive, n_nights, n_epochs)
        tasks = [
            Task(recording=path, stem=Path(folder) / path.stem, options=Options())
            for path in recordings_in(archive)
        ]
        run_task(tasks[0])  # the model is loaded once
        bare = _epochs_per_s(tasks, 1)
        yield Row("score an archive, --jobs 1", bare, "epochs/s")
        two = _epochs_per_s(tasks, 2)
        yield Row("score an archive, --jobs 2", two, "epochs/s", bare, "--jobs 1")


def _epochs_per_s(tasks: list[Task], jobs: int) -> float:
    began = time.perf_counter()
    n_epochs = sum(outcome.n_epochs for _, outcome in score_locally(tasks, jobs))
    return n_epochs / (time.perf_counter() - began)
