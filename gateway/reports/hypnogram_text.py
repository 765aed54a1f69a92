"""Hypnogram in block characters. Pure.

A row per stage, in the AASM's order from the top. Where the width is short a column
stands for several epochs, and the height of its block in a row is the share of them
in that stage: nothing is left out, a night of 960 epochs fits any terminal.
"""

from collections.abc import Sequence
from math import ceil

from gateway.reports.time_axis import elapsed_text
from gateway.staging.hypnogram import LEVELS
from gateway.staging.stage import Refusal, Stage

REFUSED = "--"
LABEL_WIDTH = 3
EIGHTHS = " ▁▂▃▄▅▆▇█"


def draw_text(hypnogram: Sequence[Stage | Refusal], width: int) -> list[str]:
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
        for stage in LEVELS
    ]
    refused = [
        sum(isinstance(s, Refusal) for s in column) / len(column) for column in columns
    ]
    lines.append(_row(REFUSED, refused) if any(refused) else "")
    lines.append(" " * LABEL_WIDTH + elapsed_text(n_columns, n_per_column))
    return lines


def _row(label: str, shares: Sequence[float]) -> str:
    # rounded up: a stage that occurs at all gets at least the lowest block
    blocks = (EIGHTHS[ceil(share * 8)] for share in shares)
    return f"{label:<{LABEL_WIDTH}}{''.join(blocks)}".rstrip()
