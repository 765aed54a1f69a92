"""A file system with one file, `disk`, that logs every write and flush.

    python -m tests.acceptance.power_cut.log_disk MOUNTPOINT MEGABYTES LOG

A loop device on top is a disk whose whole history is known. What is set as the file's
extended attribute ``user.promise`` goes into the log in its place among the writes.
"""

import errno
import json
import stat
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import mfusepy as fuse

from tests.acceptance.power_cut.write_log import Event, Flush, Marked, Write, pack

DISK = "/disk"


class LogDisk(fuse.Operations):  # type: ignore[misc] # untyped
    """The disk is in memory, its history in `log`."""

    use_ns = True

    def __init__(self, n_bytes: int, log: BinaryIO) -> None:
        self._data = bytearray(n_bytes)
        self._log = log
        now = time.time_ns()
        self._times = {"st_mtime": now, "st_atime": now, "st_ctime": now}

    def getattr(self, path: str, _fh: object = None) -> dict[str, int]:
        """Return what stat(2) tells."""
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2, **self._times}
        if path != DISK:
            raise fuse.FuseOSError(errno.ENOENT)
        shape = {"st_mode": stat.S_IFREG | 0o600, "st_nlink": 1}
        return {**shape, "st_size": len(self._data), **self._times}

    def readdir(self, _path: str, _fh: object) -> list[str]:
        """List the one file."""
        return [".", "..", DISK.lstrip("/")]

    def read(self, _path: str, size: int, offset: int, _fh: object) -> bytes:
        """Read from the disk."""
        return bytes(self._data[offset : offset + size])

    def write(self, _path: str, data: bytes, offset: int, _fh: object) -> int:
        """Write to the disk."""
        self._data[offset : offset + len(data)] = data
        self._note(Write(offset, bytes(data)))
        return len(data)

    def fsync(self, _path: str, _datasync: object, _fh: object) -> int:
        """Flush the disk's cache."""
        self._note(Flush())
        return 0

    def setxattr(self, _path: str, _name: str, value: bytes, *_options: Any) -> int:
        """Note a promise."""
        self._note(Marked(json.loads(value)))
        return 0

    def _note(self, event: Event) -> None:
        self._log.write(pack(event))
        self._log.flush()


def main(mountpoint: str, megabytes: str, path: str) -> None:
    """Serve until unmounted."""
    with Path(path).open("wb") as log:
        disk = LogDisk(int(megabytes) << 20, log)
        fuse.FUSE(disk, mountpoint, foreground=True, nothreads=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
