"""A hypnogram in block characters. Pure.

A row per stage, in the AASM's order from the top. Where the width is short a column
stands for several epochs, and the height of its block in a row is the share of them
in that stage: nothing is left out, a night of 960 epochs fits any terminal.
"""

from collections.abc import Sequence
from math import ceil

from gateway.staging.stage import Refusal, Stage

ROWS = (Stage.W, Stage.R, Stage.N1, Stage.N2, Stage.N3)
REFUSED = "--"
LABEL_WIDTH = 3
EIGHTHS = " ▁▂▃▄▅▆▇█"
EPOCHS_PER_H = 120
TICK_WIDTH = 8
TICKS_H = (0.25, 0.5, 1, 2, 4, 8, 16, 32)


def draw(hypnogram: Sequence[Stage | Refusal], width: int) -> list[str]:
    """Draw `hypnogram` in lines of at most `width` characters.

    Parameters
    ----------
    hypnogram : sequence of Stage or Refusal
        One per epoch.
    width : int

    Returns
    -------
    list of str
        Seven: W, R, N1, N2, N3, refused epochs (empty if there are none), hours.
    """
    n_columns = max(1, width - LABEL_WIDTH)
    n_per_column = max(1, ceil(len(hypnogram) / n_columns))
    columns = [
        hypnogram[start : start + n_per_column]
        for start in range(0, len(hypnogram), n_per_column)
    ]
    lines = [
        _row(stage.value, [column.count(stage) / len(column) for column in columns])
        for stage in ROWS
    ]
    refused = [
        sum(isinstance(s, Refusal) for s in column) / len(column) for column in columns
    ]
    lines.append(_row(REFUSED, refused) if any(refused) else "")
    lines.append(" " * LABEL_WIDTH + _hours(n_columns, n_per_column))
    return lines


def _row(label: str, shares: Sequence[float]) -> str:
    # whatever occurs is seen: the least share gets the lowest block
    blocks = (EIGHTHS[ceil(share * 8)] for share in shares)
    return f"{label:<{LABEL_WIDTH}}{''.join(blocks)}".rstrip()


def _hours(n_columns: int, n_per_column: int) -> str:
    """Mark the time since the beginning, no closer than eight columns."""
    per_h = EPOCHS_PER_H / n_per_column
    every_h = next((h for h in TICKS_H if h * per_h >= TICK_WIDTH), TICKS_H[-1])
    line = ""
    for tick in range(n_columns):
        minutes = round(tick * every_h * 60)
        label = f"{minutes // 60}:{minutes % 60:02d}"
        column = round(tick * every_h * per_h)
        if column + len(label) > n_columns:
            break
        line = f"{line:<{column}}{label}"
    return line
