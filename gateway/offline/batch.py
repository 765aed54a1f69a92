"""``sleepgate score`` over many recordings: which, where to, and what came of it."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.atomic_write import remove_unfinished
from gateway.cli.progress_bar import progress
from gateway.errors import RecordingError
from gateway.models.load import read_model
from gateway.offline.manifest import Manifest
from gateway.offline.score_file import ScoreOptions, ScoreOutcome, ScoreTask
from gateway.offline.workers import score_locally, score_on_dask
from gateway.recordings.open_recording import recordings_in


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """Plan of scoring an archive.

    Attributes
    ----------
    options : ScoreOptions
    into : Path or None
        Folder of the results; None: beside each recording.
    jobs : int
        Processes on this machine.
    dask : str or None
        Address of a scheduler to use instead.
    again : bool
        Score also what is done.
    """

    options: ScoreOptions
    into: Path | None
    jobs: int
    dask: str | None
    again: bool


def score_archive(paths: Sequence[Path], plan: BatchPlan) -> int:
    """Score all recordings in `paths`; return how many could not be.

    Raises
    ------
    RecordingError
        If a folder has no recordings, or two would write the same results.
    GatewayError
        If the model, the scheduler or the folder of results cannot be used.
    """
    tasks = list(_tasks(paths, plan))
    _apart(tasks)
    first = paths[0] if paths[0].is_dir() else paths[0].parent
    digest = read_model(plan.options.model).card.digest
    ledger = Manifest(plan.into or first, digest)
    left = [t for t in tasks if plan.again or ledger.done(t) is None]
    if len(left) < len(tasks):
        _say(f"{len(tasks) - len(left)} of {len(tasks)} are done already")
    failed: list[tuple[ScoreTask, ScoreOutcome]] = []
    n_epochs = 0
    doing = (
        score_on_dask(left, plan.dask)
        if plan.dask
        else score_locally(left, min(plan.jobs, max(1, len(left))))
    )
    with progress(len(left), "scored") as step:
        for task, outcome in doing:
            ledger.note(task, outcome)
            n_epochs += outcome.n_epochs
            if outcome.error is not None:
                failed.append((task, outcome))
            for note in outcome.notes:
                _say(f"{task.recording}: {note}")
            step(task.recording.name)
    remove_unfinished([path for task in left for path in task.results])
    _say(f"{len(left) - len(failed)} recordings scored, {n_epochs} epochs")
    for task, outcome in failed:
        _say(f"not scored: {task.recording}: {_without_name(task, outcome)}")
    return len(failed)


def _tasks(paths: Sequence[Path], plan: BatchPlan) -> Iterator[ScoreTask]:
    for path in paths:
        root = path if path.is_dir() else path.parent
        for recording in recordings_in(path) if path.is_dir() else [path]:
            beside = recording.with_suffix("")
            stem = plan.into / beside.relative_to(root) if plan.into else beside
            yield ScoreTask(recording=recording, stem=stem, options=plan.options)


def _apart(tasks: Sequence[ScoreTask]) -> None:
    by_stem: dict[Path, Path] = {}
    for task in tasks:
        other = by_stem.setdefault(task.stem, task.recording)
        if other != task.recording:
            raise RecordingError(
                f"{task.recording} and {other} would write the same results; rename "
                "one, or score them into different folders"
            )


def _without_name(task: ScoreTask, outcome: ScoreOutcome) -> str:
    return (outcome.error or "").removeprefix(f"{task.recording}: ")


def _say(text: str) -> None:
    print(f"sleepgate: {text}", file=sys.stderr)  # noqa: T201 (this is the talk)
