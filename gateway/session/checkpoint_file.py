"""The file that a session is taken up from after a crash."""

import logging
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.acquisition.packets import ClockTick
from gateway.session.checkpoint_records import (
    Record,
    SessionOpened,
    interrupted_session,
    read,
    write,
)
from gateway.session.resume import ClockInstant, InterruptedSession

log = logging.getLogger(__name__)

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MODE = 0o600


class CheckpointFile:
    """One headband's session, line by line.

    What was added is with the kernel when `add` returns, so no end of this process
    takes it; a thread of its own brings it to the disk, so that a slow card does not
    hold up the radio. While the disk does not take it, it waits in memory.

    Parameters
    ----------
    path : Path
        Made, with its folders, when the first session begins.
    boot : str or None
        Names this boot of the machine; None for what the kernel says.
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
        """Return `tick` with the boot whose monotonic time it tells."""
        return ClockInstant(self._boot, tick.t, tick.utc, tick.synchronised)

    def load(self) -> InterruptedSession | None:
        """Return the session that was noted last, and go on after its last good line.

        None where there is none, or nothing of it can be read.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("%s: %s; the last session is not taken up", self._path, error)
            return None
        records, self._n_bytes = read(data)
        if rubbish := len(data) - self._n_bytes:
            log.info("%s: %d bytes at its end are not whole", self._path, rubbish)
        return interrupted_session(records)

    def add(self, record: Record) -> None:
        """Note `record`; one that opens a session takes the place of all before it."""
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
                "%s: %s; after a crash the session could not be taken up",
                *(self._path, error.strerror),
            )
            self._failing = True
        else:
            self._failing = False

    def close(self) -> None:
        """Bring everything to the disk and let go of the file."""
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
        self._syncing = False  # what is added from here on asks again
        try:
            os.fdatasync(file)
        except OSError as error:
            log.warning("%s: %s; a power cut could take it", self._path, error.strerror)


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
