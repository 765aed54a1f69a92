"""Recorder of all headbands, for one thread that may wait for the disk."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.acquisition.packets import SampleBlock
from gateway.errors import SinkError
from gateway.fault_barrier import Edge, FaultBarrier
from gateway.messages.outputs import (
    Output,
    Reading,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.recorder import folder as folders
from gateway.recorder.device_session import DeviceSession
from gateway.recorder.session_file import FileWriter, SessionFile, open_night
from gateway.staging.scored_epoch import ScoredEpoch

log = logging.getLogger(__name__)

DESCRIBE_EVERY = 10  # epochs: five minutes
AGAIN_S = 30.0  # after a disk refused to write
SLACK_MB = 50.0  # more than the least, before recording begins again
PRUNE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class DiskLimits:
    """Limits of the use of the disk; `keep_days` None keeps everything."""

    min_free_mb: float
    keep_days: float | None


class Recorder:
    """Record the sessions of all headbands; only `begin` raises.

    A disk that is full or fails pauses the recording and nothing else: it goes on in
    the same file once there is room, and what is missing is annotated.

    Parameters
    ----------
    folder : Path
    limits : DiskLimits
    writer : FileWriter
    wall_clock : callable
        Seconds since 1970.
    tell : callable
        Is told of a headband whose recording pauses, and why; if empty, it goes on.
    faults : FaultBarrier, optional
        Counts unexpected errors, each of which costs its file.
    """

    def __init__(  # noqa: PLR0913 - two are there for tests
        self,
        folder: Path,
        limits: DiskLimits,
        writer: FileWriter,
        wall_clock: Callable[[], float] = time.time,
        tell: Callable[[str, str], None] = lambda _device, _why: None,
        *,
        faults: FaultBarrier | None = None,
    ) -> None:
        self._faults = faults or FaultBarrier()
        self._folder, self._limits, self._writer = folder, limits, writer
        self._clock, self._wall_clock = writer.clock, wall_clock
        self._tell = tell
        self._sessions: dict[str, DeviceSession] = {}
        self._pruned_t: float | None = None

    def begin(self) -> None:
        """Make the folder and delete what is too old for it.

        Raises
        ------
        SinkError
            If the folder cannot be used.
        """
        try:
            folders.make(self._folder)
            self._prune()
        except OSError as error:
            raise SinkError(
                f"recordings {self._folder}: {error.strerror or error}"
            ) from error

    def take(self, reading: Reading) -> None:
        """Record `reading`, if it can be."""
        session, value = self._session(reading), reading.value
        if isinstance(value, SignalBegins):
            session.begins = reading
        if (
            session.file is None
            and isinstance(value, SampleBlock)
            and not session.ended
        ):
            self._try_to_open(session)
        if session.file is None:
            if not isinstance(value, (SampleBlock, SignalBegins)):
                session.waiting.append(value)
        else:
            self._write(session, session.file, value)
        if isinstance(value, SessionState) and value.state is RecordingState.ENDED:
            self._finish(session)
            session.ended = True

    def missed(self, n_readings: int) -> None:
        """Note that so many readings never came, because the disk was too slow."""
        log.warning("recordings %s: disk too slow, %d lost", self._folder, n_readings)
        for session in self._sessions.values():
            if session.file is not None:
                session.file.night.missed("Recording too slow")

    def tick(self) -> None:
        """Sync, look after the disk's room; every ten seconds."""
        is_full = self._is_full()
        for session in self._sessions.values():
            if session.file is None:
                continue
            if is_full:
                log.warning("%s: %s; recording pauses", session.file.path, self._full())
                self._finish(session)
                session.paused = self._full()
                self._tell(session.device, session.paused)
                continue
            try:
                session.file.sync()
            except OSError as error:
                self._pause(session, error.strerror or str(error))
        if self._pruned_t is None or self._clock() - self._pruned_t > PRUNE_S:
            try:
                self._prune()
            except OSError as error:
                log.warning("recordings %s: %s", self._folder, error)

    @property
    def files(self) -> dict[str, str]:
        """The file that is being written of each headband's session."""
        sessions = tuple(self._sessions.values())
        return {
            session.device: session.file.path.name
            for session in sessions
            if session.file
        }

    @property
    def paused(self) -> dict[str, str]:
        """Reasons of headbands whose session is not recorded."""
        sessions = tuple(self._sessions.values())
        return {
            session.device: session.paused
            for session in sessions
            if session.paused and not session.ended
        }

    def close(self) -> None:
        """Write what is left of everything."""
        for session in self._sessions.values():
            self._finish(session)

    def _session(self, reading: Reading) -> DeviceSession:
        session = self._sessions.get(reading.device)
        if session is None or session.session != reading.session:
            if session is not None:
                self._finish(session)
            session = self._sessions[reading.device] = DeviceSession(
                reading.device, reading.session
            )
        return session

    def _try_to_open(self, session: DeviceSession) -> None:
        if session.begins is None or self._clock() < session.retry_t:
            return
        if self._is_full(SLACK_MB if session.paused else 0.0):
            self._pause(session, self._full())
            return
        begins = session.begins.value
        assert isinstance(begins, SignalBegins)  # noqa: S101 (set so)
        try:
            with self._faults.at(
                Edge.FILE, f"recording of {session.device}", OSError, ValueError
            ) as guard:
                session.file = open_night(
                    self._folder, session.begins, begins, self._writer
                )
            if session.file is None:
                self._pause(session, str(guard.fault))
                return
        except (OSError, ValueError) as error:
            self._pause(session, str(error))
            return
        if session.paused:
            log.warning("%s: recording goes on", session.file.path.name)
            session.file.night.missed(f"Not recorded: {session.paused}")
            session.paused = ""
            self._tell(session.device, "")
        for annotation in session.lacking:
            session.file.night.records.add(annotation)
        session.lacking = []
        while session.waiting and session.file is not None:
            self._write(session, session.file, session.waiting.popleft())

    def _write(self, session: DeviceSession, file: SessionFile, value: Output) -> None:
        try:
            with self._faults.at(Edge.FILE, file.path.name, OSError) as guard:
                file.push(value)
                if isinstance(value, ScoredEpoch):
                    file.sync()
                    if value.index % DESCRIBE_EVERY == 0:
                        file.describe()
            if guard.fault is not None:  # not tried again with this value
                self._pause(session, str(guard.fault))
        except OSError as error:
            self._pause(session, error.strerror or str(error))
            if not isinstance(value, SampleBlock):
                session.waiting.appendleft(value)

    def _pause(self, session: DeviceSession, why: str) -> None:
        session.retry_t = self._clock() + AGAIN_S
        if not session.paused:
            log.warning(
                "recordings %s: %s; recording pauses, scoring goes on",
                self._folder,
                why,
            )
            self._tell(session.device, why)
        session.paused = why
        file, session.file = session.file, None
        if file is not None:
            session.lacking += file.abandon()

    def _full(self) -> str:
        return f"less than {self._limits.min_free_mb:g} MB free"

    def _finish(self, session: DeviceSession) -> None:
        if session.file is None and session.paused:  # a last try for what waits
            session.retry_t = 0.0
            self._try_to_open(session)
        file, session.file = session.file, None
        if file is None:
            return
        try:
            with self._faults.at(Edge.FILE, file.path.name, OSError):
                file.close()
                log.info("%s: ends", file.path.name)
        except OSError as error:
            log.warning("%s: %s; mended when it is gone on with", file.path, error)

    def _is_full(self, more_mb: float = 0.0) -> bool:
        try:
            return folders.free_mb(self._folder) < self._limits.min_free_mb + more_mb
        except OSError:
            return False  # writing will tell

    def _prune(self) -> None:
        self._pruned_t = self._clock()
        if self._limits.keep_days is None:
            return
        now_s = self._wall_clock()
        for path in folders.prune(self._folder, self._limits.keep_days, now_s):
            log.info("%s: older than %g days, deleted", path, self._limits.keep_days)
