"""Entities appear in a real Home Assistant, are right, and survive restarts.

check.py PYTHON: the one of an environment that has Home Assistant.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from gateway.acquisition.packets import Battery
from gateway.feed import Feed
from gateway.formats.home_assistant import Place, gateway_discovery, headband_discovery
from gateway.formats.mqtt_topics import TopicTree
from gateway.journal.options import JournalOptions
from gateway.outputs import Availability, Output, Reading, Recording, SessionState
from gateway.preprocessing.contact import Contact, Grip
from gateway.preprocessing.fit import Contacts, Electrode, ModelInput
from gateway.preprocessing.quality import Quality
from gateway.runtime.local_broker import LocalBroker
from gateway.sinks.mqtt import Options, run
from gateway.staging.lights import Lights
from gateway.staging.score import ScoredEpoch
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Stage

CORE = Path(__file__).with_name("core.py")
PATIENCE_S = 120
GOODBYE_S = 20  # some of its threads outlive it
EXPECTED = {
    "sensor.bedroom_headband_sleep_stage": "REM",
    "sensor.bedroom_headband_sleep_stage_level": "4",
    "sensor.bedroom_headband_stage_confidence": "84",
    "sensor.bedroom_headband_battery": "71",
    "sensor.bedroom_headband_total_sleep_time": "30.0",
    "sensor.bedroom_headband_rem_sleep": "10.0",
    "binary_sensor.bedroom_headband_asleep": "on",
    "binary_sensor.bedroom_headband_link": "on",
    "sensor.bedroom_headband_contact": "fair",
    "switch.bedroom_headband_recording": "on",
    "switch.bedroom_headband_lights_out": "on",
}
REM = (0.02, 0.05, 0.06, 0.03, 0.84)
NOW = datetime.now(UTC)
FAIR = Contact(Grip.FAIR, rms_uv=42.0, mains_ratio=0.5, railed=0.0)
NIGHT = summarise([Stage.W] * 10 + [Stage.N2] * 40 + [Stage.R] * 20)


def n_entities() -> int:
    """Return how many entities the discovery messages announce."""
    place = Place(TopicTree("sleepgate"), "000000", "host", "0")
    messages = headband_discovery(place, "bedroom"), gateway_discovery(place)
    return sum(len(json.loads(message)["components"]) for message in messages)


async def sleep_on(feed: Feed[Reading]) -> None:
    """Put a night into `feed` that never ends."""

    def put(value: Output) -> None:
        feed.put(Reading("bedroom", "20260212T230100", "m", "d" * 12, ("EEG",), value))

    put(Availability(online=True, reason="samples arrive"))
    put(Battery(71))
    put(SessionState(Recording.RECORDING, NOW, lights=Lights(0, NOW)))
    put(NIGHT)
    for index in count():
        scored = ScoredEpoch(
            index=index,
            start_utc=datetime.now(UTC),
            stage=Stage.R,
            hypnodensity=REM,
            quality=(Quality(frozenset(), 0.0, 1.0),),
            asleep=True,
            t_rx=time.monotonic(),
        )
        put(scored)
        put(Contacts((Electrode("AF7", FAIR),), (ModelInput("EEG", "AF7", FAIR),)))
        await asyncio.sleep(5)


class Core:
    """The Home Assistant that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def states(self) -> dict[str, str]:
        """Return the state of every entity."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(b"\n")
        line = await self._process.stdout.readline()
        if not line:
            sys.exit("Home Assistant ended; see above")
        states: dict[str, str] = json.loads(line)
        return states

    async def until_right(self, what: str) -> None:
        """Wait until every entity is there and says what it should."""
        start = time.monotonic()
        while True:
            states = await self.states()
            ours = [e for e in states if "headband" in e or "sleep_gateway" in e]
            wrong = {
                e: states.get(e) for e, s in EXPECTED.items() if states.get(e) != s
            }
            if len(ours) == n_entities() and not wrong:
                break
            if time.monotonic() - start > PATIENCE_S:
                sys.exit(f"{what}: {len(ours)} entities of {n_entities()}, {wrong}")
            await asyncio.sleep(0.5)
        print(f"{what}: {len(ours)} entities, all right")


@asynccontextmanager
async def core(python: str, port: int, folder: Path) -> AsyncIterator[Core]:
    """Run Home Assistant while entered."""
    process = await asyncio.create_subprocess_exec(
        *(python, str(CORE), str(port), str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Core(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), GOODBYE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


async def main(python: str) -> None:
    """Start everything, and restart it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with LocalBroker() as broker, asyncio.TaskGroup() as tasks:
            feed = Feed[Reading](depth=4096)
            journal = JournalOptions(path=str(folder / "journal.sqlite"))
            options = Options(host=broker.host, port=broker.port, journal=journal)
            sink = tasks.create_task(run(options, feed))
            night = tasks.create_task(sleep_on(feed))
            async with core(python, broker.port, folder / "config") as first:
                await first.until_right("Home Assistant starts")
                await broker.kill()
                await broker.start()
                await asyncio.sleep(2)
                await first.until_right("the broker restarts, remembering nothing")
            async with core(python, broker.port, folder / "config") as second:
                await second.until_right("Home Assistant restarts")
            night.cancel()
            feed.close()
            await sink


asyncio.run(main(sys.argv[1]))
