"""One recording on disk: records are appended, counted in the header, and synced."""

import fcntl
import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from gateway.atomic_write import replace_file, sync_folder
from gateway.edf.header import COUNT_AT, COUNT_BYTES, Header
from gateway.errors import RecordingError
from gateway.recorder.folder import MODE, free_name
from gateway.recorder.integrity import IntegrityCheck, survey_open

SYNC_S = 10.0  # of signal that a power cut may take


class RecordFile:
    """A recording that grows; every method may raise `OSError`.

    A data record is appended first and counted after, so that the header never
    promises what is not there, unless the power fails.

    Parameters
    ----------
    path : Path
    fd : int
        The open file, locked.
    header : Header
    n_records : int
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        fd: int,
        header: Header,
        n_records: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self.header = header
        self.n_records = n_records
        self._fd = fd
        self._clock = clock
        self._t_synced = clock()
        self._is_synced = True

    def append(self, records: Iterable[bytes]) -> None:
        """Append data records; what a failure left of one is cut off."""
        for record in records:
            at = self.header.n_bytes + self.n_records * self.header.record_bytes
            self._is_synced = False
            try:
                _write(self._fd, record, at)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._fd, at)
                raise
            self.n_records += 1
            _write_count(self._fd, self.n_records)
            if self._clock() - self._t_synced >= SYNC_S:
                self.sync()

    def sync(self) -> None:
        """Have the disk keep what was appended."""
        if not self._is_synced:
            os.fdatasync(self._fd)
            self._is_synced = True
        self._t_synced = self._clock()

    def close(self) -> None:
        """Sync and let go of the file."""
        try:
            self.sync()
        finally:
            os.close(self._fd)


def create(
    path: Path, header: Header, clock: Callable[[], float] = time.monotonic
) -> RecordFile:
    """Begin a recording.

    Raises
    ------
    OSError
        If that cannot be, or the file is there.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write(fd, header.encode(0), 0)
        os.fsync(fd)
        sync_folder(path.parent)
    except BaseException:
        os.close(fd)
        raise
    return RecordFile(path, fd, header, 0, clock)


def reopen(
    path: Path, clock: Callable[[], float] = time.monotonic
) -> tuple[RecordFile, IntegrityCheck]:
    """Mend a recording and go on with it.

    What is no whole record at the very end is moved to a file beside it, the rest
    counted in the header. A damaged record before the end stays where it is.

    Raises
    ------
    OSError
        If it cannot be written, or is being written by another process.
    RecordingError
        If not even its header is whole, or Sleepgate did not write it.
    """
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = survey_open(fd)
        if not found.header.is_ours:
            raise ValueError("not recorded by sleepgate; left as it is")  # noqa: TRY301 (one way out)
        if not found.is_whole:
            _keep_tail(path, fd, found.whole_bytes)
            os.ftruncate(fd, found.whole_bytes)
            _write_count(fd, found.n_records)
            os.fsync(fd)
    except ValueError as error:
        os.close(fd)
        raise RecordingError(f"{path}: {error}") from error
    except BaseException:
        os.close(fd)
        raise
    return RecordFile(path, fd, found.header, found.n_records, clock), found


def _keep_tail(path: Path, fd: int, since: int) -> None:
    """Copy what is to be cut off into a file beside `path`."""
    tail = os.pread(fd, os.fstat(fd).st_size - since, since)
    if tail:
        replace_file(free_name(path), tail, MODE)


def _write_count(fd: int, n_records: int) -> None:
    _write(fd, str(n_records).encode().ljust(COUNT_BYTES), COUNT_AT)


def _write(fd: int, raw: bytes, at: int) -> None:
    while raw:
        n = os.pwrite(fd, raw, at)
        raw, at = raw[n:], at + n
