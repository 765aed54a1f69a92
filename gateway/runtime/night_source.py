"""Find the night that somebody wants to look at."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from gateway.errors import ConfigError, RecordingError
from gateway.formats.night_json import read_epoch_lines, read_night_json
from gateway.journal.options import JournalOptions
from gateway.journal.store import Store
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.recordings.npz import npz_hypnogram
from gateway.recordings.open_night import NPZ, RECORDINGS
from gateway.runtime.file_scoring import Options, stage_file
from gateway.staging.lights import Lights
from gateway.staging.stage import Stage
from gateway.staging.staged_night import StagedNight

LAST = "last"
SERVICE = Path("/var/lib/sleepgate/journal.sqlite")
RECORDER = "the recorder's clock"
NOT_A_NIGHT = (KeyError, TypeError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A night, and what is known beside it.

    Attributes
    ----------
    night : StagedNight
    zone : tzinfo
        Of its times for people.
    zone_name : str
    expert : tuple of (Stage or None), or None
        A person's hypnogram of it.
    expert_name : str
    """

    night: StagedNight
    zone: tzinfo
    zone_name: str
    expert: tuple[Stage | None, ...] | None = None
    expert_name: str = ""


def find_night(what: str, options: Options, journal: Path | None = None) -> Found:
    """Return the night of a file or a session.

    Parameters
    ----------
    what : str
        Path of a recording, which is scored; of a ``night.v1`` file or of lines of
        ``epoch.v1``; or a session's identifier, or the beginning of one, or ``"last"``.
    options : Options
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
        return _session(what, journal)
    if path.suffix.lower() in RECORDINGS:
        night = stage_file(path, options)
        expert, name = _expert(path, night)
        return Found(
            night=night,
            zone=UTC,
            zone_name=RECORDER,
            expert=expert,
            expert_name=name,
        )
    return Found(night=read_night(path), zone=UTC, zone_name="UTC")


def read_night(path: Path) -> StagedNight:
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
    path: Path, night: StagedNight
) -> tuple[tuple[Stage | None, ...] | None, str]:
    if path.suffix.lower() == NPZ:
        return npz_hypnogram(path), "the labels in the file"
    beside = find_hypnogram(path)
    if beside is None:
        return None, ""
    start_utc = night.start_utc if night.dated else None
    stages = read_hypnogram(beside, start_utc=start_utc, n_epochs=len(night.epochs))
    return stages, beside.name


def _session(what: str, journal: Path | None) -> Found:
    path = journal or JournalOptions().file
    if journal is None and not path.exists() and SERVICE.exists():
        path = SERVICE
    if not path.exists():
        raise ConfigError(
            [f"{what}: no such file, and no journal at {path} to look for a session in"]
        )
    with closing(Store(path)) as store:
        names = [session.session for session in store.sessions()]
        found = names[-1:] if what == LAST else [n for n in names if n.startswith(what)]
        if len(found) != 1:
            known = ", ".join(names[-5:]) or "none yet"
            kind = "several sessions begin so" if found else "no such file or session"
            raise ConfigError([f"{what}: {kind}; the latest are {known}"])
        documents = store.documents(found[0])
    night = read_epoch_lines(b"\n".join(documents), found[0])
    night = replace(night, in_bed=Lights().in_bed(night.stages))
    local = datetime.now().astimezone().tzinfo or UTC
    name = night.start_utc.astimezone(local).tzname() or "local time"
    return Found(night=night, zone=local, zone_name=name)
