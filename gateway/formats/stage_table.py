"""Hypnograms out of tables: CSV, BIDS and the like. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import NamedTuple

from gateway.epoch_length import EPOCH_S
from gateway.staging.stage import Stage
from gateway.staging.stage_names import is_stage, stage_of

COLUMNS = ("stage", "trial_type")  # ours and BIDS's own
LONGEST_S = 7 * 86400.0


class StageSpan(NamedTuple):
    """A stage and when it was, seconds; `where` names it in messages."""

    onset_s: float
    duration_s: float
    stage: Stage | None
    where: str


def epoch_at(second: float) -> int:
    """Return the first epoch whose middle is at or after `second`."""
    return max(0, -int(-(second - EPOCH_S / 2) // EPOCH_S))


def lay_stages(spans: Iterable[StageSpan]) -> list[Stage | None]:
    """Return the stage of every epoch: that of its middle.

    Raises
    ------
    ValueError
        If two spans claim one epoch with different stages.
    """
    stages: list[Stage | None] = []
    claimed: dict[int, StageSpan] = {}
    for span in spans:
        first, last = epoch_at(span.onset_s), epoch_at(span.onset_s + span.duration_s)
        stages += [None] * (last - len(stages))
        for index in range(first, last):
            other = claimed.setdefault(index, span)
            if other.stage not in {None, span.stage}:
                raise ValueError(
                    f"overlap: the epoch at {index * EPOCH_S} s is {span.where} and "
                    f"{other.where}; keep one of them"
                )
            claimed[index] = span
            stages[index] = span.stage
    return stages


def read_stage_table(text: str, column: str | None = None) -> tuple[Stage | None, ...]:
    """Read one stage per 30 s, that of each epoch's middle.

    Parameters
    ----------
    text : str
        Lines of values, separated by commas, semicolons or tabs, under a line of
        names; rows may be of any duration. Without a
        column ``onset`` lines follow each other; without ``duration`` they are epochs.
    column : str or None
        Where the stages are; None for ``stage``, or else ``trial_type``.

    Raises
    ------
    ValueError
        If there is no such column, a stage of no known name, or two stages at one
        time; says the line.
    """
    text = text.removeprefix("\ufeff")
    first_line = text.partition("\n")[0]
    separator = next((x for x in "\t;" if x in first_line), ",")
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    names = {name.strip().lower(): name for name in rows.fieldnames or []}
    wanted = [column] if column else list(COLUMNS)
    found = next((names[x.lower()] for x in wanted if x.lower() in names), None)
    if found is None:
        raise ValueError(
            f"no column {' or '.join(wanted)}; it has {', '.join(names.values())}"
        )
    spans: list[StageSpan] = []
    end_s = 0.0
    for row in rows:
        word, where = (row[found] or "").strip(), f"line {rows.line_num}"
        if not is_stage(word, alone=True):
            raise ValueError(f"{where}: {word!r} is no stage")
        onset_s = _seconds(row.get(names.get("onset", "")), end_s, where)
        duration_s = _seconds(row.get(names.get("duration", "")), EPOCH_S, where)
        stage = stage_of(word, alone=True)
        spans.append(StageSpan(onset_s, duration_s, stage, f"{word!r} ({where})"))
        end_s = onset_s + duration_s
    return tuple(lay_stages(spans))


def _seconds(text: str | None, otherwise: float, where: str) -> float:
    if text is None or text.strip().lower() in {"", "n/a"}:
        return otherwise
    try:
        value = float(text.replace(",", "."))
    except ValueError as error:
        raise ValueError(f"{where}: {text!r} are no seconds") from error
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"{where}: {text} s; check it")
    return value
