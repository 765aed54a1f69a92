"""A recording in a few lines, without reading it from end to end."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from gateway.edf.fields import SECOND_US
from gateway.edf.header import KIND, Header, parse_header
from gateway.errors import RecordingError
from gateway.recorder import folder as folders
from gateway.recorder.integrity import LONGEST_HEADER, IntegrityCheck
from gateway.recorder.recording_file import is_being_written
from gateway.recorder.sidecar import annotated


class ListedRecording(NamedTuple):
    """What the header and the JSON beside a recording say.

    Attributes
    ----------
    path : Path
    header : Header
    n_records : int
        As the header counts.
    n_bytes : int
    state : str
        ``"recording"`` while it is written, ``"ended"``, or ``"open"``: its session
        may go on; ``"cut off"``: to be mended first.
    document : dict or None
        The JSON beside it.
    """

    path: Path
    header: Header
    n_records: int
    n_bytes: int
    state: str
    document: dict[str, Any] | None

    @property
    def duration(self) -> timedelta:
        """How long it is, on its own clock."""
        return timedelta(microseconds=self.n_records * self.header.record_us)


def glance(path: Path) -> ListedRecording:
    """Look at a recording.

    Raises
    ------
    RecordingError
        If it is none.
    """
    try:
        with path.open("rb") as file:
            header, n_records = parse_header(os.pread(file.fileno(), LONGEST_HEADER, 0))
        n_bytes = path.stat().st_size
        document = folders.read_beside(path)
        expected = header.n_bytes + n_records * header.record_bytes
        if is_being_written(path):
            state = "recording"
        elif n_bytes != expected:
            state = "cut off"
        else:
            ended = document is not None and document.get("state") == "ended"
            state = "ended" if ended else "open"
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    return ListedRecording(path, header, n_records, n_bytes, state, document)


def row(seen: ListedRecording) -> dict[str, Any]:
    """Return a recording's line of a list, for programs."""
    document = seen.document or {}
    return {
        "file": seen.path.name,
        "state": seen.state,
        "start_local": _local(seen.header.start),
        "duration_s": seen.duration.total_seconds(),
        "bytes": seen.n_bytes,
        "device": document.get("device"),
        "session": document.get("session"),
        "epochs": document.get("epochs"),
        "annotated": document.get("annotated"),
    }


def details(seen: ListedRecording, known: IntegrityCheck) -> dict[str, Any]:
    """Return everything there is to know of a recording, read from end to end."""
    header, account = known.header, known.account
    seconds = header.record_us / SECOND_US
    return {
        **row(seen),
        "format": KIND[header.wide],
        "patient": header.patient,
        "recording": header.recording,
        "duration_s": known.n_records * seconds,
        "data_records": known.n_records,
        "record_s": seconds,
        "whole": known.is_whole,
        "signals": [
            {
                "label": signal.label,
                "sfreq_hz": signal.n_samples / seconds,
                "physical_min": float(signal.physical_min),
                "physical_max": float(signal.physical_max),
                "dimension": signal.dimension,
                "digital_min": signal.digital_min,
                "digital_max": signal.digital_max,
            }
            for signal in header.signals[:-1]
        ],
        "epochs": {"total": account.n_epochs, "scored": account.n_scored},
        "annotated": annotated(account),
        "beside": seen.document,
    }


def _local(start: datetime) -> str:
    return start.isoformat(sep=" ")
