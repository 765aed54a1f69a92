"""Copies of a recording: as it is, without what tells of a person, or its texts."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from pathlib import Path

from gateway.edf.fields import seconds_text
from gateway.edf.header import Header
from gateway.edf.tal import parse_annotations
from gateway.errors import RecordingError
from gateway.recorder.integrity import annotations, survey

NO_DATE = datetime(1985, 1, 1)  # noqa: DTZ001 (a file's local date, when it is removed)
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
    header = _anonymous(known.header) if anonymise else known.header
    with _telling(target), source.open("rb") as raw, target.open("xb") as file:
        file.write(header.encode(known.n_records))
        raw.seek(known.header.n_bytes)
        for _ in range(known.n_records):
            record = raw.read(header.record_bytes)
            file.write(_cleaned(record, header) if anonymise else record)
    return known.n_records


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


def _anonymous(header: Header) -> Header:
    of_day = {
        unit: getattr(header.start, unit) for unit in ("hour", "minute", "second")
    }
    return replace(
        header,
        patient="X X X X",
        recording="Startdate X X X X",
        start=NO_DATE.replace(**of_day),
    )


def _cleaned(record: bytes, header: Header) -> bytes:
    n_bytes = header.signals[-1].n_samples * header.sample_bytes
    kept = b"".join(
        said.encode()
        for said in parse_annotations(record[-n_bytes:])
        if all(text.startswith(HARMLESS) or not text for text in said.texts)
    )
    return record[:-n_bytes] + kept.ljust(n_bytes, b"\0")


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise RecordingError(f"{target}: there already; name another") from error
    except OSError as error:
        raise RecordingError(f"{target}: {error.strerror or error}") from error
