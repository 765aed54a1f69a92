"""Time axis of a night: where the labels stand and what they say. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from gateway.epoch_length import EPOCH_S

EPOCHS_PER_MIN = 2
EPOCHS_PER_H = 60 * EPOCHS_PER_MIN
STEPS_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 240, 480)
MOST_TICKS = 12
EDGE = 0.03  # of the axis: a label nearer to an end would hang over
COLUMNS_PER_LABEL = 8
STEPS_H = (0.25, 0.5, 1, 2, 4, 8, 16, 32)


class Tick(NamedTuple):
    """A label, and the epoch at which it stands, in fractions of epochs."""

    epoch: float
    label: str


def round_ticks(start: datetime, n_epochs: int, *, dated: bool) -> Iterator[Tick]:
    """Yield at most a dozen full hours, or round parts of one in a short night.

    Parameters
    ----------
    start : datetime
        Of the first epoch, in the time zone of the labels.
    n_epochs : int
    dated : bool
        Whether `start` is a time of day; else the steps count from it.
    """
    minutes = max(1, n_epochs) / EPOCHS_PER_MIN
    step = next((t for t in STEPS_MIN if minutes / t <= MOST_TICKS), STEPS_MIN[-1])
    past = (start.hour * 60 + start.minute) % step + start.second / 60
    first = (step - past) % step if dated else 0.0
    for number in range(int((minutes - first) // step) + 1):
        at = first + number * step
        if EDGE <= at / minutes <= 1 - EDGE:
            yield Tick(at * EPOCHS_PER_MIN, f"{start + timedelta(minutes=at):%H:%M}")


def full_hours(start: datetime, n_epochs: int) -> Iterator[Tick]:
    """Yield every full hour within the night, by the clock of `start`."""
    end = start + timedelta(seconds=n_epochs * EPOCH_S)
    hour = start.replace(minute=0, second=0, microsecond=0)
    while (hour := hour + timedelta(hours=1)) < end:
        yield Tick((hour - start).total_seconds() / EPOCH_S, f"{hour:%H}:00")


def elapsed_text(n_columns: int, epochs_per_column: int) -> str:
    """Return hours since the beginning as one line of text, eight columns apart."""
    columns_per_h = EPOCHS_PER_H / epochs_per_column
    step_h = next(
        (h for h in STEPS_H if h * columns_per_h >= COLUMNS_PER_LABEL), STEPS_H[-1]
    )
    line = ""
    for number in range(n_columns):
        minutes = round(number * step_h * 60)
        label = f"{minutes // 60}:{minutes % 60:02d}"
        column = round(number * step_h * columns_per_h)
        if column + len(label) > n_columns:
            break
        line = f"{line:<{column}}{label}"
    return line
