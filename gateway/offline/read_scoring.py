"""Hypnograms of any kind of file, and which of two folders belong together."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from gateway.edf.file_reader import read_edf
from gateway.epoch_length import EPOCH_S
from gateway.errors import RecordingError
from gateway.offline.find_night import read_night
from gateway.recordings.hypnogram import night_of, read_hypnogram
from gateway.recordings.npz import npz_hypnogram
from gateway.recordings.scoring_files import SCORINGS, read_spans
from gateway.staging.lights import Lights
from gateway.staging.stage import Refusal, Stage

EDF = {".edf", ".bdf", ".rec"}
NIGHTS = {".json", ".jsonl", ".ndjson"}


Hypnogram = tuple[Stage | Refusal | None, ...]


@dataclass(frozen=True, slots=True)
class Scoring:
    """A hypnogram out of a file.

    `start_utc` is that of its first epoch, None where the file does not say; `in_bed`
    are the epochs between the lights, None where they were not marked.
    """

    path: Path
    stages: Hypnogram
    start_utc: datetime | None
    in_bed: range | None = None


def read_scoring(path: Path, *, final: bool = False) -> Scoring:
    """Read the hypnogram in `path`.

    Parameters
    ----------
    path : Path
        EDF+ with annotations like ``"Sleep stage 2"``; what `sleepgate score` writes
        or prints; a table (CSV, BIDS), one stage per line, XML of Profusion or the
        NSRR, Luna's .annot, RemLogic's event list; a cut with labels (npz).
    final : bool
        Take the second pass where the file holds hypnodensities.

    Raises
    ------
    RecordingError
        If it cannot be read or has no stages.
    """
    kind = path.suffix.lower()
    if kind in EDF:
        return Scoring(path, read_hypnogram(path), read_edf(path).start_utc)
    if kind in SCORINGS:
        return Scoring(path, read_hypnogram(path), read_spans(path).start_utc)
    if kind == ".npz":
        labels = npz_hypnogram(path)
        if labels is None:
            raise RecordingError(f"{path}: it holds no labels")
        return Scoring(path, labels, None)
    night = read_night(path)
    stages = night.second_pass().stages if final else night.stages
    start_utc = night.start_utc if night.dated else None
    marked = None if night.in_bed == Lights().in_bed(night.stages) else night.in_bed
    return Scoring(path, stages, start_utc, marked)


def time_in_bed(ours: Scoring, reference: Scoring) -> range | None:
    """Return the epochs between the lights, counted as `aligned` counts them.

    Those of `ours`, else of the reference; None where neither has them.
    """
    if ours.in_bed is None:
        return reference.in_bed
    late = 0
    if ours.start_utc is not None and reference.start_utc is not None:
        late_s = (ours.start_utc - reference.start_utc).total_seconds()
        late = round(late_s / EPOCH_S)
    return range(max(ours.in_bed.start + late, 0), max(ours.in_bed.stop + late, 0))


def aligned(ours: Scoring, reference: Scoring) -> tuple[Hypnogram, Hypnogram]:
    """Return both from the reference's first epoch on.

    Where one does not say when it began, both began together.

    Raises
    ------
    RecordingError
        If they have no epoch in common, or their epochs do not begin together.
    """
    if ours.start_utc is None or reference.start_utc is None:
        return ours.stages, reference.stages
    late_s = (ours.start_utc - reference.start_utc).total_seconds()
    late = round(late_s / EPOCH_S)
    if abs(late_s - late * EPOCH_S) > EPOCH_S / 4:
        raise RecordingError(
            f"{ours.path} begins {late_s:g} s after {reference.path}: its epochs of "
            "30 s are not the same"
        )
    if late >= len(reference.stages) or -late >= len(ours.stages):
        raise RecordingError(
            f"{ours.path} and {reference.path} have no epoch in common: one began "
            f"{ours.start_utc:%Y-%m-%d %H:%M}, the other "
            f"{reference.start_utc:%Y-%m-%d %H:%M}"
        )
    if late < 0:
        return ours.stages[-late:], reference.stages
    return (*[None] * late, *ours.stages), reference.stages


def pairs(ours: Path, reference: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Return what belongs together in two folders, and what has no counterpart.

    Names count without their endings like ``-PSG``, ``-Hypnogram`` and ``_night``;
    those of Sleep-EDF up to the night, as the letters after it differ.

    Raises
    ------
    RecordingError
        If nothing belongs together, or several files to one.
    """
    mine, its = _by_night(ours), _by_night(reference)
    both = [(mine[night], its[night]) for night in sorted(mine.keys() & its.keys())]
    if not both:
        raise RecordingError(
            f"{ours} and {reference}: no two names belong together, as "
            "SC4001E0_night.json and SC4001EC-Hypnogram.edf do"
        )
    alone = mine.keys() ^ its.keys()
    return both, [str((mine | its)[night]) for night in sorted(alone)]


def _by_night(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    kinds = SCORINGS | EDF | NIGHTS | {".npz"}
    for path in sorted(folder.iterdir()):
        stem = path.stem.lower()
        if path.suffix.lower() not in kinds or stem.endswith("-psg"):
            continue
        if path.suffix.lower() == ".json" and path.with_suffix(".tsv").exists():
            continue  # of BIDS: it explains the table
        night = night_of(path.stem)
        if night in found:
            raise RecordingError(
                f"{path} and {found[night]}: both are {night}; keep one kind of file "
                "in the folder"
            )
        found[night] = path
    return found
