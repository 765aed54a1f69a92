"""``sleepgate demo``: broker, daemon and simulated headband on this machine."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway import sinks
from gateway.cli.options import CHANNEL, HOURS, SEED, NamedChoice, examples
from gateway.config.schema import BleConfig, Config, DeviceConfig, SessionsConfig
from gateway.daemon.active_sink import ActiveSink, active_sink
from gateway.daemon.build import run_daemon
from gateway.daemon.logging_setup import start_logging
from gateway.errors import ConfigError, LinkError, MissingExtraError
from gateway.evaluation.agreement import agreement
from gateway.messages.control import Control
from gateway.messages.feed import Feed
from gateway.messages.outputs import Availability, Reading
from gateway.recorder.folder import recordings
from gateway.recorder.integrity import survey
from gateway.recorder.sidecar import annotated
from gateway.reports.comparison import agreement_line
from gateway.sinks import Sink
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal, Stage
from sim import devices
from sim.demo_night import DemoNight, recorded, synthetic
from sim.local_broker import LocalBroker, ends_with_parent

if TYPE_CHECKING:
    from sim.radio.virtual_link import VirtualLink

DEVICE = "demo"
AWAY_S = 3.0  # a simulator that was killed stays away this long
GIVE_UP_S = 2.0  # one that dies sooner cannot start at all
DRAIN_S = 15.0  # from the last notification sent to the last epoch scored
LOOK_S = 0.02
FEW, MANY = 100, 1000  # readings that wait for an output, which drops at 4096


@examples(
    "sleepgate demo",
    "sleepgate demo NIGHT-PSG.edf --speed 240",
    "sleepgate demo --driver muse_athena --hours 1",
)
@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--speed",
    type=click.FloatRange(1.0, 2000.0),
    default=480.0,
    show_default=True,
    help="Speed in multiples of real time; 480 plays 8 hours in a minute.",
)
@click.option(
    "--driver",
    type=NamedChoice(devices.names(), devices.missing),
    default="diy",
    show_default=True,
    help="Kind of headband to simulate.",
)
@SEED
@HOURS
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=None,
    help="Port of the demo's MQTT broker on this machine; default: a free one.",
)
@click.option(
    "--record",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Record the night as EDF+ in this folder.",
)
@CHANNEL
def command(  # noqa: PLR0913 (one per option)
    *,
    file: Path | None,
    speed: float,
    driver: str,
    seed: int,
    hours: float,
    port: int | None,
    folder: Path | None,
    channels: dict[str, str] | None,
) -> None:
    """Score a night and show it on the screen; no headband is needed.

    FILE is a recording of your own (EDF or EDF+, e.g. a *-PSG.edf of Sleep-EDF); the
    expert's *-Hypnogram.edf is compared if it lies beside it. Without FILE, the night
    is SYNTHETIC.
    """
    night = synthetic(seed, hours) if file is None else recorded(file, channels)
    start_logging("error")
    known = set() if folder is None else set(recordings(folder))
    stages = asyncio.run(_demo(night, driver, speed, port, folder))
    if night.expert is not None:
        line = agreement_line(agreement(stages, night.expert))
        click.echo(f"agreement with {night.scorer}: {line}")
    if len(stages) < night.n_epochs:
        raise LinkError(
            f"only {len(stages)} of {night.n_epochs} epochs arrived: this machine "
            f"may be too slow for --speed {speed:g}"
        )
    made = [] if folder is None else sorted(set(recordings(folder)) - known)
    for path in made:
        click.echo(f"recorded: {path}, {_lacking(path)}")
    click.echo(_next_step(night, driver, made))


def _lacking(path: Path) -> str:
    """Return how much of the night its recording lacks, as its annotations say."""
    missing = annotated(survey(path).account)
    lost_s, unrecorded_s = missing["gap_s"], missing["unrecorded_s"]
    if not lost_s and not unrecorded_s:
        return "nothing is missing"
    return f"{lost_s:.1f} s were lost on the way, {unrecorded_s:.1f} s not recorded"


def _next_step(night: DemoNight, driver: str, made: Sequence[Path]) -> str:
    words = f"That was {night.title}, played as a simulated {driver} headband."
    if made:
        return f"{words}\nnext: sleepgate report {made[-1]}"
    if "--synthetic" in night.play:
        words += "\nnext: a recording of your own: sleepgate demo NIGHT-PSG.edf"
        return f"{words}; or a headband: sleepgate find"
    return f"{words}\nnext: a headband: sleepgate find"


async def _demo(
    night: DemoNight,
    driver: str,
    speed: float,
    port: int | None,
    folder_of_recordings: Path | None,
) -> list[Stage | Refusal]:
    try:
        from sim.radio.virtual_link import VirtualLink  # noqa: PLC0415 (bumble is an extra)
    except ModuleNotFoundError as error:
        raise MissingExtraError("sim", "the demo") from error
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sleepgate-"))
        radios = [f"{folder}/hci{n}" for n in range(2)]
        link = VirtualLink()
        await stack.enter_async_context(
            link.serve(*(f"unix-server:{radio}" for radio in radios))
        )
        broker = await _broker(stack, port)
        progress = DemoProgress()
        outputs = [_view(night, speed, broker), progress.active_sink]
        if folder_of_recordings is not None:
            edf = sinks.load("edf")
            outputs.append(
                active_sink(edf, edf.options(path=str(folder_of_recordings)))
            )
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            config = _config(radios[1], driver, broker)
            daemon = run_daemon(config, stop, more_outlets=outputs)
            tasks.create_task(daemon, name="daemon")
            waiting = tasks.create_task(_wait_for(outputs, link), name="wait")
            await _simulate(
                (*night.play, "--driver", driver), radios[0], speed, progress
            )
            waiting.cancel()
            stop.set()
        return progress.stages


async def _wait_for(outputs: Sequence[ActiveSink], link: "VirtualLink") -> None:
    """Hold the replay back while an output lags; a live night could not wait."""
    held = False
    while True:
        longest = max(len(each.feed) for each in outputs)
        if held != (longest > (FEW if held else MANY)):
            held = not held
            link.hold_hosts(hold=held)
        await asyncio.sleep(LOOK_S)


class DemoProgress:
    """Progress of the daemon."""

    def __init__(self) -> None:
        self.stages: list[Stage | Refusal] = []
        self.t_online: float | None = None
        self.offline = asyncio.Event()
        wants = (Availability, ScoredEpoch)
        self.active_sink = active_sink(
            Sink("progress", object, wants, self._follow), object()
        )

    async def _follow(
        self, _options: object, feed: Feed[Reading], _control: Control
    ) -> None:
        async for reading in feed:
            match reading.value:
                case ScoredEpoch(stage=stage):
                    self.stages.append(stage)
                case Availability(online=True):
                    self.offline.clear()
                    now = asyncio.get_running_loop().time()
                    self.t_online = self.t_online or now
                case Availability(online=False):
                    self.offline.set()


async def _simulate(
    play: tuple[str, ...], radio: str, speed: float, progress: DemoProgress
) -> None:
    """Run the simulator to the night's end, again and again if it is killed.

    The night goes on while it is away: what it recorded meanwhile is lost.
    """
    loop = asyncio.get_running_loop()
    while True:
        skip_s = 0.0
        if progress.t_online is not None:
            skip_s = (loop.time() - progress.t_online) * speed
        t_start = loop.time()
        process = await asyncio.create_subprocess_exec(
            *(*ends_with_parent(), sys.executable, "-m", "gateway", "sim", *play),
            *("--transport", f"unix:{radio}", "--speed", str(speed)),
            *("--skip-s", str(skip_s), "--boot-id", "1"),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            _, words = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode == 0:
            break
        if progress.t_online is None and loop.time() - t_start < GIVE_UP_S:
            raise LinkError(f"the simulator failed: {words.decode().strip()}")
        await asyncio.sleep(AWAY_S)
    try:
        async with asyncio.timeout(DRAIN_S):
            await progress.offline.wait()
    except TimeoutError:
        raise LinkError("the daemon did not notice that the headband left") from None


async def _broker(stack: AsyncExitStack, port: int | None) -> LocalBroker | None:
    if port is not None:  # who names a port wants a broker there
        return await stack.enter_async_context(LocalBroker(port=port))
    try:
        return await stack.enter_async_context(LocalBroker())
    except ConfigError as error:
        click.echo(f"{error}\nThe night is scored and shown without one.", err=True)
        return None


def _config(radio: str, driver: str, broker: LocalBroker | None) -> Config:
    outputs: dict[str, object] = {}
    if broker is not None:
        outputs["mqtt"] = {
            "host": broker.host,
            "port": broker.port,
            "journal": {"path": f"{radio}.journal"},
        }
    return Config(
        devices=(
            DeviceConfig(name=DEVICE, driver=driver, lsb_uv=devices.lsb_uv(driver)),
        ),
        ble=BleConfig(backend="simulated", transport=f"unix:{radio}"),
        outputs=outputs,
        session=SessionsConfig(auto_start="always", resume_min=0.0),
    )


def _view(night: DemoNight, speed: float, broker: LocalBroker | None) -> ActiveSink:
    sink = sinks.load("terminal")
    command_line = "no MQTT broker"
    if broker is not None:
        command_line = f"mosquitto_sub -p {broker.port} -t 'sleepgate/#' -v"
    title = f"{night.title}, x{speed:g}"
    options = sink.options(title=title, topic=command_line, n_epochs=night.n_epochs)
    return active_sink(sink, options)
