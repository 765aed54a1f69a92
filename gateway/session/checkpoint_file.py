"""Checkpoint file of a headband's session, from which the next process resumes it."""

import logging
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.packets import ClockTick
from gateway.messages.outputs import Output, RecordingState, SessionState
from gateway.session.pipeline import Pipeline
from gateway.session.resume import (
    ClockInstant,
    ClockOrLightsChanged,
    Ending,
    EpochScored,
    InterruptedSession,
    Record,
    ResumeDecision,
    SessionClosed,
    SessionOpened,
    SessionReopened,
    decide_resume,
    interrupted_session,
    read,
    write,
)
from gateway.staging.scored_epoch import ScoredEpoch

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MODE = 0o600
WAIT_S = 60.0  # for the network to tell the time after a reboot


class CheckpointFile:
    """Checkpoint file of one headband, a line for each record.

    A record is with the kernel when `add` returns, so it survives the end of this
    process however it comes; a thread of its own syncs it to the disk, so that a slow
    card does not hold up the radio. While the disk is full, records wait in memory.

    Parameters
    ----------
    path : Path
        Made, with its folders, when the first session begins.
    boot : str or None
        Identifier of this boot of the machine; None to ask the kernel.
    """

    def __init__(self, path: Path, boot: str | None = None) -> None:
        self._path = path
        self._boot = _boot_id() if boot is None else boot
        self._file: int | None = None
        self._n_bytes = 0
        self._waiting: list[bytes] = []
        self._failing = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="night-file")
        self._syncing = False

    def moment(self, tick: ClockTick) -> ClockInstant:
        """Return `tick` with the boot that its monotonic time counts from."""
        return ClockInstant(self._boot, tick.t, tick.utc, tick.synchronised)

    def load(self) -> InterruptedSession | None:
        """Return the last session, and continue the file after its last whole line.

        None where there is none, or nothing of it can be read.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning(
                "%s: cannot read the checkpoint: %s; the last session is not resumed",
                *(self._path, error.strerror),
            )
            return None
        records, self._n_bytes = read(data)
        if rubbish := len(data) - self._n_bytes:
            log.info(
                "%s: ignored an incomplete record of %d bytes at its end",
                *(self._path, rubbish),
            )
        return interrupted_session(records)

    def add(self, record: Record) -> None:
        """Append `record`; one that opens a session replaces all before it."""
        if isinstance(record, SessionOpened):
            self._waiting.clear()
            self._n_bytes = 0
        self._waiting.append(write(record))
        try:
            self._write()
        except OSError as error:
            level = logging.DEBUG if self._failing else logging.WARNING
            log.log(
                level,
                "%s: cannot write the checkpoint: %s; kept in memory and tried again "
                "with the next record; a session that crashes now is not resumed",
                *(self._path, error.strerror),
            )
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        """Sync everything to the disk and close the file."""
        self._thread.shutdown()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self) -> None:
        file = self._opened()
        os.ftruncate(file, self._n_bytes)  # rubbish of a write that failed
        while self._waiting:
            self._n_bytes += _write_all(file, self._waiting[0], self._n_bytes)
            self._waiting.pop(0)
        if not self._syncing:
            self._syncing = True
            self._thread.submit(self._sync, file)

    def _opened(self) -> int:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, MODE)
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._file

    def _sync(self, file: int) -> None:
        self._syncing = False  # records added from here on are synced anew
        try:
            os.fdatasync(file)
        except OSError as error:
            log.warning(
                "%s: cannot sync the checkpoint: %s; a power cut may lose it",
                *(self._path, error.strerror),
            )


class Checkpointing:
    """Records a session, so that the next process can resume it.

    Parameters
    ----------
    file : CheckpointFile or None
        None: nothing is recorded, and no session is resumed.
    model : str
        Digest of the model; a session that another one scored is not resumed.
    resume_min : float
        A session is resumed unless it was interrupted for longer; 0: never.

    Attributes
    ----------
    interrupted : InterruptedSession or None
        The last session, until it is decided whether it is resumed.
    """

    def __init__(
        self, file: CheckpointFile | None, model: str, resume_min: float
    ) -> None:
        self.interrupted: InterruptedSession | None = None
        self._file = file
        self._model = model
        self._resume_s = 60 * resume_min
        self._t_loaded = 0.0
        self._is_open = False

    def load(self, now: ClockTick) -> bool:
        """Read the file; return whether a request ended its session lately."""
        interrupted = None if self._file is None else self._file.load()
        self._t_loaded = now.t
        if interrupted is not None and interrupted.ending in {
            Ending.CUT,
            Ending.STOPPED,
        }:
            self.interrupted = interrupted
        return (
            interrupted is not None
            and interrupted.ending is Ending.ASKED
            and self._decision(interrupted, now) is ResumeDecision.RESUME
        )

    def decide(self, interrupted: InterruptedSession, now: ClockTick) -> ResumeDecision:
        """Decide whether `interrupted` is resumed."""
        if interrupted.scored_by != self._model:
            return ResumeDecision.LEAVE
        decision = self._decision(interrupted, now)
        if decision is ResumeDecision.WAIT and now.t - self._t_loaded > WAIT_S:
            return ResumeDecision.LEAVE
        return decision

    def by_clock_of(
        self, interrupted: InterruptedSession, now: ClockTick
    ) -> InterruptedSession:
        """Return `interrupted` by the monotonic clock of `now`."""
        return (
            interrupted
            if self._file is None
            else interrupted.by_clock_of(self._file.moment(now))
        )

    def reopen(
        self, pipeline: Pipeline, interrupted: InterruptedSession, now: ClockTick
    ) -> None:
        """Record that `interrupted` goes on in `pipeline`, by the clock of `now`."""
        self.interrupted = None
        if self._file is not None:
            self._is_open = True
            at = self._file.moment(now)
            self._file.add(SessionReopened(pipeline.session, interrupted.grid, at))

    def record_output(
        self, session: str, pipeline: Pipeline, output: Output, now: ClockTick
    ) -> None:
        """Record what the next process needs of `output`, before it is published."""
        if self._file is None or (grid := self._grid(pipeline, output)) is None:
            return
        at = self._file.moment(now)
        if not self._is_open and pipeline.info is not None:
            self._is_open = True
            opened = session, self._model, pipeline.info, pipeline.session
            self._file.add(SessionOpened(*opened, grid, at))
        if isinstance(output, ScoredEpoch):
            self._file.add(EpochScored(output, grid, at))
        elif (
            isinstance(output, SessionState)
            and output.state is RecordingState.RECORDING
        ):
            self._file.add(ClockOrLightsChanged(output, at))

    def close(self, ending: Ending, now: ClockTick) -> None:
        """Record that the session ends here."""
        self.interrupted = None
        if self._file is not None and self._is_open:
            self._file.add(SessionClosed(ending, self._file.moment(now)))
        self._is_open = False

    def discard(self, now: ClockTick) -> None:
        """Record that the interrupted session is over, and not resumed."""
        self._is_open = True
        self.close(Ending.OVER, now)

    def _grid(self, pipeline: Pipeline, output: Output) -> GridCheckpoint | None:
        """Return a checkpoint, if `output` is one to record."""
        if self._is_open and not isinstance(output, (ScoredEpoch, SessionState)):
            return None
        return pipeline.checkpoint()

    def _decision(
        self, interrupted: InterruptedSession, now: ClockTick
    ) -> ResumeDecision:
        if self._file is None:
            return ResumeDecision.LEAVE
        return decide_resume(interrupted.last, self._file.moment(now), self._resume_s)


def _write_all(file: int, line: bytes, at: int) -> int:
    done = 0
    while done < len(line):
        done += os.pwrite(file, line[done:], at + done)
    return done


def _boot_id() -> str:
    try:
        return BOOT_ID.read_text().strip()
    except OSError:  # then none is like another
        return secrets.token_hex(16)
