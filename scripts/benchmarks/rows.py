"""A figure and what it stands beside."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table; `peer` is a floor or a rival measured in the same run."""

    what: str
    value: float
    unit: str
    peer: float | None = None
    peer_is: str = ""

    @property
    def ratio(self) -> float | None:
        """Return how many times its peer the value is."""
        return self.value / self.peer if self.peer else None

    def text(self) -> str:
        """Return the line."""
        line = f"{self.what:<52} {self.value:>10.4g} {self.unit:<8}"
        if self.ratio is not None:
            line += f" {self.ratio:>7.2f} x  {self.peer:.4g} ({self.peer_is})"
        return line


def timings_us(call: Callable[[], object], n: int) -> list[float]:
    """Time `call` `n` times after a warm-up; sorted, microseconds."""
    for _ in range(max(3, n // 10)):
        call()
    times = []
    for _ in range(n):
        start = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - start) / 1000)
    return sorted(times)


def median(times: list[float]) -> float:
    """Return the median."""
    return statistics.median(times)


def p99(times: list[float]) -> float:
    """Return the 99th percentile."""
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def machine() -> str:
    """Return what the figures were measured on."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {platform.system()} {platform.release()}, "
        f"load {load}"
    )
