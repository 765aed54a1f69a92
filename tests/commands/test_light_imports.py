"""Commands that only look or ask answer at once: they import nothing heavy."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import closing, contextmanager

import pytest

from gateway.journal.store import JournalStore
from tests.acceptance.recording.kill import record

HEAVY = {
    *("ai_edge_litert", "bleak", "bumble", "dbus_fast", "numpy", "rich"),
    *("scipy", "tflite_runtime"),
}
LISTED = """
import sys
from gateway.__main__ import main
try:
    main()
except SystemExit as error:
    code = error.code
else:
    code = 0
print("\\n", code, *sys.modules, file=sys.stderr)
"""
CONFIG = """
devices:
  - {name: bedroom, driver: muse_athena, address: "00:55:DA:B0:01:02"}
outputs:
  mqtt: {host: 127.0.0.1, port: 1}
  edf: {keep_days: 60}
"""
STATUS = {
    "v": 1,
    "version": "0",
    "uptime_s": 1,
    "model": None,
    "devices": [],
    "outputs": [],
    "restart_required": [],
    "config_problems": [],
    "clock": {"synchronised": True},
    "process": {"rss_mb": 50, "cpu_pct": 1},
    "disk_free_mb": 9000,
}
ANSWERS = {
    "status": STATUS,
    "start": {"session": "01J8ZQ6T5R", "already": False},
    "stop": {"session": "01J8ZQ6T5R", "epochs": 9, "already": False},
    "mark": {"at": "2026-02-12T23:00:00.000Z"},
}
COMMANDS = {
    "--help": (0, set()),
    "--version": (0, set()),
    "version": (0, set()),
    "status": (0, set()),
    "start bedroom": (0, set()),
    "stop bedroom": (0, set()),
    "mark bedroom coughed": (0, set()),
    "config check": (0, set()),
    "config show": (0, set()),
    "journal ls": (0, set()),
    "record ls": (0, set()),
    "ha preview": (0, set()),
    "forget bedroom": (1, {"asyncio", "paho"}),  # no broker listens on port 1
}


@contextmanager
def daemon(path):
    """Answer each request as a daemon would."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve():
            try:
                client, _ = listener.accept()
            except OSError:  # shut down: this command asks no daemon
                return
            with client, client.makefile("rwb") as lines:
                do = json.loads(lines.readline())["do"]
                answer = {"ok": True, "data": ANSWERS[do]}
                lines.write(json.dumps(answer).encode() + b"\n")

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:  # else it would accept on whatever gets this file descriptor next
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """Return the environment of a machine with a night behind it."""
    state, config = tmp_path_factory.mktemp("s"), tmp_path_factory.mktemp("c")
    record(state / "recordings", 0, 35, lambda *_: None)
    with closing(JournalStore(state / "journal.sqlite")) as store:
        store.append(
            device="bedroom", session="s", epoch=0, recorded_s=1e9, document=b"{}"
        )
    (config / "sleepgate").mkdir()
    (config / "sleepgate/sleepgate.yaml").write_text(CONFIG)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "STATE_DIRECTORY": str(state),
        "XDG_CONFIG_HOME": str(config),
    }


@pytest.mark.parametrize("typed", COMMANDS)
def test_it_imports_nothing_heavy(house, tmp_path, typed):
    code, needed = COMMANDS[typed]
    with daemon(tmp_path / "control.sock"):
        done = subprocess.run(
            [sys.executable, "-c", LISTED, *typed.split()],
            env={**house, "RUNTIME_DIRECTORY": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        )
    *_, last = done.stderr.splitlines()
    ended, *modules = last.split()
    assert int(ended) == code, done.stderr
    loaded = {name.partition(".")[0] for name in modules}
    allowed = {"asyncio", "paho"} & needed
    assert loaded & (HEAVY | {"asyncio", "paho"}) == allowed
    if typed == "--help":
        commands = {name for name in modules if name.startswith("gateway.commands.")}
        assert not commands
