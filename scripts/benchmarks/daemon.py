"""What the running daemon costs: start, CPU, memory, latency. Real processes."""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion
from rows import Row

from sim.local_broker import LocalBroker
from sim.radio.virtual_link import VirtualLink

READY_MS = 3000.0
LIBRARIES = "import numpy, bleak, paho.mqtt.client, yaml, click"


def imports(n: int) -> Iterator[Row]:
    """Time importing the daemon, beside importing the libraries it stands on."""
    ours = _python_s("import gateway.commands.run", n)
    floor = _python_s(LIBRARIES, n)
    yield Row("import of the daemon", ours * 1000, "ms", floor * 1000, "its libraries")


def _python_s(code: str, n: int) -> float:
    times = []
    for _ in range(n):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


async def live(seconds: float) -> list[Row]:
    """Run a daemon at real time for `seconds`, and again at speed for latencies."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))
        names = [f"unix-server:{folder}/hci{n}" for n in range(2)]
        await stack.enter_async_context(VirtualLink().serve(*names))
        broker = await stack.enter_async_context(LocalBroker())
        config = _config(Path(folder), broker)
        bare_ms = await asyncio.to_thread(_round_trip_ms, broker.port)
        rows = []
        with _daemon(config, folder) as (process, ready_ms):
            rows.append(Row("start to READY", ready_ms, "ms", READY_MS, "ceiling"))
            with _simulator(folder, speed=1):
                rows += await _cost(process, seconds)
        with (
            _daemon(config, folder),
            _heard(broker.port) as latencies_ms,
            _simulator(folder, speed=30),
        ):
            await asyncio.sleep(max(seconds, 30))
        if latencies_ms:
            rows.append(
                Row(
                    f"last sample to subscriber, median of {len(latencies_ms)}",
                    statistics.median(latencies_ms),
                    "ms",
                    bare_ms,
                    "bare MQTT publish to subscriber",
                )
            )
            rows.append(
                Row("last sample to subscriber, worst", max(latencies_ms), "ms")
            )
        return rows


def _config(folder: Path, broker: LocalBroker) -> Path:
    path = folder / "sleepgate.yaml"
    path.write_text(
        f"""devices: [{{name: bench}}]
ble: {{backend: simulated, transport: "unix:{folder}/hci1"}}
outputs:
  mqtt:
    host: {broker.host}
    port: {broker.port}
    journal: {{path: "{folder}/journal.sqlite"}}
"""
    )
    return path


@contextmanager
def _daemon(config: Path, folder: str) -> Iterator[tuple[psutil.Process, float]]:
    """Start the real command and wait for its READY=1, as systemd would."""
    address = f"{folder}/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        Path(address).unlink(missing_ok=True)
        ear.bind(address)
        ear.settimeout(30)
        start = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--config", str(config)],
            env={
                **os.environ,
                **dict.fromkeys(("XDG_RUNTIME_DIR", "XDG_STATE_HOME"), folder),
                "NOTIFY_SOCKET": address,
            },
            stderr=subprocess.DEVNULL,
        )
        try:
            while b"READY=1" not in ear.recv(4096):
                pass
            ready_ms = (time.perf_counter() - start) * 1000
            yield psutil.Process(child.pid), ready_ms
        finally:
            child.terminate()
            child.wait(30)


@contextmanager
def _simulator(folder: str, speed: float) -> Iterator[None]:
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "gateway", "sim", "--synthetic", "--hours", "2"),
            *("--transport", f"unix:{folder}/hci0", "--speed", str(speed)),
            *("--mtu", "247"),
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        child.kill()
        child.wait(30)


async def _cost(process: psutil.Process, seconds: float) -> list[Row]:
    await asyncio.sleep(15)  # the simulator makes its night, the link comes up
    before = sum(process.cpu_times()[:2])
    start = time.perf_counter()
    await asyncio.sleep(seconds)
    cpu = sum(process.cpu_times()[:2]) - before
    share = 100 * cpu / (time.perf_counter() - start)
    status = await asyncio.to_thread(
        Path(f"/proc/{process.pid}/status").read_text, encoding="ascii"
    )
    peak_kb = next(
        int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
    )
    floor_kb = await asyncio.to_thread(_libraries_kb)
    return [
        Row("daemon CPU at 1x real time, simulated radio", share, "% core"),
        Row("daemon peak RSS", peak_kb / 1024, "MiB", floor_kb / 1024, "its libraries"),
    ]


def _libraries_kb() -> int:
    code = f"{LIBRARIES}\nprint(open('/proc/self/status').read())"
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    return next(
        int(line.split()[1]) for line in out.splitlines() if line.startswith("VmHWM")
    )


@contextmanager
def _heard(port: int) -> Iterator[list[float]]:
    """Collect, per epoch, the time from its last sample's arrival to a subscriber."""
    latencies_ms: list[float] = []

    def on_message(_client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.retain:  # of the daemon before
            return
        now = time.time()
        epoch = json.loads(message.payload)
        published = datetime.fromisoformat(epoch["published"]).timestamp()
        inside_ms = epoch["latency_ms"]["close_to_publish"]
        latencies_ms.append(inside_ms + max(0.0, (now - published) * 1000))

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.connect("127.0.0.1", port)
    client.subscribe("sleepgate/bench/stage", 1)
    client.loop_start()
    try:
        yield latencies_ms
    finally:
        client.disconnect()
        client.loop_stop()


def _round_trip_ms(port: int) -> float:
    """Return the median time from a bare publish to a subscriber."""
    took_ms: list[float] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _c, _d, message: took_ms.append(
        (time.perf_counter() - float(message.payload)) * 1000
    )
    client.connect("127.0.0.1", port)
    client.subscribe("bare", 1)
    client.loop_start()
    time.sleep(0.5)
    for _ in range(50):
        client.publish("bare", str(time.perf_counter()), 1)
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return statistics.median(took_ms)
