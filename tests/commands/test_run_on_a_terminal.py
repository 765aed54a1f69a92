"""``sleepgate run`` for a person at a terminal: the night, and the log above it."""

import os
import pty
import signal
import subprocess
import sys

import pytest

pytest.importorskip("rich", reason="needs the extra [view]")
PATIENCE_S = 120


@pytest.fixture
def terminal():
    """Ends of a pseudo-terminal: ours, and the daemon's."""
    ours, its = pty.openpty()
    yield ours, its
    os.close(ours)


def read_until(handle, *wanted):
    """Everything the daemon writes, until each of `wanted` has come."""
    seen = b""
    while not all(text in seen for text in wanted):
        try:
            seen += os.read(handle, 4096)
        except OSError as error:  # its end of the terminal is closed
            raise AssertionError(seen.decode(errors="replace")) from error
    return seen.decode()


def started(config, its, folder, **streams):
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "120", "LINES": "40"}
    environ |= {"XDG_RUNTIME_DIR": str(folder), "XDG_STATE_HOME": str(folder)}
    command = [sys.executable, "-m", "gateway", "run", "--config", config]
    return subprocess.Popen(
        command, stdin=its, stdout=its, env=environ, **{"stderr": its, **streams}
    )


def ended(daemon):
    daemon.send_signal(signal.SIGINT)
    assert daemon.wait(PATIENCE_S) == 0


def test_the_night_is_shown_below_the_log(tmp_path, terminal):
    config = tmp_path / "c.yaml"
    config.write_text("devices: []\n")
    ours, its = terminal
    daemon = started(config, its, tmp_path)
    os.close(its)
    shown = read_until(ours, b"no headband is configured", b"waiting for a headband")
    assert "sleepgate mark" in shown
    ended(daemon)


def test_a_log_that_goes_to_a_file_stays_there(tmp_path, terminal):
    config, log = tmp_path / "c.yaml", tmp_path / "log"
    config.write_text("devices: []\n")
    ours, its = terminal
    with log.open("wb") as file:
        daemon = started(config, its, tmp_path, stderr=file)
    os.close(its)
    shown = read_until(ours, b"waiting for a headband")
    assert "no headband is configured" not in shown
    ended(daemon)
    assert "no headband is configured" in log.read_text()
    assert "waiting for" not in log.read_text()
