"""Resuming an interrupted session: records of its checkpoint, and the decision. Pure.

A checkpoint file has a line for each record: the CRC-32 of what follows, as eight
hexadecimal digits, and an object of JSON. A file that was cut short, or whose end is
rubbish, is good up to the first line that is not whole: `read` says how far. Nothing of
a line that is not whole is believed.

Within one boot of this machine the monotonic clock tells how long a session was
interrupted; over a reboot only the wall clock can, and only if it was right before and
is now.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from types import UnionType
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints
from zlib import crc32

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import ClockTick
from gateway.messages.outputs import SessionState
from gateway.staging.scored_epoch import ScoredEpoch

FORMAT = 1
N_DIGITS = 8


class ClockInstant(NamedTuple):
    """Instant by both clocks of this machine; monotonic time counts from its boot.

    Attributes
    ----------
    boot : str
    t : float
        Monotonic seconds.
    utc : datetime
    synchronised : bool
        Whether the wall clock was set by the network.
    """

    boot: str
    t: float
    utc: datetime
    synchronised: bool

    @property
    def tick(self) -> ClockTick:
        """The clocks alone."""
        return ClockTick(self.t, self.utc, self.synchronised)


class Ending(Enum):
    """Reason of a session's end; the value is stored."""

    CUT = "cut"  # the process died
    STOPPED = "stopped"  # the daemon was stopped
    OVER = "over"  # the headband was off or away for long
    ASKED = "asked"  # a request ended the session


@dataclass(frozen=True, slots=True)
class InterruptedSession:
    """Session of an earlier process, as its checkpoint file holds it.

    Attributes
    ----------
    session : str
        Its identifier.
    scored_by : str
        Digest of the model.
    info : HeadbandInfo
        As the headband described itself.
    state : SessionState
    epochs : tuple of ScoredEpoch
        All of them.
    grid : GridCheckpoint
        At the end of the last epoch.
    last : ClockInstant
        Of the last record.
    ending : Ending
    """

    session: str
    scored_by: str
    info: HeadbandInfo
    state: SessionState
    epochs: tuple[ScoredEpoch, ...]
    grid: GridCheckpoint
    last: ClockInstant
    ending: Ending = Ending.CUT

    def by_clock_of(self, now: ClockInstant) -> "InterruptedSession":
        """Return this by the monotonic clock of `now`'s boot."""
        if now.boot == self.last.boot:
            return self
        shift_s = (self.last.utc - now.utc).total_seconds() - (self.last.t - now.t)
        last = self.last._replace(boot=now.boot, t=self.last.t + shift_s)
        return replace(self, grid=self.grid.moved(shift_s), last=last)


class ResumeDecision(Enum):
    """Decision on an interrupted session."""

    RESUME = "resume"
    LEAVE = "leave"
    WAIT = "wait"  # until the wall clock is synchronised


def decide_resume(
    last: ClockInstant, now: ClockInstant, resume_s: float
) -> ResumeDecision:
    """Decide whether a session whose last record is of `last` goes on.

    Parameters
    ----------
    last, now : ClockInstant
    resume_s : float
        It goes on unless it was interrupted for longer; 0: never.
    """
    if not resume_s:
        return ResumeDecision.LEAVE
    if last.boot == now.boot:
        away = timedelta(seconds=now.t - last.t)
    elif not last.synchronised:
        return ResumeDecision.LEAVE
    elif not now.synchronised:
        return ResumeDecision.WAIT
    else:
        away = now.utc - last.utc
    there = timedelta(0) <= away <= timedelta(seconds=resume_s)
    return ResumeDecision.RESUME if there else ResumeDecision.LEAVE


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """Record of a session that began: its first samples are placed."""

    session: str
    scored_by: str
    info: HeadbandInfo
    state: SessionState
    grid: GridCheckpoint
    at: ClockInstant
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class EpochScored:
    """Record of a scored epoch, with the grid at its end."""

    epoch: ScoredEpoch
    grid: GridCheckpoint
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class ClockOrLightsChanged:
    """Record of lights that were marked, or a wall clock that was set."""

    state: SessionState
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """Record of the end; nothing follows unless the session is resumed."""

    ending: Ending
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class SessionReopened:
    """Record of a resumed session: by which clocks, and the grid it resumed at."""

    state: SessionState
    grid: GridCheckpoint
    at: ClockInstant


Record = (
    SessionOpened | EpochScored | ClockOrLightsChanged | SessionClosed | SessionReopened
)
KINDS: dict[str, type[Record]] = {
    "opened": SessionOpened,
    "scored": EpochScored,
    "changed": ClockOrLightsChanged,
    "closed": SessionClosed,
    "reopened": SessionReopened,
}
_NAME_OF = {kind: name for name, kind in KINDS.items()}


class CheckpointLines(NamedTuple):
    """Records of a file, and how many of its bytes are good."""

    records: tuple[Record, ...]
    n_bytes: int


def write(record: Record) -> bytes:
    """Return the line of `record`, its end included."""
    tree = {"kind": _NAME_OF[type(record)], **_plain(record)}
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
    return b"%08x %s\n" % (crc32(text), text)


def read(data: bytes) -> CheckpointLines:
    """Return the records of a file up to the first line that is not whole."""
    records, n_bytes = [], 0
    for line in _whole_lines(data):
        record = _record(line)
        if record is None:
            break
        records.append(record)
        n_bytes += len(line) + 1
    return CheckpointLines(tuple(records), n_bytes)


def interrupted_session(records: Sequence[Record]) -> InterruptedSession | None:
    """Return the session that `records` describe; None if they describe none."""
    interrupted: InterruptedSession | None = None
    for record in records:
        match record:
            case SessionOpened(session, scored_by, info, state, grid, at):
                interrupted = InterruptedSession(
                    session, scored_by, info, state, (), grid, at
                )
            case _ if interrupted is None:
                return None
            case EpochScored(epoch, grid, at):
                epochs = (*interrupted.epochs, epoch)
                interrupted = replace(interrupted, epochs=epochs, grid=grid, last=at)
            case ClockOrLightsChanged(state, at):
                interrupted = replace(interrupted, state=state, last=at)
            case SessionClosed(ending, at):
                interrupted = replace(interrupted, ending=ending, last=at)
            case SessionReopened(state, grid, at):
                interrupted = replace(
                    interrupted, state=state, grid=grid, last=at, ending=Ending.CUT
                )
    return interrupted


def _whole_lines(data: bytes) -> Iterator[bytes]:
    *lines, _unfinished = data.split(b"\n")
    yield from lines


def _record(line: bytes) -> Record | None:
    digits, _, text = line.partition(b" ")
    if len(digits) != N_DIGITS or digits != b"%08x" % crc32(text):
        return None
    try:
        tree = json.loads(text)
        kind = KINDS[tree.pop("kind")]
        if tree.get("format", FORMAT) != FORMAT:
            return None
        return _built(kind, tree)  # type: ignore[no-any-return]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # written by a version that keeps it otherwise


def _plain(value: object) -> Any:  # noqa: ANN401, PLR0911 (any JSON, a table)
    """Return `value` as JSON knows it."""
    if is_dataclass(value):
        return {_stored_as(f): _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(_plain(item) for item in value)
    if isinstance(value, range):
        return [value.start, value.stop]
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    return value


def _built(kind: Any, tree: Any) -> Any:  # noqa: ANN401, PLR0911 (a type form, any JSON)
    """Return the value of type `kind` that was written as `tree`."""
    origin, args = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return _one_of(args, tree)
    if origin is tuple:
        return tuple(_built(args[0], item) for item in tree)
    if origin is frozenset:
        return frozenset(_built(args[0], item) for item in tree)
    if is_dataclass(kind):
        return kind(**_fields(kind, tree))  # type: ignore[operator]
    if issubclass(kind, tuple):
        return kind(*(_built(k, x) for k, x in zip(_hints(kind), tree, strict=True)))
    if kind is range:
        return range(*tree)
    if issubclass(kind, datetime):
        return datetime.fromisoformat(tree)
    if issubclass(kind, Enum):
        return kind(tree)
    if not isinstance(tree, (int, float) if kind is float else kind):
        raise TypeError(kind.__name__)
    return tree


def _one_of(kinds: Sequence[Any], tree: Any) -> Any:  # noqa: ANN401 (a type form)
    if tree is None:
        return None
    for kind in kinds:
        try:
            return _built(kind, tree)
        except (ValueError, TypeError):
            continue
    raise ValueError(tree)


def _fields(kind: Any, tree: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 (a type form)
    hints = get_type_hints(kind)
    names = {_stored_as(field): field.name for field in fields(kind)}
    return {names[key]: _built(hints[names[key]], tree[key]) for key in tree}


def _stored_as(field: Field[Any]) -> str:
    """Return the name of a field in files; what was renamed keeps its old one."""
    name: str = field.metadata.get("stored_as", field.name)
    return name


def _hints(kind: Any) -> Iterator[Any]:  # noqa: ANN401 (a type form)
    return iter(get_type_hints(kind).values())
