"""A control: a recording that is never synced, which a power cut robs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.power_cut.subject import Mark, Subject
from tests.acceptance.power_cut.subjects import recording


def _write(folder: Path, mark: Mark) -> None:
    with _careless():
        recording.write(folder, mark)


@contextmanager
def _careless() -> Iterator[None]:
    careful = os.fdatasync
    os.fdatasync = lambda _: None
    try:
        yield
    finally:
        os.fdatasync = careful


SUBJECT = Subject(
    "control: a recording that nobody syncs",
    _write,
    recording.judge_survivor,
    must_fail=True,
)
