"""Progress bar of a long computation, on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Protocol

PLAIN_PARTS = 20  # lines of a log for the whole


class Step(Protocol):
    """Counts one thing as done."""

    def __call__(self, what: str) -> None:
        """Note that `what` is done."""


@contextmanager
def progress(total: int, doing: str) -> Iterator[Step]:
    """Show how many of `total` are done: a bar on a terminal, else a line now and then.

    Without rich a terminal gets lines too.
    """
    if sys.stderr.isatty() and find_spec("rich") is not None:
        with _bar(total, doing) as step:
            yield step
        return
    done = 0
    every = max(1, total // PLAIN_PARTS)

    def count(what: str) -> None:
        nonlocal done
        done += 1
        if done % every == 0 or done == total:
            print(f"{doing} {done}/{total}: {what}", file=sys.stderr)  # noqa: T201 (this is the talk)

    yield count


@contextmanager
def _bar(total: int, doing: str) -> Iterator[Step]:
    from rich.console import Console  # noqa: PLC0415 (an optional dependency)
    from rich.progress import (  # noqa: PLC0415 (an extra)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[what]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(doing, total=total, what="")

        def step(what: str) -> None:
            bar.update(task, advance=1, what=what)

        yield step
