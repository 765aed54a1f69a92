"""Many recordings: every one scored once, whatever worker dies on the way."""

import multiprocessing
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from typing import Any

from gateway.errors import ConfigError, MissingExtraError
from gateway.offline.score_file import ScoreOutcome, ScoreTask, run_task

Run = Callable[[ScoreTask], ScoreOutcome]
Done = tuple[ScoreTask, ScoreOutcome]
KILLED = (
    "the process that scored it died, twice; it may have been out of memory: try it "
    "alone, with --jobs 1"
)
AHEAD = 2  # tasks handed out per process, so that none waits for us
ATTEMPTS = 3  # of a dask task whose worker is lost


def score_locally(
    tasks: Sequence[ScoreTask], jobs: int, run: Run = run_task
) -> Iterator[Done]:
    """Yield what becomes of `tasks`, as it happens, on this machine.

    Parameters
    ----------
    tasks : sequence of ScoreTask
    jobs : int
        Processes; with one, everything happens in this.
    run : callable
        What each process does.
    """
    if jobs == 1:
        for task in tasks:
            yield task, run(task)
        return
    waiting = deque(tasks)
    while waiting:
        suspects = yield from _pool(waiting, jobs, run)
        # a process died and took its neighbours' tasks with it: one at a time now
        for task in suspects:
            yield task, _alone(task, run)


def _pool(
    waiting: deque[ScoreTask], jobs: int, run: Run
) -> Generator[Done, None, list[ScoreTask]]:
    """Work through `waiting`; return the tasks in hand when a process died."""
    in_hand: dict[Future[ScoreOutcome], ScoreTask] = {}
    with _executor(jobs) as pool:
        while waiting or in_hand:
            try:
                while waiting and len(in_hand) < AHEAD * jobs:
                    task = waiting.popleft()
                    in_hand[pool.submit(run, task)] = task
            except BrokenProcessPool:
                return [task, *(yield from _rest(in_hand))]
            finished, _ = wait(in_hand, return_when=FIRST_COMPLETED)
            for future in finished:
                if isinstance(future.exception(), BrokenProcessPool):
                    return (yield from _rest(in_hand))
                yield in_hand.pop(future), future.result()
    return []


def _rest(
    in_hand: dict[Future[ScoreOutcome], ScoreTask],
) -> Generator[Done, None, list[ScoreTask]]:
    """Yield what was finished all the same; return the rest."""
    suspects = []
    for future, task in in_hand.items():
        if future.exception() is None:
            yield task, future.result()
        else:
            suspects.append(task)
    return suspects


def _alone(task: ScoreTask, run: Run) -> ScoreOutcome:
    with _executor(1) as pool:
        try:
            return pool.submit(run, task).result()
        except BrokenProcessPool:
            return ScoreOutcome(error=KILLED)


def _executor(jobs: int) -> ProcessPoolExecutor:
    # not forked: the interpreter of a model has threads
    return ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))


def score_on_dask(
    tasks: Sequence[ScoreTask], scheduler: str, run: Run = run_task
) -> Iterator[Done]:
    """Yield what becomes of `tasks`, as it happens, on the workers of a cluster.

    The workers need Sleepgate, and the recordings under the same paths. Tasks of a
    worker that is lost go to another.

    Parameters
    ----------
    tasks : sequence of ScoreTask
    scheduler : str
        Its address, like ``"tcp://10.0.0.1:8786"``.
    run : callable
        What each worker does.

    Raises
    ------
    ConfigError
        If no scheduler answers there.
    MissingExtraError
        If dask.distributed is not installed.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        raise MissingExtraError("cluster", "--dask") from error
    try:
        client = distributed.Client(scheduler)
    except (OSError, ValueError) as error:
        raise ConfigError([f"--dask {scheduler}: {error}; is it running?"]) from error
    with client:
        futures = {
            client.submit(run, task, pure=False, retries=ATTEMPTS): task
            for task in tasks
        }
        for future in distributed.as_completed(futures):
            task = futures.pop(future)
            if future.status == "finished":
                yield task, future.result()
            else:
                yield task, ScoreOutcome(error=f"on the cluster: {future.exception()}")
            future.release()
