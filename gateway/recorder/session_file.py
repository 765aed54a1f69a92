"""The recording of one session: its file, what goes into it, the JSON beside it."""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gateway.edf.fields import patient_field, recording_field, whole_second
from gateway.edf.header import FIXED_BYTES, SIGNAL_BYTES, Header
from gateway.edf.record_writer import RecordWriter
from gateway.edf.session_writer import SessionWriter
from gateway.edf.signals import RecordLayout, lay_out
from gateway.edf.tal import Annotation
from gateway.errors import RecordingError
from gateway.messages.outputs import Output, Reading, SignalBegins
from gateway.recorder import folder as folders
from gateway.recorder.integrity import IntegrityCheck
from gateway.recorder.recording_file import RecordFile, create, reopen
from gateway.recorder.sidecar import facts_of, sidecar

log = logging.getLogger(__name__)


class FileWriter(NamedTuple):
    """Writer of a file: gateway, subject, and its clock (monotonic seconds)."""

    software: str
    subject: str | None = None
    clock: Callable[[], float] = time.monotonic


class SessionFile:
    """A recording that is open.

    Parameters
    ----------
    file : RecordFile
    night : SessionWriter
    facts : mapping
        What does not change, for the JSON beside it.
    """

    def __init__(
        self, file: RecordFile, night: SessionWriter, facts: Mapping[str, Any]
    ) -> None:
        self.night = night
        self.path = file.path
        self._file = file
        self._facts = facts

    def push(self, value: Output) -> None:
        """Write what follows from `value`; raises `OSError`."""
        self._file.append(self.night.push(value))

    def sync(self) -> None:
        """Have the disk keep it; raises `OSError`."""
        self._file.sync()

    def describe(self) -> None:
        """Write the JSON beside it; raises `OSError`."""
        document = sidecar(
            self._facts, self.path.name, self.night, self._file.n_records
        )
        folders.write_beside(self.path, document)

    def close(self) -> None:
        """Write what is left; raises `OSError`, but lets go of the file."""
        try:
            self._file.append(self.night.close())
        finally:
            self._file.close()
        self.describe()

    def abandon(self) -> list[Annotation]:
        """Let go of a file that refuses to be written; return what it lacks."""
        with suppress(OSError):
            self._file.close()
        return self.night.records.unwritten()


def open_night(
    folder: Path, reading: Reading, begins: SignalBegins, writer: FileWriter
) -> SessionFile:
    """Begin the recording of a session, or go on with it.

    Where the file of that session cannot be gone on with, because the headband's
    settings changed or it is damaged, another part begins.

    Raises
    ------
    OSError
        If it cannot be written.
    ValueError
        If the montage fits no file.
    """
    layout = lay_out(begins.info.montage)
    facts = facts_of(reading, begins, layout, writer.software)
    parts = folders.of_session(folder, reading.device, reading.session)
    if parts and _is_empty(parts[-1], layout):
        empty = parts.pop()
        empty.rename(folders.free_name(empty))
    if parts and (found := _reopened(parts[-1], layout, writer)) is not None:
        file, known = found
        log.info("%s: goes on after %d records", file.path.name, known.n_records)
        night = SessionWriter(_records(known, layout), reading.channels)
        before = folders.read_beside(file.path)
        if before is not None and "start" in before:
            facts["start"] = before["start"]
    else:
        start, offset_us = whole_second(begins.start_utc.astimezone())
        header = _header(layout, start, reading.session, begins.driver, writer)
        stem = folders.name_of(start, reading.device, reading.session, len(parts) + 1)
        path = folder / f"{stem}{folders.SUFFIXES[layout.wide]}"
        file = create(path, header, writer.clock)
        log.info("%s: begins", file.path.name)
        night = SessionWriter(RecordWriter(layout, offset_us), reading.channels)
        night.introduce(begins, _words(reading, begins, writer))
    opened = SessionFile(file, night, facts)
    try:
        opened.describe()
    except OSError:
        opened.abandon()
        raise
    return opened


def _is_empty(path: Path, layout: RecordLayout) -> bool:
    """Tell whether a recording was cut off within its first data record."""
    signals = layout.signals()
    n_header_bytes = FIXED_BYTES + SIGNAL_BYTES * len(signals)
    n_samples = sum(signal.n_samples for signal in signals)
    return path.stat().st_size < n_header_bytes + (3 if layout.wide else 2) * n_samples


def _header(
    layout: RecordLayout, start: datetime, session: str, driver: str, writer: FileWriter
) -> Header:
    return Header(
        patient=patient_field(writer.subject),
        recording=recording_field(start, code=session, equipment=f"sleepgate_{driver}"),
        start=start,
        record_us=layout.record_us,
        signals=layout.signals(),
        wide=layout.wide,
    )


def _words(reading: Reading, begins: SignalBegins, writer: FileWriter) -> list[str]:
    firmware = begins.info.firmware
    return [
        f"Recorded by sleepgate {writer.software}",
        f"Device {reading.device}, {begins.driver}"
        + ("" if firmware is None else f", firmware {firmware}"),
        f"Model {reading.model} {reading.model_digest}",
    ]


def _reopened(
    path: Path, layout: RecordLayout, writer: FileWriter
) -> tuple[RecordFile, IntegrityCheck] | None:
    try:
        file, known = reopen(path, writer.clock)
    except RecordingError as error:
        log.warning("%s; another part begins", error)
        return None
    same = known.header.signals == layout.signals()
    if same and known.header.record_us == layout.record_us:
        return file, known
    file.close()
    log.warning("%s: other settings now; another part begins", path.name)
    return None


def _records(known: IntegrityCheck, layout: RecordLayout) -> RecordWriter:
    """Return records that go on where a file ends, from its last samples."""
    last = iter(known.last)
    held = (
        None
        if not known.last
        else [
            np.array([next(last)[-1] for _ in stream.channels], np.int32)
            for stream in layout.montage.streams
        ]
    )
    return RecordWriter(layout, known.offset_us, known.n_records, held, known.account)
