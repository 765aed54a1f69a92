"""Result files: written whole, never over a file that is not a result of ours.

``NAME_hypnogram.tsv`` and ``NAME_hypnogram.edf`` are also the names that laboratories
and BIDS give to an expert's scoring.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from gateway.atomic_write import write_result
from gateway.errors import RecordingError
from gateway.formats.night_tables import BIDS_COLUMNS, CSV_COLUMNS

REPORT = "_report"  # how the names of pages and pictures of ours end
FIRST_LINES = {
    ".csv": ",".join(CSV_COLUMNS).encode(),
    ".tsv": "\t".join(BIDS_COLUMNS).encode(),
}


def check_replaceable(paths: Iterable[Path]) -> None:
    """Check that nothing but results of ours lies under the names of results.

    Raises
    ------
    RecordingError
        Naming the file of another program or person.
    """
    for path in paths:
        if path.exists() and not is_result(path):
            raise RecordingError(
                f"{path}: there already, and not written by sleepgate; left as it is: "
                "move it, or write elsewhere with --into FOLDER (report: --out FOLDER)"
            )


def write_results(results: dict[Path, bytes]) -> None:
    """Write files by their names, none if one of them would replace another's.

    Raises
    ------
    RecordingError
        As `check_replaceable`.
    ConfigError
        If one cannot be written.
    """
    check_replaceable(results)
    for path, content in results.items():
        write_result(path, content)


def is_result(path: Path) -> bool:
    """Return whether Sleepgate wrote a file, by what is in it."""
    if path.stem.endswith(REPORT):
        return True
    try:
        content = path.read_bytes()
    except OSError:
        return False
    kind = path.suffix.lower()
    if kind == ".json":
        return _is_json_of_ours(content)
    if kind == ".edf":
        return b" X sleepgate " in content[88:168]  # its recording field
    return kind in FIRST_LINES and content.startswith(FIRST_LINES[kind])


def _is_json_of_ours(content: bytes) -> bool:
    try:
        document = json.loads(content)
    except ValueError:
        return False
    if not isinstance(document, dict):
        return False
    if {"v", "epochs", "model", "final_changed_epochs"} <= document.keys():
        return True
    made_by = document.get("GeneratedBy")
    return isinstance(made_by, list) and any(
        isinstance(each, dict) and each.get("Name") == "sleepgate" for each in made_by
    )
