"""CPU and memory of each client command beside the import of what all of them need.

Every command does its work: a daemon answers, a broker listens, there are a journal
and a recording. Both figures are the process's own when it ends (the interpreter's
start included, and VmHWM), so that the size of this program does not count.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from rows import Row

from gateway.edf.header import Header, SignalHeader
from gateway.journal.store import JournalStore
from sim.local_broker import LocalBroker

ROOT = Path(__file__).parents[2]
FLOOR_IS = "import click, yaml"
COMMANDS = (
    *("--help", "version", "status", "start bedroom", "stop bedroom"),
    *("mark bedroom coughed", "config check", "config show", "journal ls"),
    *("record ls", "forget bedroom", "ha preview"),
)
MEASURED = """
import sys
figures = sys.argv.pop()
code = 0
try:
    {work}
except SystemExit as error:
    code = error.code or 0
import time
cpu_s = time.process_time()
with open("/proc/self/status") as status, open(figures, "w") as out:
    peak = next(line for line in status if line.startswith("VmHWM"))
    out.write(f"{{code}} {{cpu_s}} {{peak.split()[1]}}")
"""
CONFIG = """
devices:
  - {{name: bedroom, driver: muse_athena, address: "00:55:DA:B0:01:02"}}
outputs:
  mqtt: {{host: 127.0.0.1, port: {port}}}
  edf: {{keep_days: 60}}
"""
MOMENT = "2026-02-12T23:00:00.000Z"
STATUS = {
    "v": 1,
    "ts": MOMENT,
    "version": "0.1.0",
    "pid": 9,
    "config": "sleepgate.yaml",
    "started": MOMENT,
    "uptime_s": 60,
    "restart_required": [],
    "model": {"id": "ulw-sleepnet-3ch-v4", "digest": "0123456789ab"},
    "config_problems": [],
    "clock": {"synchronised": True},
    "process": {"rss_mb": 50.0, "cpu_pct": 1.0},
    "disk_free_mb": 9000.0,
    "devices": [
        {
            "name": "bedroom",
            "link": "streaming",
            "online": True,
            "reason": "on",
            "battery_pct": 80,
            "lost_s": 0.0,
            "lost_pct": 0.0,
            "bad_packets": 0,
            "drops": 0,
            "stalls": 0,
            "epoch": None,
            "session": {"state": "recording", "id": "01J8ZQ", "started": MOMENT},
        }
    ],
    "outputs": [{"name": "mqtt", "well": True, "words": "connected", "facts": {}}],
}
ANSWERS: dict[str, Any] = {
    "status": STATUS,
    "start": {"session": "01J8ZQ", "already": False},
    "stop": {"session": "01J8ZQ", "epochs": 9, "already": False},
    "mark": {"at": MOMENT},
}


def rows(n: int, tree: Path = ROOT) -> Iterator[Row]:
    """Run each command `n` times with the program in `tree`, the floor between them."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        house = Path(folder)
        _serve(house / "control.sock")
        _furnish(house)
        loop = asyncio.new_event_loop()
        broker = LocalBroker()
        loop.run_until_complete(broker.start())
        try:
            config = house / "config" / "sleepgate" / "sleepgate.yaml"
            config.write_text(CONFIG.format(port=broker.port))
            for command in COMMANDS:
                yield from _beside_the_floor(command, n, house, tree)
        finally:
            loop.run_until_complete(broker.stop())
            loop.close()


def _beside_the_floor(command: str, n: int, house: Path, tree: Path) -> Iterator[Row]:
    ours, floor = [], []
    work = "from gateway.__main__ import main; main()"
    for _ in range(n):  # by turns, so that other load meets both
        floor.append(_measured(FLOOR_IS, [], house, tree))
        ours.append(_measured(work, command.split(), house, tree))
    for at, (what, unit) in enumerate((("CPU", "ms"), ("peak RSS", "MB"))):
        value, least = (statistics.median(f[at] for f in x) for x in (ours, floor))
        yield Row(f"sleepgate {command}, {what}", value, unit, least, FLOOR_IS)


def _measured(
    work: str, arguments: list[str], house: Path, tree: Path
) -> tuple[float, float]:
    """Return CPU in ms and peak memory in MB of a Python of its own."""
    figures = house / "figures"
    subprocess.run(
        [sys.executable, "-c", MEASURED.format(work=work), *arguments, figures],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(tree),
            "STATE_DIRECTORY": str(house),
            "RUNTIME_DIRECTORY": str(house),
            "XDG_CONFIG_HOME": str(house / "config"),
        },
        cwd=house,  # Python looks there first for what it imports
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    code, cpu_s, peak_kb = figures.read_text().split()
    if code != "0":
        raise RuntimeError(f"{arguments} ended with {code}")
    return float(cpu_s) * 1000, float(peak_kb) / 1024


def _serve(path: Path) -> None:
    """Answer requests at `path` as a daemon would, until this process ends."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer() -> None:
        while True:
            client, _ = listener.accept()
            with client, client.makefile("rwb") as lines:
                data = ANSWERS[json.loads(lines.readline())["do"]]
                lines.write(json.dumps({"ok": True, "data": data}).encode() + b"\n")

    threading.Thread(target=answer, daemon=True).start()


def _furnish(house: Path) -> None:
    """Make a journal, a recording and a folder for the configuration."""
    with closing(JournalStore(house / "journal.sqlite")) as store:
        for epoch in range(960):
            store.append(
                device="bedroom",
                session="01J8ZQ",
                epoch=epoch,
                recorded_s=1_770_937_260.0 + 30 * epoch,
                document=b"x" * 700,
            )
    (house / "config" / "sleepgate").mkdir(parents=True)
    (house / "recordings").mkdir()
    eeg = SignalHeader(
        label="EEG", digital_min=-(1 << 15), digital_max=(1 << 15) - 1, n_samples=256
    )
    header = Header(
        patient="X X X X",
        recording="Startdate 12-FEB-2026 X X X",
        start=datetime(2026, 2, 12, 23),  # noqa: DTZ001 -- EDF knows no time zones
        record_us=1_000_000,
        signals=(eeg, eeg),
    )
    night = house / "recordings" / "2026-02-12_bedroom_01J8ZQ.edf"
    night.write_bytes(header.encode(60) + bytes(60 * header.record_bytes))
