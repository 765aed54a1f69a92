"""Hypnograms that experts scored, out of the annotations of EDF+ files."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from gateway.edf.file_reader import EdfAnnotation, read_edf
from gateway.epoch_length import EPOCH_S
from gateway.errors import RecordingError
from gateway.formats.stage_table import StageSpan, lay_stages
from gateway.recordings.scoring_files import (
    SCORINGS,
    looks_like_remlogic,
    read_spans,
)
from gateway.staging.stage import Stage
from gateway.staging.stage_names import (
    has_prefix,
    is_stage,
    looks_like_stage,
    stage_of,
)

LONGEST_S = 7 * 86400.0
ENDINGS = re.compile(
    r"([-_](psg|hypnogram|night|scored|report|sleepscoring|nsrr|profusion))+$",
    re.IGNORECASE,
)
# beside a recording, in the order of trust: an archive may hold one night in several
BESIDE = (
    re.compile(r".*[-_](hypnogram|sleepscoring)\.edf", re.IGNORECASE),
    re.compile(r".*[-_]nsrr\.xml", re.IGNORECASE),
    re.compile(r".*[-_]profusion\.xml", re.IGNORECASE),
    re.compile(r".*\.annot", re.IGNORECASE),
    re.compile(r".*\.eannot", re.IGNORECASE),
    re.compile(r".*\.xml", re.IGNORECASE),
    re.compile(r".*[-_](hypnogram|sleepscoring)\.txt", re.IGNORECASE),
)
REMLOGIC = ".txt"  # of the same name, as in the CAP database
SLEEP_EDF = re.compile(r"(S[CT]4?\d{4}).{2}", re.IGNORECASE)


def read_hypnogram(
    path: Path, *, start_utc: datetime | None = None, n_epochs: int | None = None
) -> tuple[Stage | None, ...]:
    """Read the stages that an expert gave to a recording.

    Parameters
    ----------
    path : Path
        An EDF+ file with annotations like ``"Sleep stage 2"`` or ``"Sleep stage N2"``,
        or else ``"N2"`` or ``"Wake"``, in any of the names of `stage_names`. Other
        annotations are skipped. One without duration lasts to the next.
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
    if path.suffix.lower() in SCORINGS:
        return _of_text(path, start_utc, n_epochs)
    edf = read_edf(path)
    shift_s = 0.0
    if start_utc is not None and edf.start_utc is not None:
        shift_s = (edf.start_utc - start_utc).total_seconds()
    scored = _lasting(_scored(path, edf.annotations))
    end_s = max(a.onset_s + (a.duration_s or 0.0) for a in scored) + shift_s
    if end_s > LONGEST_S:
        raise RecordingError(f"{path}: a stage that ends after {end_s:g} s; check it")
    spans = [
        StageSpan(
            a.onset_s + shift_s, a.duration_s or 0.0, stage_of(a.text), repr(a.text)
        )
        for a in scored
    ]
    try:
        stages = lay_stages(spans)
    except ValueError as error:
        raise RecordingError(f"{path}: annotations {error}") from error
    return _of_length(stages, n_epochs)


def _of_length(
    stages: list[Stage | None], n_epochs: int | None
) -> tuple[Stage | None, ...]:
    if n_epochs is None:
        return tuple(stages)
    return (*stages[:n_epochs], *[None] * (n_epochs - len(stages)))


def _of_text(
    path: Path, start_utc: datetime | None, n_epochs: int | None
) -> tuple[Stage | None, ...]:
    found = read_spans(path)
    shift_s = 0.0
    if start_utc is not None and found.start_utc is not None:
        shift_s = (found.start_utc - start_utc).total_seconds()
    spans = [span._replace(onset_s=span.onset_s + shift_s) for span in found.spans]
    end_s = max((span.onset_s + span.duration_s for span in spans), default=0.0)
    if end_s > LONGEST_S:
        raise RecordingError(f"{path}: a stage that ends after {end_s:g} s; check it")
    try:
        return _of_length(lay_stages(spans), n_epochs)
    except ValueError as error:
        raise RecordingError(f"{path}: {error}") from error


def _scored(path: Path, annotations: Sequence[EdfAnnotation]) -> list[EdfAnnotation]:
    """Return the annotations that are stages; none that looks like one is left out."""
    meant = [a for a in annotations if has_prefix(a.text)]
    if not meant:  # bare names, which in other files may be somebody's markers
        meant = [a for a in annotations if is_stage(a.text) or looks_like_stage(a.text)]
    meant += [a for a in annotations if a.text.strip().lower() == "movement time"]
    unknown = Counter(a.text for a in meant if not is_stage(a.text))
    if unknown:
        listed = ", ".join(f"{text!r} ({n} times)" for text, n in unknown.items())
        raise RecordingError(
            f"{path}: annotations that look like sleep stages and are none that is "
            f"known: {listed}; rename them to Sleep stage W, N1, N2, N3, R or ?"
        )
    if not meant:
        others = list(dict.fromkeys(repr(a.text) for a in annotations))
        texts = ", ".join(others[:5])
        raise RecordingError(
            f"{path}: no annotation like 'Sleep stage W'; it has {texts or 'none'}; "
            "give the hypnogram's file"
        )
    return sorted(dict.fromkeys(meant), key=lambda a: a.onset_s)


def _lasting(scored: list[EdfAnnotation]) -> list[EdfAnnotation]:
    """Return stages with durations: to the next stage, of the last 30 s."""
    lasting: list[EdfAnnotation] = []
    for n, each in enumerate(scored):
        duration_s = each.duration_s
        if not duration_s:
            later = (a.onset_s for a in scored[n + 1 :] if a.onset_s > each.onset_s)
            duration_s = next(later, each.onset_s + EPOCH_S) - each.onset_s
        lasting.append(each._replace(duration_s=duration_s))
    return lasting


def night_of(stem: str) -> str:
    """Return the part of a file's name that says subject and night, lower case.

    >>> night_of("SC4001EC-Hypnogram"), night_of("subject_01-PSG")
    ('sc4001', 'subject_01')
    """
    name = ENDINGS.sub("", stem)
    known = SLEEP_EDF.fullmatch(name)
    return (known[1] if known else name).lower()


def find_hypnogram(path: Path) -> Path | None:
    """Return the hypnogram beside a recording, or None.

    The two share all of their names that says subject and night: ``SC4001E0-PSG.edf``
    belongs to ``SC4001EC-Hypnogram.edf``, whose eighth letter names the scorer,
    ``SN001.edf`` to ``SN001_sleepscoring.edf``. What Sleepgate scored is none.

    Raises
    ------
    RecordingError
        If there are several.
    """
    same = [
        other
        for other in sorted(path.parent.glob("*"))
        if night_of(other.stem) == night_of(path.stem)
        and other != path
        and not _is_ours(other)
    ]
    kinds = [[x for x in same if kind.fullmatch(x.name)] for kind in BESIDE]
    texts = [x for x in same if x.suffix.lower() == REMLOGIC and looks_like_remlogic(x)]
    found = next(filter(None, [*kinds, texts]), [])
    if len(found) > 1:
        names = " and ".join(other.name for other in found)
        raise RecordingError(
            f"{path}: both {names} are beside it; move all but one elsewhere"
        )
    return found[0] if found else None


def _is_ours(path: Path) -> bool:
    """Return whether Sleepgate wrote a hypnogram; its recording field says so."""
    try:
        with path.open("rb") as file:
            return b" X sleepgate " in file.read(168)[88:]
    except OSError:
        return False
