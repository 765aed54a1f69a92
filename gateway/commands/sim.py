"""``sleepgate sim``: a recording as a BLE headband."""

import asyncio
import logging
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.options import CHANNEL, HOURS, SEED, NamedChoice, examples
from gateway.daemon.logging_setup import start_logging
from gateway.errors import ConfigError, MissingExtraError, RecordingError
from gateway.recordings.edf_recording import read_recording
from gateway.recordings.recording import Recording
from sim import devices
from sim.device import DeviceSettings
from sim.night.synthetic_night import synthetic_night
from sim.powered_device import PoweredDevice
from sim.radio.security import Security
from sim.stdin_lines import typed

if TYPE_CHECKING:
    from sim.radio.headband import SimulatedHeadband

log = logging.getLogger(__name__)

STARVES_S = 60.0  # without a keep-alive, for headbands that want one


@dataclass(frozen=True, slots=True, kw_only=True)
class SimRun:
    """Settings of a playback."""

    transport: str
    speed: float
    mtu: int
    driver: str
    name: str | None
    sfreq_hz: float | None
    firmware: str | None
    address: str
    skip_s: float
    boot_id: int
    drift_ppm: float
    security: str
    keystore: Path | None


@examples(
    "sleepgate sim --synthetic --transport unix:/tmp/hci0",
    "sleepgate sim NIGHT-PSG.edf --transport usb:0 --driver muse_classic",
)
@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option("--synthetic", is_flag=True, help="Play a SYNTHETIC night instead.")
@SEED
@HOURS
@click.option(
    "--transport",
    required=True,
    help="The radio, by bumble's name: unix:PATH, tcp-client:HOST:PORT, usb:0, "
    "serial:/dev/ttyACM0, hci-socket:1, vhci.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.0),
    default=1.0,
    show_default=True,
    help="Times real time; 0: as fast as it is taken.",
)
@click.option("--mtu", type=click.IntRange(23, 517), default=517, show_default=True)
@click.option(
    "--driver",
    type=NamedChoice(devices.names(), devices.missing),
    default="diy",
    show_default=True,
    help="The kind of headband to play.",
)
@click.option("--name", default=None, help="As advertised, e.g. MuseS-5A1C.")
@click.option(
    "--sfreq-hz",
    type=click.FloatRange(1.0, 1000.0),
    default=None,
    help="True rate of this unit, e.g. 256.26; default: what its maker prints.",
)
@click.option("--firmware", default=None, help="Version to play, e.g. 2025 or 2026.")
@click.option("--address", default="F0:F1:F2:F3:F4:F5", show_default=True)
@click.option(
    "--skip-s",
    type=click.FloatRange(0.0),
    default=0.0,
    help="Begin this far into the night, as if the headband had been out of range.",
)
@click.option(
    "--boot-id",
    type=click.IntRange(0, 2**32 - 1),
    default=None,
    help="Of this power-on; default: drawn by chance, as a restarted headband would.",
)
@click.option("--drift-ppm", type=float, default=0.0, help="Of the headband's crystal.")
@click.option(
    "--security",
    type=click.Choice([s.value for s in Security]),
    default=Security.NONE.value,
    show_default=True,
    help="Pairing that it demands; a passkey is shown in the log.",
)
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File for its bonds; without it, or when it is deleted, they are lost.",
)
@CHANNEL
def command(  # noqa: PLR0913 (one per option)
    *,
    file: Path | None,
    synthetic: bool,
    seed: int,
    hours: float,
    channels: dict[str, str] | None,
    boot_id: int | None,
    **knobs: object,
) -> None:
    """Play a recording or a synthetic night as a Bluetooth headband.

    FILE is EDF or EDF+; without it, a synthetic night. Plays once. Faults on demand,
    a line each on stdin, while it plays: drop, freeze, thaw, away SECONDS, reboot,
    forget.
    """
    if synthetic == (file is not None):
        raise click.UsageError("give either a FILE or --synthetic")
    if file is not None:
        recording = read_recording(file, channels)
    else:
        recording, _ = synthetic_night(seed, hours)
    if boot_id is None:
        boot_id = secrets.randbits(32)
    start_logging("info")
    play = SimRun(boot_id=boot_id, **knobs)  # type: ignore[arg-type] # click checked them
    asyncio.run(_play(recording, play))


async def _play(recording: Recording, play: SimRun) -> None:
    try:
        from gateway.ble.bumble.transport import open_hci  # noqa: PLC0415 (so is its radio)
        from sim.radio.peripheral import headband  # noqa: PLC0415 (bumble is an extra)
    except ModuleNotFoundError as error:
        raise MissingExtraError("sim", "the simulator") from error
    unit = PoweredDevice(recording, devices.load(play.driver), _knobs(play))
    radio = await open_hci(play.transport)
    async with headband(
        unit.device,
        radio,
        address=play.address,
        speed=play.speed,
        mtu=play.mtu,
        security=Security(play.security),
        keystore=play.keystore,
    ) as band:
        log.info(
            "%s: %s, %.0f s at x%g",
            unit.device.name,
            recording.name,
            unit.device.duration_s,
            play.speed,
        )
        obeying = asyncio.create_task(_obey(band, unit))
        await band.ended.wait()
        obeying.cancel()
        log.info("the recording is over, %d notifications sent", band.frames_sent)
        await band.disconnect()


def _knobs(play: SimRun) -> DeviceSettings:
    return DeviceSettings(
        boot_id=play.boot_id,
        drift_ppm=play.drift_ppm,
        skip_s=play.skip_s,
        sfreq_hz=play.sfreq_hz,
        name=play.name,
        firmware=play.firmware,
        starves_s=STARVES_S * play.speed or None,
    )


async def _obey(band: "SimulatedHeadband", unit: PoweredDevice) -> None:
    """Do what is typed."""
    from sim.radio.faults import obey  # noqa: PLC0415 (bumble is an extra)

    async for line in typed(sys.stdin):
        try:
            await obey(line, band, unit)
        except (ConfigError, RecordingError) as error:
            log.warning("%s", error)
        else:
            log.info("%s: done", line)
