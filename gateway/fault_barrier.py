"""Barriers at the edges of the daemon: what an unexpected error there may cost.

Outsiders reach the daemon at six edges. What they cause is handled where it is
expected; an error that nobody expected is a bug, and costs the one thing that caused
it, not the night of everybody. This is the only place that catches every `Exception`.
"""

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from gateway.printable import printable, shortened

log = logging.getLogger(__name__)

MOST_KINDS = 64  # that are told apart; further ones are counted together
LONGEST = 200  # characters of a text that is kept


class Edge(Enum):
    """Edge of the daemon, named by what an unexpected error there costs."""

    MQTT_MESSAGE = "MQTT message"
    JOURNAL_ROW = "journal row"
    FILE = "file"
    HEADBAND = "headband"
    CONTROL_CLIENT = "control client"
    OUTPUT = "output"


@dataclass(slots=True)
class CountedFault:
    """Unexpected errors of one kind.

    Attributes
    ----------
    edge : Edge
    what : str
        Topic, row, file, headband, client or output of the last.
    where : str
        File and line that raised.
    error : str
        The last.
    count : int
    """

    edge: Edge
    what: str
    where: str
    error: str
    count: int = 0

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count} times"
        return f"{self.edge.value} {self.what}: {self.error} ({self.where}), {times}"


class Guard:
    """Context manager that stops what a barrier is to stop.

    Attributes
    ----------
    fault : CountedFault or None
        What was stopped.
    """

    def __init__(
        self,
        count: Callable[[Exception], CountedFault],
        passing: tuple[type[Exception], ...],
    ) -> None:
        self.fault: CountedFault | None = None
        self._count, self._passing = count, passing

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Stop an unexpected error; a cancellation and those that pass go on."""
        if not isinstance(error, Exception) or isinstance(error, self._passing):
            return False
        self.fault = self._count(error)
        return True


class FaultBarrier:
    """Barrier that lets no unexpected error pass, counts them and logs each kind once.

    Examples
    --------
    >>> barrier = FaultBarrier()
    >>> with barrier.at(Edge.HEADBAND, "bedroom") as guard:
    ...     pass
    >>> guard.fault is None
    True
    """

    def __init__(self) -> None:
        self._faults: dict[tuple[Edge, str], CountedFault] = {}

    @property
    def faults(self) -> tuple[CountedFault, ...]:
        """Every kind of error so far."""
        return tuple(self._faults.values())

    def at(self, edge: Edge, what: str, *passing: type[Exception]) -> Guard:
        """Return a guard that stops every exception but those of the kinds `passing`.

        Parameters
        ----------
        edge : Edge
        what : str
            Which message, row, file, headband, client or output.
        *passing : type
            Expected errors, which the caller handles.
        """
        shown = printable(shortened(what, LONGEST))
        return Guard(partial(self._count, edge, shown), passing)

    def _count(self, edge: Edge, what: str, error: Exception) -> CountedFault:
        where = _where(error)
        if (edge, where) not in self._faults and len(self._faults) >= MOST_KINDS:
            where = "elsewhere"
        words = printable(shortened(f"{type(error).__name__}: {error}", LONGEST))
        fault = self._faults.setdefault(
            (edge, where), CountedFault(edge, what, where, words)
        )
        fault.what, fault.error = what, words
        fault.count += 1
        log.log(
            logging.ERROR if fault.count == 1 else logging.DEBUG,
            "unexpected error, a bug: %s; only this %s is affected; please report it",
            *(fault, edge.value),
            exc_info=error,
        )
        return fault


def _where(error: Exception) -> str:
    """Return the innermost place of this program in the traceback of `error`."""
    if isinstance(error, ExceptionGroup):
        return _where(error.exceptions[0])
    frames = traceback.extract_tb(error.__traceback__)
    ours = [each for each in frames if "gateway" in Path(each.filename).parts]
    for frame in (ours or frames)[-1:]:
        return f"{Path(frame.filename).name}:{frame.lineno}"
    return "unknown"
