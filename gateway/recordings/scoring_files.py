"""Scorings that are no EDF: which file is read how.

A kind of file is a function of its text or bytes in `gateway.formats`, and a line here.
"""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from gateway.errors import RecordingError
from gateway.formats.luna_annot import read_luna_annot
from gateway.formats.remlogic_text import is_remlogic, read_remlogic
from gateway.formats.stage_table import StageSpan, read_stage_list, table_spans
from gateway.formats.stage_xml import read_stage_xml

LARGEST = 64 * 2**20  # bytes; a night of the NSRR's has 1 MB
TABLES = frozenset({".csv", ".tsv"})
SCORINGS = TABLES | {".txt", ".xml", ".annot", ".eannot"}


class ScoredSpans(NamedTuple):
    """Stages of a file, and when second 0 was; None where it does not say."""

    spans: list[StageSpan]
    start_utc: datetime | None


def read_spans(path: Path) -> ScoredSpans:
    """Read the stages of a table, a text or an XML file.

    Raises
    ------
    RecordingError
        If it cannot be read, or is no hypnogram.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    if len(content) > LARGEST:
        raise RecordingError(f"{path}: more than {LARGEST >> 20} MB; no hypnogram")
    try:
        return _spans(path.suffix.lower(), content)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error


def looks_like_remlogic(path: Path) -> bool:
    """Return whether a text file is an event list of RemLogic."""
    try:
        with path.open("rb") as file:
            return is_remlogic(file.read(2**16).decode("latin-1"))
    except OSError:
        return False


def _spans(kind: str, content: bytes) -> ScoredSpans:
    if kind == ".xml":
        return ScoredSpans(read_stage_xml(content), None)
    text = _text(content)
    if kind == ".annot":
        return ScoredSpans(read_luna_annot(text), None)
    if kind == ".txt" and is_remlogic(text):
        return ScoredSpans(*read_remlogic(text))
    if kind in {".txt", ".eannot"} and (spans := read_stage_list(text)):
        return ScoredSpans(spans, None)
    return ScoredSpans(table_spans(text), None)


def _text(content: bytes) -> str:
    """Decode what editors write: UTF-8 or UTF-16 with their marks, or else Latin-1."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
