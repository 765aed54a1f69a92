"""Where the hours stand under a night. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from gateway.reports.night.contents import NightReport

EPOCHS_PER_MIN = 2
EVERY_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)
MOST = 12
EDGE = 0.03  # a label nearer to an end would hang over


class Hour(NamedTuple):
    """A label, and where along the night it stands, 0 to 1."""

    share: float
    label: str


def hours(report: NightReport) -> Iterator[Hour]:
    """Yield at most a dozen full hours, or parts of one in a short night."""
    minutes = max(1, len(report.night.epochs)) / EPOCHS_PER_MIN
    every = next((t for t in EVERY_MIN if minutes / t <= MOST), EVERY_MIN[-1])
    start = report.night.start_utc.astimezone(report.zone)
    past = (start.hour * 60 + start.minute) % every + start.second / 60
    first = (every - past) % every if report.night.dated else 0.0
    for number in range(int((minutes - first) // every) + 1):
        at = first + number * every
        if EDGE <= at / minutes <= 1 - EDGE:
            yield Hour(at / minutes, report.clock(at * EPOCHS_PER_MIN))
