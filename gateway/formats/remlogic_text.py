"""Hypnograms in the event lists that RemLogic exports, as of the CAP database. Pure.

Lines of tabs under ``Sleep Stage  [Position]  Time [hh:mm:ss]  Event  Duration[s]``,
below a ``Recording Date:`` of day, month and year; the event ``SLEEP-S2`` is an epoch
of stage 2 (https://physionet.org/content/capslpdb).
"""

import re
from datetime import UTC, datetime, timedelta

from gateway.formats.stage_table import LONGEST_S, StageSpan, seconds_of
from gateway.staging.stage_names import is_stage, stage_of

HEADING = re.compile(r"^Sleep Stage\t.*Time \[hh:mm:ss\].*$", re.MULTILINE)
DATE = re.compile(
    r"^Recording Date:\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.MULTILINE
)
CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})[:.](\d{2})(?:[.,]\d+)?")
EVENT = "SLEEP-"
NAMES = {"S0": "W", "REM": "R", "MT": "?", "UNSCORED": "?"}
DAY_S = 86400.0


def is_remlogic(text: str) -> bool:
    """Return whether a text has the heading of such a list."""
    return HEADING.search(text) is not None


def read_remlogic(text: str) -> tuple[list[StageSpan], datetime | None]:
    """Return the stages, seconds since the first of them, and when that was.

    The time is the recorder's local one, labelled UTC as that of EDF is; None where
    the list has no recording date.

    Raises
    ------
    ValueError
        If there is no stage, or a line cannot be read.
    """
    heading = HEADING.search(text)
    if heading is None:
        raise ValueError("no line 'Sleep Stage ... Time [hh:mm:ss] ... Event'")
    columns = [name.strip().lower() for name in heading[0].split("\t")]
    at_time = columns.index("time [hh:mm:ss]")
    at_event, at_duration = at_time + 1, at_time + 2
    first_line = text.count("\n", 0, heading.end()) + 1
    spans: list[StageSpan] = []
    began: timedelta | None = None
    for n, line in enumerate(text[heading.end() :].splitlines()[1:], first_line + 1):
        row = [value.strip() for value in line.split("\t")]
        if len(row) <= at_duration or not row[at_event].startswith(EVENT):
            continue
        where = f"line {n}"
        name = row[at_event].removeprefix(EVENT)
        word = NAMES.get(name, name)
        if not is_stage(word, alone=True):
            raise ValueError(f"{where}: {row[at_event]!r} is no stage")
        clock = _clock(row[at_time], where)
        began = clock if began is None else began
        onset_s = (clock - began).total_seconds() % DAY_S  # past midnight
        while spans and onset_s < spans[-1].onset_s - DAY_S / 2:
            onset_s += DAY_S
        duration_s = seconds_of(row[at_duration], where)
        if onset_s > LONGEST_S:
            raise ValueError(f"{where}: a week after the first stage; check it")
        stage = stage_of(word, alone=True)
        spans.append(StageSpan(onset_s, duration_s, stage, f"{name!r} ({where})"))
    if began is None:
        raise ValueError("no event like SLEEP-S2")
    return spans, _date(text, began)


def _clock(text: str, where: str) -> timedelta:
    found = CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f"{where}: {text!r} is no time like 23:05:30")
    hours, minutes, seconds = map(int, found.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def _date(text: str, clock: timedelta) -> datetime | None:
    found = DATE.search(text)
    if found is None:
        return None
    day, month, year = map(int, found.groups())
    try:
        return datetime(year, month, day, tzinfo=UTC) + clock
    except ValueError as error:
        raise ValueError(f"Recording Date: {found[0]!r} is no date") from error
