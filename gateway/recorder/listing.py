"""A recording in a few lines, without reading it from end to end."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from gateway.edf.header import LONGEST_HEADER, Header, parse_header
from gateway.errors import RecordingError
from gateway.recorder import folder as folders


class ListedRecording(NamedTuple):
    """Recording as a list shows it, by its header and the JSON beside it.

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
        """Duration on its own clock."""
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
        if folders.is_being_written(path):
            state = "recording"
        elif n_bytes != expected and header.is_ours:
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


def _local(start: datetime) -> str:
    return start.isoformat(sep=" ")
