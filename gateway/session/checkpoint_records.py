"""The lines of a night file: what a session needs to go on after a crash. Pure.

A line is the CRC-32 of what follows, eight hexadecimal digits, and an object of JSON.
A file that was cut short, or whose end is rubbish, is good up to the first line that
is not whole: `read` says how far. Nothing of a line that is not whole is believed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime
from enum import Enum
from types import UnionType
from typing import Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints
from zlib import crc32

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.montage import HeadbandInfo
from gateway.messages.outputs import SessionState
from gateway.session.resume import ClockInstant, Ending, InterruptedSession
from gateway.staging.scored_epoch import ScoredEpoch

T = TypeVar("T")

FORMAT = 1
N_DIGITS = 8


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session began: its first samples are placed."""

    session: str
    scored_by: str
    info: HeadbandInfo
    state: SessionState
    grid: GridCheckpoint
    at: ClockInstant
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class EpochScored:
    """An epoch is over, and the grid stands at its end."""

    epoch: ScoredEpoch
    grid: GridCheckpoint
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class ClockOrLightsChanged:
    """The lights were marked, or the clock was set."""

    state: SessionState
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """Nothing more comes, unless the session is taken up again."""

    ending: Ending
    at: ClockInstant


@dataclass(frozen=True, slots=True)
class SessionReopened:
    """The session was taken up again: by which clocks, and where the grid stands."""

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
    """What a file holds, and how many of its bytes are good."""

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
    """Return the session that `records` tell of; None if they tell of none."""
    past: InterruptedSession | None = None
    for record in records:
        match record:
            case SessionOpened(session, scored_by, info, state, grid, at):
                past = InterruptedSession(session, scored_by, info, state, (), grid, at)
            case _ if past is None:
                return None
            case EpochScored(epoch, grid, at):
                epochs = (*past.epochs, epoch)
                past = replace(past, epochs=epochs, grid=grid, last=at)
            case ClockOrLightsChanged(state, at):
                past = replace(past, state=state, last=at)
            case SessionClosed(ending, at):
                past = replace(past, ending=ending, last=at)
            case SessionReopened(state, grid, at):
                past = replace(past, state=state, grid=grid, last=at, ending=Ending.CUT)
    return past


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
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
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
    return {name: _built(hints[name], value) for name, value in tree.items()}


def _hints(kind: Any) -> Iterator[Any]:  # noqa: ANN401 (a type form)
    return iter(get_type_hints(kind).values())
