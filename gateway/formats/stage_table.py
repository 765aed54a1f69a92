"""Hypnograms out of tables: CSV, BIDS and the like. Pure."""

import csv
import io

from gateway.epoch_length import EPOCH_S
from gateway.staging.stage import Stage

COLUMNS = ("stage", "trial_type")  # ours and BIDS's own
LONGEST_S = 7 * 86400.0
BY_TEXT: dict[str, Stage | None] = {
    **{f"{stage.value}".lower(): stage for stage in Stage},
    **{stage.edf_annotation.lower(): stage for stage in Stage},
    "wake": Stage.W,
    "rem": Stage.R,
    "sleep stage ?": None,
    **dict.fromkeys(("", "n/a", "?", "-", "uns", "art", "unscored", "artefact")),
}


def read_stage_table(text: str, column: str | None = None) -> tuple[Stage | None, ...]:
    """Read one stage per 30 s.

    Parameters
    ----------
    text : str
        Lines of comma- or tab-separated values under a line of names. Without a
        column ``onset`` lines follow each other; without ``duration`` they are epochs.
    column : str or None
        Where the stages are; None for ``stage``, or else ``trial_type``.

    Raises
    ------
    ValueError
        If there is no such column, or a stage of no known name; says the line.
    """
    separator = "\t" if "\t" in text.partition("\n")[0] else ","
    rows = csv.DictReader(io.StringIO(text), delimiter=separator)
    names = rows.fieldnames or []
    wanted = [column] if column else list(COLUMNS)
    found = next((name for name in wanted if name in names), None)
    if found is None:
        raise ValueError(f"no column {' or '.join(wanted)}; it has {', '.join(names)}")
    stages: list[Stage | None] = []
    for row in rows:
        word = (row[found] or "").strip()
        if word.lower() not in BY_TEXT:
            raise ValueError(f"line {rows.line_num}: {word!r} is no stage")
        first = _epochs(row.get("onset"), len(stages), rows.line_num)
        length = _epochs(row.get("duration"), 1, rows.line_num)
        stages += [None] * (first + length - len(stages))
        stages[first : first + length] = [BY_TEXT[word.lower()]] * length
    return tuple(stages)


def _epochs(seconds: str | None, otherwise: int, line: int) -> int:
    if seconds is None or not seconds.strip():
        return otherwise
    try:
        value = float(seconds)
    except ValueError as error:
        raise ValueError(f"line {line}: {seconds!r} are no seconds") from error
    if not 0 <= value <= LONGEST_S:
        raise ValueError(f"line {line}: {seconds} s; check it")
    return round(value / EPOCH_S)
