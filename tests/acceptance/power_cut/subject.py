"""What is written to a disk that will lose its power, and what must be left of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

from tests.acceptance.power_cut import subjects

Promise = Mapping[str, Any]
Mark = Callable[[Promise], None]


class Subject(NamedTuple):
    """A workload, and the check of what it left.

    Attributes
    ----------
    what : str
        One line for people.
    write : callable
        Is given an empty directory on the disk and `mark`. Works there as the product
        would, for some seconds, closes what it opened, and marks what it promises
        (JSON) after it is promised: what was marked before a cut must outlive it.
    find_errors : callable
        Is given that directory on a disk that was cut off, mounted again, and the
        promises marked before the cut; yields everything that is wrong.
    must_fail : bool
        A control: if nothing is found wrong with it, the method proves nothing.
    must_fail_killed : bool
        The same for kill -9, which takes only what the kernel was not given.
    """

    what: str
    write: Callable[[Path, Mark], None]
    find_errors: Callable[[Path, Sequence[Promise]], Iterator[str]]
    must_fail: bool = False
    must_fail_killed: bool = False


def load_all() -> dict[str, Subject]:
    """Return every subject by the name of its module."""
    names = sorted(module.name for module in iter_modules(subjects.__path__))
    return {
        name.replace("_", "-"): import_module(f"{subjects.__name__}.{name}").SUBJECT
        for name in names
    }
