"""A control: the journal with synchronous=NORMAL, which a power cut robs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.journal import database
from tests.acceptance.power_cut.subject import Mark, Subject
from tests.acceptance.power_cut.subjects import journal


def _write(folder: Path, mark: Mark) -> None:
    with _careless():
        journal.write(folder, mark)


@contextmanager
def _careless() -> Iterator[None]:
    careful = database.SETTINGS
    database.SETTINGS = (*careful, "synchronous=NORMAL")
    try:
        yield
    finally:
        database.SETTINGS = careful


SUBJECT = Subject(
    "control: the journal with synchronous=NORMAL",
    _write,
    journal.find_errors,
    must_fail=True,
)
