"""Entities appear in a real Home Assistant, are right, and survive restarts.

check.py PYTHON: the one of an environment that has Home Assistant.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from gateway.acquisition.packets import Battery
from gateway.journal.options import JournalOptions
from gateway.messages.control import Command, Control, EndSession, Mark, MarkLights
from gateway.messages.feed import Feed
from gateway.messages.outputs import (
    Availability,
    Output,
    Reading,
    RecordingState,
    SessionState,
)
from gateway.mqtt.home_assistant.discovery import (
    DiscoveryTarget,
    gateway_discovery,
    headband_discovery,
)
from gateway.mqtt.options import LANES, Lane, MqttOptions
from gateway.mqtt.topics import TopicTree
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import Contact
from gateway.preprocessing.headband_fit import Contacts, ElectrodeFit, ModelInput
from gateway.preprocessing.signal_quality import Quality
from gateway.sinks.mqtt import run
from gateway.staging.lights import Lights as Marked
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Stage
from sim.local_broker import LocalBroker

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
States = Mapping[str, str]
REM = (0.02, 0.05, 0.06, 0.03, 0.84)
NOW = datetime.now(UTC)
FAIR = Contact(ContactState.FAIR, rms_uv=42.0, mains_ratio=0.5, railed=0.0)
NIGHT = summarise([Stage.W] * 10 + [Stage.N2] * 40 + [Stage.R] * 20)


# what is pressed, and what the daemon is then asked
PRESSED = (
    ("switch turn_off switch.bedroom_headband_recording", EndSession("bedroom")),
    (
        "switch turn_off switch.bedroom_headband_lights_out",
        MarkLights("bedroom", off=False),
    ),
    (
        "button press button.bedroom_headband_mark_this_moment",
        Mark("bedroom", "marked in Home Assistant"),
    ),
)
STAGE_ALONE = ("stage",)


def n_entities(lanes: tuple[Lane, ...]) -> int:
    """Return how many entities the discovery messages announce."""
    place = DiscoveryTarget(TopicTree("sleepgate"), "000000", "host", "0", lanes=lanes)
    messages = headband_discovery(place, "bedroom"), gateway_discovery(place)
    components = [json.loads(message)["components"] for message in messages]
    return sum(len(each) > 1 for some in components for each in some.values())


async def sleep_on(feed: Feed[Reading]) -> None:
    """Put a night into `feed` that never ends."""

    def put(value: Output) -> None:
        feed.put(Reading("bedroom", "20260212T230100", "m", "d" * 12, ("EEG",), value))

    put(Availability(online=True, reason="samples arrive"))
    put(Battery(71))
    put(SessionState(RecordingState.RECORDING, NOW, lights=Marked(0, NOW)))
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
        put(Contacts((ElectrodeFit("AF7", FAIR),), (ModelInput("EEG", "AF7", FAIR),)))
        await asyncio.sleep(5)


class Core:
    """The Home Assistant that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def states(self, after: str = "") -> dict[str, str]:
        """Return the state of every entity, after something was done."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("no pipes")
        self._process.stdin.write(f"{after}\n".encode())
        line = await self._process.stdout.readline()
        if not line:
            sys.exit("Home Assistant ended; see above")
        states: dict[str, str] = json.loads(line)
        return states

    async def until_right(
        self, what: str, lanes: tuple[Lane, ...] = LANES, expected: States = EXPECTED
    ) -> None:
        """Wait until every entity is there and says what it should, and no other."""
        start = time.monotonic()
        while True:
            states = await self.states()
            ours = [e for e in states if "headband" in e or "sleep_gateway" in e]
            wrong = {
                e: states.get(e) for e, s in expected.items() if states.get(e) != s
            }
            if len(ours) == n_entities(lanes) and not wrong:
                break
            if time.monotonic() - start > PATIENCE_S:
                sys.exit(
                    f"{what}: {len(ours)} entities, not {n_entities(lanes)}: {wrong}"
                )
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


@asynccontextmanager
async def gateway(
    broker: LocalBroker, folder: Path, control: Control, lanes: tuple[Lane, ...] = LANES
) -> AsyncIterator[None]:
    """Publish a night while entered."""
    feed = Feed[Reading](depth=4096)
    options = MqttOptions(
        host=broker.host,
        port=broker.port,
        publish=lanes,
        journal=JournalOptions(path=str(folder / "journal.sqlite")),
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(run(options, feed, control))
        night = tasks.create_task(sleep_on(feed))
        yield
        night.cancel()
        feed.close()


async def press(core: Core, control: Control) -> None:
    """Use what can be pressed, and see that the daemon is asked."""
    for what, asked in PRESSED:
        await core.states(what)
        heard: Command = await asyncio.wait_for(control.next(), PATIENCE_S)
        if heard != asked:
            sys.exit(f"{what}: the daemon was asked to {heard}, not {asked}")
        print(f"{what}: the daemon is asked to {heard}")


async def main(python: str) -> None:
    """Start everything, and restart it."""
    with tempfile.TemporaryDirectory() as name:
        folder, control = Path(name), Control()
        config = folder / "config"
        async with LocalBroker() as broker:
            async with gateway(broker, folder, control):
                async with core(python, broker.port, config) as first:
                    await first.until_right("Home Assistant starts")
                    await press(first, control)
                    await broker.kill()
                    await broker.start()
                    await asyncio.sleep(2)
                    await first.until_right("the broker restarts, remembering nothing")
                async with core(python, broker.port, config) as second:
                    await second.until_right("Home Assistant restarts")
            async with (
                core(python, broker.port, config) as third,
                gateway(broker, folder, control, STAGE_ALONE),
            ):
                stage = {k: v for k, v in EXPECTED.items() if "stage" in k}
                what = "only stages are published"
                await third.until_right(what, STAGE_ALONE, stage)


asyncio.run(main(sys.argv[1]))
