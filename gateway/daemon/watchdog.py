"""Watchdog: systemd is notified only while every part of the daemon moves."""

from collections.abc import Callable


class Watchdog:
    """Knows by when each part has promised to move again.

    Parameters
    ----------
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def moved(self, part: str, patience_s: float) -> None:
        """Note that `part` moved, and will again within `patience_s`."""
        self._due[part] = self._clock() + patience_s

    def rests(self, part: str) -> None:
        """Note that `part` has nothing to do."""
        self._due.pop(part, None)

    def stuck(self) -> list[str]:
        """Name the parts that have not moved when they should have."""
        now = self._clock()
        return sorted(part for part, due in self._due.items() if due < now)
