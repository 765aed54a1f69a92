"""Path of the control socket, and the lock that lets one daemon have it."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import AlreadyRunningError
from gateway.host.metrics import is_there

NAME = "control.sock"
SERVICE = Path("/run/sleepgate")
MODE = 0o660  # its owner and its group
LONGEST = 107  # bytes of a path, sun_path of unix(7)


def own_socket() -> Path:
    """Return where a daemon that starts now has its socket.

    Where systemd says (RuntimeDirectory=), else in the user's XDG_RUNTIME_DIR, else
    where the service has it if this is root, else in a folder of the user's own.
    """
    if said := os.environ.get("RUNTIME_DIRECTORY"):
        return Path(said.partition(":")[0]) / NAME
    if users := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(users) / "sleepgate" / NAME
    if os.geteuid() == 0:
        return SERVICE / NAME
    return Path("/tmp") / f"sleepgate-{os.geteuid()}" / NAME  # noqa: S108 (0700, checked)


def known_socket() -> Path:
    """Return the socket of the daemon to talk to: one's own, or else the service's."""
    own, service = own_socket(), SERVICE / NAME
    return own if own.exists() or not is_there(service) else service


@contextmanager
def claimed(path: Path) -> Iterator[socket.socket]:
    """Listen at `path`, and nobody else; a dead daemon's socket is taken over.

    Raises
    ------
    AlreadyRunningError
        If another daemon lives there.
    OSError
        If there can be no socket.
    """
    if len(os.fsencode(path)) > LONGEST:
        raise OSError(f"{path}: longer than the {LONGEST} bytes of a socket's path")
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    if path.parent.stat().st_uid not in (os.geteuid(), 0):
        raise OSError(f"{path.parent} belongs to somebody else")
    with path.with_suffix(".lock").open("w") as lock:
        try:  # the lock goes with the process, however it ends
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _taken(path) from None
        new = path.with_suffix(".new")  # nobody finds it before it listens
        new.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(str(new))
            new.chmod(MODE)
            listener.listen(16)
            new.replace(path)
            try:
                yield listener
            finally:
                with suppress(FileNotFoundError):
                    path.unlink()


def _taken(path: Path) -> AlreadyRunningError:
    return AlreadyRunningError(
        f"a daemon runs already: it holds {path}\n"
        "next: see it with `sleepgate status`; end it with `sudo systemctl stop "
        "sleepgate`, or Ctrl-C where it was started by hand; for one more on purpose, "
        "set XDG_RUNTIME_DIR to another folder"
    )
