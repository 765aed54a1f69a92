"""Memory of the link and the pipeline over a simulated day; a process of its own."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
from rows import Row

from gateway import drivers
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.reconnect import stream
from gateway.daemon.supervisor import clock_now
from gateway.models.load import read_model
from gateway.session.pipeline import Night, Pipeline
from gateway.staging.scored_epoch import ScoredEpoch
from sim import devices
from sim.device import DeviceSettings
from sim.night.synthetic_night import synthetic_night
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

EPOCHS_AN_HOUR = 120
DIY = drivers.load("diy")


async def play(hours: int) -> None:
    """Stream `hours` of signal at full speed; print the memory after each."""
    hour, _ = synthetic_night(1, 1.0)
    counts = tuple(np.concatenate([part] * hours, axis=1) for part in hour.counts)
    device = devices.load("diy")(replace(hour, counts=counts), DeviceSettings())
    night = Night(read_model("default"), {}, 50)
    pipeline, air = Pipeline(DIY, night), VirtualLink()
    list(pipeline.push_input(clock_now()))
    radio = BleakRadio(backend=backend(air.plug))
    async with headband(device, air.plug(), speed=0) as band:
        link = stream(radio, DIY, report=lambda _: None)
        n_epochs = 0
        async with aclosing(link):
            async for value in link:
                for output in pipeline.push_input(value):
                    if isinstance(output, ScoredEpoch):
                        n_epochs += 1
                        if n_epochs % EPOCHS_AN_HOUR == 0:
                            hour_now = n_epochs // EPOCHS_AN_HOUR
                            print(json.dumps({"hour": hour_now, "kib": _rss_kib()}))
                if band.ended.is_set():
                    break
    await radio.close()


def _rss_kib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def rows(hours: int) -> Iterator[Row]:
    """Play in a process of its own; report the size at both ends and the slope."""
    out = subprocess.run(
        [sys.executable, __file__, str(hours)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    points = [json.loads(line) for line in out.splitlines()]
    settled = points[1:] or points
    slope = statistics.linear_regression(
        [p["hour"] for p in settled], [p["kib"] for p in settled]
    ).slope
    last, first = points[-1], settled[0]
    yield Row(
        f"RSS after {last['hour']} simulated hours",
        last["kib"] / 1024,
        "MiB",
        first["kib"] / 1024,
        f"after {first['hour']} hours",
    )
    yield Row("RSS slope over them", slope, "KiB/h")


if __name__ == "__main__":
    asyncio.run(play(int(sys.argv[1])))
