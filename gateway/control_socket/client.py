"""Ask the daemon that runs on this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.control_socket.messages import ControlRequest, order_line, read_answer
from gateway.errors import ConfigError, GatewayError, NoDaemonError, RequestError

PATIENCE_S = 10.0
LARGEST_ANSWER = 1 << 20
START = (
    "\nnext: sudo systemctl start sleepgate (see journalctl -u sleepgate if it does "
    "not stay), or by hand: sleepgate run"
)


def ask(path: Path, order: ControlRequest) -> dict[str, Any]:
    """Have `order` carried out by the daemon whose socket is at `path`.

    Raises
    ------
    NoDaemonError
        If none answers there.
    ConfigError
        If it knows no such headband.
    GatewayError
        If it refuses for another reason.
    """
    try:
        with _connected(path) as (client, answers):
            client.sendall(order_line(order))
            line = answers.readline(LARGEST_ANSWER)
        if not line.endswith(b"\n"):
            raise NoDaemonError(f"the daemon at {path} went away while it was asked")
        return read_answer(line)
    except RequestError as error:
        if error.code == "no_device":
            raise ConfigError([str(error)]) from error
        raise GatewayError(str(error)) from error


@contextmanager
def _connected(path: Path) -> Iterator[tuple[socket.socket, Any]]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE_S)
            client.connect(str(path))
            with client.makefile("rb") as answers:
                yield client, answers
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NoDaemonError(f"no daemon runs: nobody is at {path}{START}") from error
    except PermissionError as error:
        what = f"no right to {path}, where a daemon can be asked"
        step = "sudo usermod -aG sleepgate $USER, then log in anew; or use sudo"
        raise NoDaemonError(f"{what}\nnext: {step}") from error
    except TimeoutError as error:
        what = f"the daemon at {path} does not answer within {PATIENCE_S:.0f} s"
        raise NoDaemonError(f"{what}\nnext: journalctl -u sleepgate") from error
    except OSError as error:
        raise NoDaemonError(f"{path}: {error.strerror or error}{START}") from error
