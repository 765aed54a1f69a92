"""Hypnograms in Luna's ``.annot`` files. Pure.

After https://zzz.bwh.harvard.edu/luna/ref/annotations: columns of class, instance,
channel, start, stop and meta, or fewer; times as elapsed seconds, ``0+hh:mm:ss``,
``e:4``; a stop as ``+30`` or ``...``. The time of day needs a recording's start, and is
refused.
"""

from gateway.formats.stage_table import LONGEST_S, StageSpan
from gateway.staging.stage_names import is_stage, looks_like_stage, stage_of

START_COLUMN = {6: 3, 4: 2, 3: 1}  # by the number of columns
TIMES = 2


def read_luna_annot(text: str) -> list[StageSpan]:
    """Return the stages among the annotations; others are skipped.

    Raises
    ------
    ValueError
        If there are none, a name looks like a stage and is not known, or a time
        cannot be read; says the line.
    """
    rows = [
        (n, line.split("\t") if "\t" in line else line.split())
        for n, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1)
        if line.strip() and not line.startswith("#")
    ]
    rows = [(n, row) for n, row in rows if row[0].strip().lower() != "class"]
    starts = [_start(row, f"line {n}") for n, row in rows]
    spans = []
    for at, (n, row) in enumerate(rows):
        where, name = f"line {n}", row[0].strip()
        if not is_stage(name):
            if looks_like_stage(name):
                raise ValueError(f"{where}: {name!r} is no stage")
            continue
        start_s = starts[at]
        follows_s = starts[at + 1] if at + 1 < len(rows) else start_s + 30.0
        stop_s = _stop(row, start_s, follows_s, where)
        if not start_s <= stop_s <= LONGEST_S:
            raise ValueError(f"{where}: from {start_s:g} to {stop_s:g} s; check it")
        named = f"{name!r} ({where})"
        spans.append(StageSpan(start_s, stop_s - start_s, stage_of(name), named))
    if not spans:
        raise ValueError("no annotation is a stage, like N2 or W")
    return spans


def _times(row: list[str], where: str) -> tuple[str, str]:
    if len(row) not in START_COLUMN:
        raise ValueError(f"{where}: {len(row)} columns; an .annot has 6, 4 or 3")
    at = START_COLUMN[len(row)]
    first, second = row[at : at + TIMES]
    return first.strip(), second.strip()


def _start(row: list[str], where: str) -> float:
    return _read_s(_times(row, where)[0], where, last=False)


def _stop(row: list[str], start_s: float, follows_s: float, where: str) -> float:
    first, text = _times(row, where)
    if text == "...":
        return follows_s
    if text == "." and first.startswith("e:"):
        return _read_s(first, where, last=True)
    if text.startswith("+"):
        return start_s + _read_s(text[1:], where, last=False)
    return _read_s(text, where, last=True)


def _read_s(text: str, where: str, *, last: bool) -> float:
    """Return seconds since the recording began; of an epoch its begin, or its end."""
    try:
        if text.startswith("e:"):
            number, *more = text[2:].split(":")
            epoch_s = float(more[0]) if more else 30.0
            step_s = float(more[1]) if len(more) > 1 else epoch_s
            return (int(number) - 1) * step_s + (epoch_s if last else 0.0)
        if text.startswith("0+"):
            hours, minutes, seconds = text[2:].split(":")
            return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        seconds_s = float(text)
    except ValueError as error:
        raise ValueError(
            f"{where}: {text!r} is no elapsed time; write seconds since the recording "
            "began, as Luna's WRITE-ANNOTS does"
        ) from error
    if not 0 <= seconds_s <= LONGEST_S:
        raise ValueError(f"{where}: {text} s; check it")
    return seconds_s
