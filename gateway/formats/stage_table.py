"""Hypnograms out of tables: CSV, BIDS and the like. Pure."""

import csv
import io
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from gateway.epoch_length import EPOCH_S
from gateway.staging.stage import Stage
from gateway.staging.stage_names import is_stage, looks_like_stage, stage_of

# ours and YASA's, BIDS's own, and what else people write
COLUMNS = (
    *("stage", "trial_type", "stages", "sleep_stage", "sleep stage", "sleepstage"),
    *("hypnogram", "hypno", "description", "annotation", "label", "staging"),
)
EVENTS = ("trial_type", "description", "annotation")  # where others stand beside stages
ONSETS = ("onset", "start", "onset_s", "start_s")
DURATIONS = ("duration", "duration_s")
# YASA's numbers, and those of Rechtschaffen and Kales
YASA = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "4": "R", "-1": "?", "-2": "?"}
RK = {**YASA, "4": "N3", "5": "R", "6": "?", "7": "?", "8": "?", "9": "?"}
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
        Where the stages are; None for the first of `COLUMNS` that there is.

    Raises
    ------
    ValueError
        If there is no such column, a stage of no known name, or two stages at one
        time; says the line.
    """
    return tuple(lay_stages(table_spans(text, column)))


def table_spans(text: str, column: str | None = None) -> list[StageSpan]:
    """Return the spans of a table; see `read_stage_table`."""
    text = text.removeprefix("\ufeff")
    first_line = text.partition("\n")[0]
    separator = next((x for x in "\t;" if x in first_line), ",")
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    names = {name.strip().lower(): name for name in rows.fieldnames or []}
    wanted = [column] if column else list(COLUMNS)
    found = next((x.lower() for x in wanted if x.lower() in names), None)
    if found is None:
        shown = " or ".join(wanted if column else COLUMNS[:2])
        raise ValueError(f"no column {shown}; it has {', '.join(names.values())}")
    lines = [(rows.line_num, row) for row in rows]
    words = _named([(row[names[found]] or "").strip() for _, row in lines])
    spans: list[StageSpan] = []
    end_s = 0.0
    for (line, row), word in zip(lines, words, strict=True):
        where = f"line {line}"
        if not is_stage(word, alone=True):
            if found in EVENTS and not looks_like_stage(word):
                continue
            raise ValueError(f"{where}: {word!r} is no stage")
        onset_s = _seconds(_cell(row, names, ONSETS), end_s, where)
        duration_s = _seconds(_cell(row, names, DURATIONS), EPOCH_S, where)
        stage = stage_of(word, alone=True)
        spans.append(StageSpan(onset_s, duration_s, stage, f"{word!r} ({where})"))
        end_s = onset_s + duration_s
    if not spans and found in EVENTS and lines:
        raise ValueError(f"no {names[found]} is a stage")
    return spans


def read_stage_list(text: str) -> list[StageSpan]:
    """Return the spans of one stage per line and epoch; none if it is no such list.

    Raises
    ------
    ValueError
        If the first line is a stage and a later one is not; says the line.
    """
    lines = [line.strip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if not lines or not (
        lines[0] in RK or (lines[0] and is_stage(lines[0], alone=True))
    ):
        return []
    spans = []
    for n, word in enumerate(_named(lines)):
        if not word or not is_stage(word, alone=True):
            raise ValueError(f"line {n + 1}: {word!r} is no stage")
        where = f"{word!r} (line {n + 1})"
        stage = stage_of(word, alone=True)
        spans.append(StageSpan(n * EPOCH_S, EPOCH_S, stage, where))
    return spans


def _named(words: list[str]) -> list[str]:
    """Return stages by name, where all of them are numbers.

    With a 5 they are those of Rechtschaffen and Kales, where 5 is REM and 4 is deep;
    without, YASA's, where 4 is REM.

    Raises
    ------
    ValueError
        If a 4 may be either: there is no 5, and it borders on 3 as deep sleep does.
    """
    if not words or not all(word in RK for word in words):
        return words
    if any(word in "56789" for word in words):
        return [RK[word] for word in words]
    changes = [{a, b} for a, b in pairwise(words) if a != b and "4" in {a, b}]
    if changes and sum("3" in change for change in changes) * 2 > len(changes):
        raise ValueError(
            "4 may be REM, as YASA counts, or stage 4: write names like N3 and R"
        )
    return [YASA[word] for word in words]


def _cell(
    row: Mapping[str, str | None], names: Mapping[str, str], known: Iterable[str]
) -> str | None:
    return next((row.get(names[name]) for name in known if name in names), None)


def _seconds(text: str | None, otherwise: float, where: str) -> float:
    if text is None or text.strip().lower() in {"", "n/a"}:
        return otherwise
    return seconds_of(text, where)


def seconds_of(text: str, where: str) -> float:
    """Return the seconds that a cell holds, with a decimal point or comma.

    Raises
    ------
    ValueError
        If they are none, negative or more than `LONGEST_S`; begins with `where`.
    """
    try:
        value = float(text.replace(",", "."))
    except ValueError as error:
        raise ValueError(f"{where}: {text!r} are no seconds") from error
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"{where}: {text} s; check it")
    return value
