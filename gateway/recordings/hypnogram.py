"""Hypnograms that experts scored, out of the annotations of EDF+ files."""

from datetime import datetime
from pathlib import Path

from gateway.edf.file_reader import EdfAnnotation, read_edf
from gateway.epoch_length import EPOCH_S
from gateway.errors import RecordingError
from gateway.staging.stage import STAGES, Stage

LONGEST_S = 7 * 86400.0
PREFIX = "Sleep stage "

# Rechtschaffen and Kales' stages 1 to 4 as the AASM manual merges them
BY_ANNOTATION: dict[str, Stage | None] = {
    **{stage.edf_annotation: stage for stage in STAGES},
    PREFIX + "REM": Stage.R,  # not in the standard's list, but written
    PREFIX + "1": Stage.N1,
    PREFIX + "2": Stage.N2,
    PREFIX + "3": Stage.N3,
    PREFIX + "4": Stage.N3,
    PREFIX + "?": None,
    "Movement time": None,
}


def read_hypnogram(
    path: Path, *, start_utc: datetime | None = None, n_epochs: int | None = None
) -> tuple[Stage | None, ...]:
    """Read the stages that an expert gave to a recording.

    Parameters
    ----------
    path : Path
        An EDF+ file with annotations like ``"Sleep stage 2"`` or ``"Sleep stage N2"``.
        Other annotations are skipped.
    start_utc : datetime or None
        Start of the recording; None if it began with the annotations.
    n_epochs : int or None
        Epochs of the recording; None for as many as were scored.

    Returns
    -------
    tuple of (Stage or None)
        One per 30 s of the recording: that of the epoch's middle. None for movement,
        unscored time and what no annotation covers.

    Raises
    ------
    RecordingError
        If the file cannot be read, has no sleep stages, or two at one time.
    """
    edf = read_edf(path)
    shift_s = 0.0
    if start_utc is not None and edf.start_utc is not None:
        shift_s = (edf.start_utc - start_utc).total_seconds()
    scored = [a for a in edf.annotations if a.text in BY_ANNOTATION]
    if not scored:
        raise RecordingError(
            f"{path}: no annotation like 'Sleep stage W'; give the hypnogram's file"
        )
    end_s = max(a.onset_s + (a.duration_s or 0.0) for a in scored) + shift_s
    if end_s > LONGEST_S:
        raise RecordingError(f"{path}: a stage that ends after {end_s:g} s; check it")
    stages = _laid(path, scored, shift_s, _epoch_at(end_s))
    if n_epochs is None:
        return tuple(stages)
    return (*stages[:n_epochs], *[None] * (n_epochs - len(stages)))


def _laid(
    path: Path, scored: list[EdfAnnotation], shift_s: float, n_epochs: int
) -> list[Stage | None]:
    """Return the stage of every epoch; raise `RecordingError` if two claim one."""
    stages: list[Stage | None] = [None] * n_epochs
    for annotation in scored:
        onset_s = annotation.onset_s + shift_s
        first, last = (
            _epoch_at(onset_s),
            _epoch_at(onset_s + (annotation.duration_s or 0.0)),
        )
        stage = BY_ANNOTATION[annotation.text]
        for index in range(max(first, 0), last):
            if stages[index] not in {None, stage}:
                at_s = index * EPOCH_S - shift_s
                raise RecordingError(
                    f"{path}: annotations overlap: the epoch at {at_s:g} s is "
                    f"{annotation.text!r} and something else; keep one of them"
                )
            stages[index] = stage
    return stages


def find_hypnogram(path: Path) -> Path | None:
    """Return the hypnogram beside a Sleep-EDF recording, or None.

    The two share the first seven characters: ``SC4001E0-PSG.edf`` belongs to
    ``SC4001EC-Hypnogram.edf``, whose eighth names the scorer.

    Raises
    ------
    RecordingError
        If there are several.
    """
    found = sorted(
        other
        for other in path.parent.glob("*.[eE][dD][fF]")
        if other.name[:7] == path.name[:7]
        and other.stem.lower().endswith("-hypnogram")
        and other != path
    )
    if len(found) > 1:
        names = " and ".join(other.name for other in found)
        raise RecordingError(f"{path}: both {names} are beside it; say which to use")
    return found[0] if found else None


def _epoch_at(second: float) -> int:
    """Return the first epoch whose middle is at or after `second`."""
    return max(0, -int(-(second - EPOCH_S / 2) // EPOCH_S))
