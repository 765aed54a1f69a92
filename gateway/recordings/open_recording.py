"""Any recording that can be scored, by what it is."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.edf.header import ANNOTATIONS, LONGEST_HEADER, split_header
from gateway.errors import RecordingError
from gateway.recordings.edf_night import EdfNight
from gateway.recordings.edf_recording import open_edf
from gateway.recordings.muse_csv import layout_of, read_muse_csv
from gateway.recordings.npz import read_npz
from gateway.recordings.recording import Recording

NPZ = ".npz"
CSV = ".csv"  # a headband's, by its first line; a table of stages otherwise
RECORDINGS = {".edf", ".bdf", ".rec", NPZ}  # .rec: older EDF, as of ISRUC
# how the names of hypnograms end
NO_NIGHT = ("-hypnogram", "_hypnogram", "_sleepscoring")


def open_night(
    path: Path, channels: Mapping[str, str] | None = None, unit: str | None = None
) -> EdfNight | Recording:
    """Open `path` for scoring; see `open_edf` and `read_npz`.

    Raises
    ------
    RecordingError
        If it cannot be used.
    """
    if path.suffix.lower() == NPZ:
        return read_npz(path, channels)
    if path.suffix.lower() == CSV and (layout := layout_of(path)):
        return read_muse_csv(path, layout)
    return open_edf(path, channels, unit)


def is_recording(path: Path) -> bool:
    """Return whether a file is a recording, by its name or its first line."""
    kind = path.suffix.lower()
    return kind in RECORDINGS or (kind == CSV and layout_of(path) is not None)


def recordings_in(folder: Path) -> Iterator[Path]:
    """Yield the recordings in `folder` and below, in the order of their names.

    Hypnograms, by their names or because they hold annotations alone, and hidden files
    are none.

    Raises
    ------
    RecordingError
        If there are none.
    """
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in RECORDINGS
        and not path.stem.lower().endswith(NO_NIGHT)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
        and not _is_scoring(path)
    )
    if not found:
        raise RecordingError(f"{folder}: no .edf, .bdf or .npz file in it")
    yield from found


def _is_scoring(path: Path) -> bool:
    """Return whether a file holds annotations and no signal."""
    if path.suffix.lower() == NPZ:
        return False
    try:
        with path.open("rb") as file:
            texts = split_header(file.read(LONGEST_HEADER))
    except (OSError, ValueError):
        return False  # opening it says what is wrong
    return all(signal["label"] in ANNOTATIONS.values() for signal in texts.signals)
