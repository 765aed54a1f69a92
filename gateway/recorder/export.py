"""Copies of a recording: as it is, without what tells of a person, or its texts."""

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

from gateway.atomic_write import RESULT_MODE
from gateway.edf.fields import seconds_text
from gateway.edf.header import COUNT_AT, COUNT_BYTES, Header
from gateway.edf.tal import parse_annotations
from gateway.errors import RecordingError
from gateway.recorder.integrity import annotations, survey

PATIENT, RECORDING, START_DATE = slice(8, 88), slice(88, 168), slice(168, 176)
NOBODY = (b"X X X X".ljust(80), b"Startdate X X X X".ljust(80), b"01.01.85")
# what is said of the signal and the stages, and nothing of when, whose and what else
HARMLESS = (
    *("Sleep stage ", "Not scored: ", "BAD_", "Lights o", "Link "),
    *("Input ", "Mains ", "Model ", "Recorded by ", "Scored until "),
)


def copy(source: Path, target: Path, *, anonymise: bool) -> int:
    """Copy the whole records of a recording, also while it is written.

    Without its date, codes and device, and of its annotations only those of signal
    and stages, if it is to be anonymous; the time of day stays, as sleep is about it.
    Returns the number of records.

    Raises
    ------
    RecordingError
        If `source` cannot be read, or `target` is there or cannot be written.
    """
    known = survey(source)
    header = known.header
    if not known.n_records:
        raise RecordingError(f"{source}: no whole data record to copy")
    with _telling(target), source.open("rb") as raw, target.open("xb") as file:
        os.fchmod(file.fileno(), RESULT_MODE)
        head = bytearray(raw.read(header.n_bytes))
        head[COUNT_AT : COUNT_AT + COUNT_BYTES] = _count(known.n_records)
        if anonymise:
            head[PATIENT], head[RECORDING], head[START_DATE] = NOBODY
        file.write(head)
        for _ in range(known.n_records):
            record = raw.read(header.record_bytes)
            file.write(_cleaned(record, header) if anonymise else record)
    return known.n_records


def _count(n_records: int) -> bytes:
    return str(n_records).encode().ljust(COUNT_BYTES)


def write_csv(source: Path, target: Path) -> int:
    """Write onset, duration and text of every annotation; return how many.

    Seconds count from the first sample.

    Raises
    ------
    RecordingError
        As `copy` does.
    """
    offset_us, n = survey(source).offset_us, 0
    with _telling(target), target.open("x", newline="", encoding="utf-8") as file:
        os.fchmod(file.fileno(), RESULT_MODE)
        table = csv.writer(file)
        table.writerow(("onset_s", "duration_s", "text"))
        for said in sorted(annotations(source), key=attrgetter("onset_us")):
            onset_s = seconds_text(said.onset_us - offset_us)
            duration_us = said.duration_us
            duration_s = "" if duration_us is None else seconds_text(duration_us)
            for text in said.texts:
                table.writerow((onset_s, duration_s, text))
                n += 1
    return n


def _cleaned(record: bytes, header: Header) -> bytes:
    cleaned = bytearray(record)
    columns = header.columns()
    for number in header.annotation_signals:
        column = columns[number]
        kept = b"".join(
            annotation.encode()
            for annotation in parse_annotations(record[column])
            if all(text.startswith(HARMLESS) or not text for text in annotation.texts)
        )
        cleaned[column] = kept.ljust(column.stop - column.start, b"\0")
    return bytes(cleaned)


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise RecordingError(f"{target}: there already; name another") from error
    except OSError as error:
        raise RecordingError(f"{target}: {error.strerror or error}") from error
