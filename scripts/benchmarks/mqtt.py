"""What MQTT and the journal cost: latency, draining, disk, fsync, CPU, memory."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from rows import Row, median, p99

from gateway.journal.options import JournalOptions
from gateway.messages.feed import Feed
from gateway.messages.outputs import Reading
from gateway.mqtt.options import MqttOptions
from gateway.preprocessing.signal_quality import Quality
from gateway.sinks.mqtt import run
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Stage
from sim.local_broker import LocalBroker

NIGHT = 960  # epochs in eight hours
STRACED = 200
PAUSE_S = 0.02
BARE_BYTES = 600  # as an epoch's
NOBODY = 1  # a port
DEPTH = 4096


def _scored(index: int) -> Reading:
    scored = ScoredEpoch(
        index=index,
        start_utc=datetime.now(UTC),
        stage=Stage.N2,
        hypnodensity=(0.02, 0.05, 0.84, 0.06, 0.03),
        quality=(Quality(frozenset(), 0.0, 1.0),),
        asleep=True,
        t_rx=time.monotonic(),
    )
    return Reading("bench", "night", "model", "digest", ("EEG",), scored)


@asynccontextmanager
async def _sink(port: int, folder: Path) -> AsyncIterator[Feed[Reading]]:
    feed: Feed[Reading] = Feed(DEPTH)
    journal = JournalOptions(path=str(folder / "journal.sqlite"))
    task = asyncio.create_task(
        run(MqttOptions(host="127.0.0.1", port=port, journal=journal), feed)
    )
    try:
        yield feed
    finally:
        feed.close()
        await task


class _Ear:
    """Notes when the messages on a topic came."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.ready = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._more = asyncio.Event()

    def _hear(self, *_: object) -> None:
        self.times.append(time.perf_counter())
        self._loop.call_soon_threadsafe(self._more.set)

    @contextmanager
    def on(self, port: int, pattern: str) -> Iterator[mqtt.Client]:
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.on_message = self._hear
        client.on_subscribe = lambda *_: self.ready.set()
        client.connect("127.0.0.1", port)
        client.subscribe(pattern, 1)
        client.loop_start()
        self.ready.wait(10)
        try:
            yield client
        finally:
            client.disconnect()
            client.loop_stop()

    async def until(self, n: int) -> None:
        async with asyncio.timeout(60):
            while len(self.times) < n:
                self._more.clear()
                await self._more.wait()


async def _latency(port: int, folder: Path, n: int) -> AsyncIterator[Row]:
    ours, bare = _Ear(), _Ear()
    ours_ms, bare_ms = [], []
    with (
        ours.on(port, "sleepgate/bench/stage"),
        bare.on(port, "bare") as client,
    ):
        async with _sink(port, folder) as feed:
            await asyncio.sleep(1)
            for index in range(n):
                start = time.perf_counter()
                feed.put(_scored(index))
                await ours.until(index + 1)
                ours_ms.append((ours.times[-1] - start) * 1000)
                await asyncio.sleep(PAUSE_S)
                start = time.perf_counter()
                client.publish("bare", bytes(BARE_BYTES), 1)
                await bare.until(index + 1)
                bare_ms.append((bare.times[-1] - start) * 1000)
    for name, of in (("median", median), ("p99", p99)):
        peer = of(sorted(bare_ms))
        what = f"epoch scored to subscriber, {name} of {n}"
        yield Row(what, of(sorted(ours_ms)), "ms", peer, "bare paho publish")


async def _drain(port: int, folder: Path) -> AsyncIterator[Row]:
    async with _sink(NOBODY, folder) as feed:
        for index in range(NIGHT):
            feed.put(_scored(index))
    yield Row("journal of a night, 960 epochs", _journal_bytes(folder) / 1024, "KiB")
    ear = _Ear()
    with ear.on(port, "sleepgate/bench/epoch"):
        async with _sink(port, folder):
            await ear.until(NIGHT)
    rate = (NIGHT - 1) / (ear.times[-1] - ear.times[0])
    yield Row("journal drained after eight hours' outage", rate, "epochs/s")


def _journal_bytes(folder: Path) -> int:
    files = folder.glob("journal.sqlite*")
    return sum(f.stat().st_size for f in files if f.suffix != ".reserve")


def _child(port: int, n: int, *tracer: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        return subprocess.run(
            [*tracer, sys.executable, __file__, str(port), folder, str(n)],
            check=True,
            capture_output=True,
            text=True,
        )


def _cost(port: int, n: int) -> Iterator[Row]:
    idle, night = (json.loads(_child(port, k).stdout) for k in (1, n))
    # the pause is real time: what idling costs in it is in both
    cpu_ms = (night["cpu_s"] - idle["cpu_s"]) * 1000 / (n - 1)
    yield Row("MQTT sink, CPU of a night", cpu_ms * NIGHT / 1000, "s")
    peak, floor = night["peak_kb"] / 1024, idle["peak_kb"] / 1024
    yield Row(f"MQTT sink, peak RSS after {n} epochs", peak, "MiB", floor, "after 1")


def _fsyncs(port: int) -> Iterator[Row]:
    """Count what the kernel is asked for; strace sees every thread."""
    strace = shutil.which("strace")
    if strace is None:
        return
    few, many = (
        len(re.findall(r"f(?:data)?sync\(\d+", _traced(port, n, strace)))
        for n in (20, 20 + STRACED)
    )
    yield Row("fsync per epoch, acknowledgement included", (many - few) / STRACED, "")


def _traced(port: int, n: int, strace: str) -> str:
    return _child(port, n, strace, "-f", "-e", "trace=fsync,fdatasync").stderr


async def rows(n: int) -> list[Row]:
    """Measure with `n` epochs where a whole night would take too long."""
    async with LocalBroker() as broker:
        port, found = broker.port, []
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found += [row async for row in _latency(port, Path(folder), n)]
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            found += [row async for row in _drain(port, Path(folder))]
        found += await asyncio.to_thread(lambda: [*_cost(port, n), *_fsyncs(port)])
    return found


async def _night(port: int, folder: Path, n: int) -> None:
    async with _sink(port, folder) as feed:
        for index in range(n):
            feed.put(_scored(index))
            await asyncio.sleep(PAUSE_S)
    status = Path("/proc/self/status").read_text(encoding="ascii")  # noqa: ASYNC240 - of memory
    peak_kb = int(re.findall(r"VmHWM:\s+(\d+)", status)[0])
    print(json.dumps({"cpu_s": time.process_time(), "peak_kb": peak_kb}))


if __name__ == "__main__":
    asyncio.run(_night(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
