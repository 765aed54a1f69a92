"""SIGKILL a recorder in the middle of a write, at any byte; see what is left.

The process that records kills itself inside `pwrite`, after a random part of the bytes
of a random call, which no other way of killing it would hit as often.
"""

import os
import random
import signal
import struct
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway.acquisition.packets import SampleBlock
from gateway.errors import RecordingError
from gateway.messages.outputs import RecordingState, SessionState
from gateway.recorder.folder import of_session
from gateway.recorder.integrity import survey
from gateway.recorder.recorder import DiskLimits, Recorder
from gateway.recorder.session_file import FileWriter
from gateway.staging.scored_epoch import ScoredEpoch
from tests.acceptance.recording.night import (
    DEVICE,
    EPOCH_S,
    SESSION,
    outputs,
    reading,
    recording_errors,
    stages_in,
    stages_of,
)

LIMITS = DiskLimits(min_free_mb=0, keep_days=None)
KILLS_A_NIGHT = 2
AWAY_S = 4  # from the kill to the first second of the next process
Look = Callable[[Path], Iterator[str]]
SAID = struct.Struct("<II")  # the last second taken, epochs taken


class Victim(NamedTuple):
    """What a killed recorder had taken."""

    second: int
    n_epochs: int
    was_killed: bool


def record(
    folder: Path, start: int, end: int, tell: Callable[[int, int], None]
) -> None:
    """Record the seconds from `start` to before `end` and end the session."""
    recorder = Recorder(folder, LIMITS, FileWriter("test"))
    recorder.begin()
    n_epochs, reached = start // EPOCH_S, start
    for second, value in outputs(start, end):
        recorder.take(reading(value))
        n_epochs += isinstance(value, ScoredEpoch)
        if isinstance(value, SampleBlock):
            reached = second
        tell(reached, n_epochs)
    recorder.take(reading(SessionState(RecordingState.ENDED)))
    recorder.close()


def killed(folder: Path, start: int, end: int, n_calls: int, share: float) -> Victim:
    """Record in a process that dies at its `n_calls`-th write, part of it done."""
    readable, writable = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads; we have none
        pid = os.fork()
    if pid == 0:
        os.close(readable)
        _die_while_writing(n_calls, share)
        record(folder, start, end, lambda *said: _tell(writable, said))
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(pid, 0)
    whole = said[len(said) - SAID.size :] if said else SAID.pack(start, 0)
    was_killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not was_killed and status:
        raise RuntimeError(f"the recorder ended with {status}")
    return Victim(*SAID.unpack(whole), was_killed)


def _tell(pipe: int, said: tuple[int, int]) -> None:
    os.write(pipe, SAID.pack(*said))


def _die_while_writing(n_calls: int, share: float) -> None:
    write, left = os.pwrite, n_calls

    def pwrite(fd: int, raw: bytes, at: int) -> int:
        nonlocal left
        left -= 1
        if left == 0:
            write(fd, raw[: int(len(raw) * share)], at)
            os.kill(os.getpid(), signal.SIGKILL)
        return write(fd, raw, at)

    os.pwrite = pwrite


def one_night(
    folder: Path,
    dice: random.Random,
    n_seconds: int = 200,
    look: Look = lambda _: iter(()),
    look_before: Look = lambda _: iter(()),
) -> Iterator[str]:
    """Kill a night twice, let it end, and yield everything that is wrong.

    Parameters
    ----------
    folder : Path
        Empty.
    dice : random.Random
    n_seconds : int
        Of the night.
    look, look_before : callable
        Yield what other readers find wrong with the file at the end, and with what
        each kill left.
    """
    holes: list[range] = []
    start = saved = 0
    for _ in range(KILLS_A_NIGHT):
        calls = dice.randint(1, max(2 * (n_seconds - start - AWAY_S), 1))
        victim = killed(folder, start, n_seconds, calls, dice.random())
        if not victim.was_killed:
            break
        for path in of_session(folder, DEVICE, SESSION):
            yield from look_before(path)
            saved = yield from _after_a_kill(path, victim, start)
        start = min(max(victim.second, saved) + AWAY_S, n_seconds - 1)
        holes.append(range(saved, start))
    record(folder, start, n_seconds, lambda *_: None)
    paths = of_session(folder, DEVICE, SESSION)
    if len(paths) != 1:
        yield f"{len(paths)} files of one session"
    yield from recording_errors(paths[-1], holes, n_seconds)
    yield from _stages(paths[-1], range(n_seconds // EPOCH_S), holes)
    yield from look(paths[-1])


def _after_a_kill(path: Path, victim: Victim, start: int) -> Generator[str, None, int]:
    """Yield what was lost that must not be; return the whole records there are."""
    try:
        n_records = survey(path).n_records
    except RecordingError:  # killed before there was a header
        if victim.second > start:
            yield f"{path}: no header after second {victim.second}"
        return 0
    if n_records < victim.second > start:
        yield f"{n_records} records after second {victim.second}"
    yield from _stages(path, range(start // EPOCH_S, victim.n_epochs), [])
    return n_records


def _stages(path: Path, epochs: range, holes: Sequence[range]) -> Iterator[str]:
    """Yield the epochs that are not there once, in order, with their own stage."""
    found = stages_in(path)
    if found != sorted(set(found)):
        yield f"stages out of order or twice: {found}"
    for at, stage in stages_of(epochs.stop)[epochs.start :]:
        its_end = int(at) + EPOCH_S - 1
        if (at, stage) not in found and not any(its_end in hole for hole in holes):
            yield f"no {stage} at {at:g} s"
