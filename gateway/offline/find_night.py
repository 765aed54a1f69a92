"""Night to be reported: of a file, of a session in the journal, or the last one."""

import re
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from itertools import chain
from pathlib import Path

from gateway.epoch_length import EPOCH_S
from gateway.errors import ConfigError, RecordingError
from gateway.formats.night_json import (
    read_epoch_lines,
    read_night_json,
    without_holes,
)
from gateway.journal.options import JournalOptions
from gateway.journal.store import JournalStore
from gateway.offline.score_file import ScoreOptions, stage_file
from gateway.recorder.folder import read_beside, recordings
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.recordings.npz import npz_hypnogram
from gateway.recordings.open_recording import NPZ, is_recording
from gateway.staging.lights import Lights
from gateway.staging.scored_night import PublishedEpoch, ScoredNight
from gateway.staging.stage import Stage

LAST = "last"
SERVICE = Path("/var/lib/sleepgate/journal.sqlite")
FOLDER = "recordings"  # beside the journal
NAMED = re.compile(r"\d{4}-\d\d-\d\d_.+?_([0-9A-Z]+)(?:_\d+)?")  # date, device, session
RECORDER = "the recorder's clock"
NEXT = (
    "\nnext: name a recording, as in `sleepgate report NIGHT.edf`, or with --journal "
    "the journal that has the session"
)
NOT_A_NIGHT = (KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNight:
    """A night, and what is known beside it.

    Attributes
    ----------
    night : ScoredNight
    zone : tzinfo
        Of its times for people.
    zone_name : str
    expert : tuple of (Stage or None), or None
        A person's hypnogram of it.
    expert_name : str
    """

    night: ScoredNight
    zone: tzinfo
    zone_name: str
    expert: tuple[Stage | None, ...] | None = None
    expert_name: str = ""


def find_night(
    what: str, options: ScoreOptions, journal: Path | None = None
) -> FoundNight:
    """Return the night of a file or a session.

    Parameters
    ----------
    what : str
        Path of a recording, which is scored; of a ``night.v1`` file or of lines of
        ``epoch.v1``; or a session's identifier, or the beginning of one, or ``"last"``.
    options : ScoreOptions
        For a recording.
    journal : Path or None
        Where sessions are; None for where the daemon keeps it.

    Raises
    ------
    ConfigError
        If there is no such session.
    RecordingError
        If the file cannot be used.
    """
    path = Path(what)
    if not path.exists():
        return _session(what, journal, options)
    if is_recording(path):
        night = stage_file(path, options)
        expert, name = _expert(path, night)
        return FoundNight(
            night=night,
            zone=UTC,
            zone_name=RECORDER,
            expert=expert,
            expert_name=name,
        )
    return FoundNight(night=read_night(path), zone=UTC, zone_name="UTC")


def read_night(path: Path) -> ScoredNight:
    """Read a night that was scored before.

    Raises
    ------
    RecordingError
        If it is no ``night.v1`` and no lines of ``epoch.v1``.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"{path}: {error.strerror or error}") from error
    try:
        return read_night_json(content)
    except NOT_A_NIGHT:
        pass
    try:
        return read_epoch_lines(content, path.stem)
    except NOT_A_NIGHT as error:
        raise RecordingError(
            f"{path}: no recording (.edf, .bdf, .npz), and no night that `sleepgate "
            "score` wrote"
        ) from error


def _expert(
    path: Path, night: ScoredNight
) -> tuple[tuple[Stage | None, ...] | None, str]:
    if path.suffix.lower() == NPZ:
        return npz_hypnogram(path), "the labels in the file"
    beside = find_hypnogram(path)
    if beside is None:
        return None, ""
    start_utc = night.start_utc if night.dated else None
    stages = read_hypnogram(beside, start_utc=start_utc, n_epochs=len(night.epochs))
    return stages, beside.name


def _session(what: str, journal: Path | None, options: ScoreOptions) -> FoundNight:
    """Return a session by the journal, or else by scoring its recording again."""
    path = journal or JournalOptions().file
    if journal is None and not path.exists() and SERVICE.exists():
        path = SERVICE
    files = _recordings(path.parent / FOLDER)
    documents: dict[str, list[bytes]] = {}
    if path.exists():
        with closing(JournalStore(path)) as store:
            documents = {s.session: [] for s in store.sessions()}
            name = _one(what, sorted(documents.keys() | files.keys()))
            if name in documents:
                documents[name] = store.documents(name)
    elif files:
        name = _one(what, sorted(files))
    else:
        raise ConfigError(
            [f"{what}: there is no such file, and no recorded session at {path}{NEXT}"]
        )
    if name in documents:
        night = read_epoch_lines(b"\n".join(documents[name]), name)
        lights = _lights(night, files.get(name, []))
        night = replace(night, in_bed=lights.in_bed(night.stages))
    else:
        night = _by_recordings(name, files[name], options)
    local = datetime.now().astimezone().tzinfo or UTC
    zone_name = night.start_utc.astimezone(local).tzname() or "local time"
    return FoundNight(night=night, zone=local, zone_name=zone_name)


def _recordings(folder: Path) -> dict[str, list[Path]]:
    """Return the parts of every session's recording, the first one first."""
    found: dict[str, list[Path]] = {}
    for path in recordings(folder) if folder.is_dir() else []:
        if named := NAMED.fullmatch(path.stem):
            found.setdefault(named[1], []).append(path)
    return found


def _by_recordings(name: str, parts: list[Path], options: ScoreOptions) -> ScoredNight:
    """Score a session's recording again, all parts of it.

    Each counts its epochs from the beginning of the session, so that what one lacks
    another has.
    """
    nights: list[ScoredNight] = []
    unread: list[RecordingError] = []
    for path in parts:
        try:
            nights.append(stage_file(path, options))
        except RecordingError as error:
            unread.append(error)
    if not nights:
        raise unread[0]
    if len(parts) == 1:
        return replace(nights[0], name=name)
    epochs = without_holes(sorted(chain(*(n.epochs for n in nights)), key=_how_good))
    joined = replace(nights[0], name=name, epochs=epochs, notes=())
    lights = _lights(joined, parts)
    said = f"recorded in {len(parts)} parts, put together here"
    notes = (said, *map(str, unread), *dict.fromkeys(chain(*(n.notes for n in nights))))
    return replace(joined, in_bed=lights.in_bed(joined.stages)).with_notes(notes)


def _how_good(epoch: PublishedEpoch) -> tuple[bool, float]:
    """Sort what was scored after what was not, and what lacks less after the rest."""
    return isinstance(epoch.stage, Stage), -epoch.missing_s


def _one(what: str, names: list[str]) -> str:
    found = names[-1:] if what == LAST else [n for n in names if n.startswith(what)]
    if len(found) != 1:
        known = ", ".join(names[-5:]) or "none yet"
        kind = "several sessions begin so" if found else "no such file or session"
        raise ConfigError([f"{what}: {kind}; the latest are {known}"])
    return found[0]


def _lights(night: ScoredNight, parts: list[Path]) -> Lights:
    """Return the marks that the JSON beside a recording's last part keeps."""
    said = read_beside(parts[-1]) if parts else None
    epochs = [
        None
        if not (said and said.get(key))
        else round((_utc(said[key]) - night.start_utc).total_seconds() / EPOCH_S)
        for key in ("lights_off", "lights_on")
    ]
    return Lights(off_epoch=epochs[0], on_epoch=epochs[1])


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text)
