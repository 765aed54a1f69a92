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
@click.option(
    "--synthetic", is_flag=True, help="Play a SYNTHETIC night instead of FILE."
)
@SEED
@HOURS
@click.option(
    "--transport",
    required=True,
    help="HCI transport, as bumble names it: unix:PATH, tcp-client:HOST:PORT, usb:0, "
    "serial:/dev/ttyACM0, hci-socket:1, vhci.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0.0),
    default=1.0,
    show_default=True,
    help="Speed in multiples of real time; 0: as fast as the receiver can.",
)
@click.option("--mtu", type=click.IntRange(23, 517), default=517, show_default=True)
@click.option(
    "--driver",
    type=NamedChoice(devices.names(), devices.missing),
    default="diy",
    show_default=True,
    help="Kind of headband to simulate.",
)
@click.option("--name", default=None, help="Advertised name, e.g. MuseS-5A1C.")
@click.option(
    "--sfreq-hz",
    type=click.FloatRange(1.0, 1000.0),
    default=None,
    help="True sampling rate, e.g. 256.26; default: the specified rate.",
)
@click.option(
    "--firmware", default=None, help="Firmware to simulate, e.g. 2025 or 2026."
)
@click.option("--address", default="F0:F1:F2:F3:F4:F5", show_default=True)
@click.option(
    "--skip-s",
    type=click.FloatRange(0.0),
    default=0.0,
    help="Begin at this second of the night.",
)
@click.option(
    "--boot-id",
    type=click.IntRange(0, 2**32 - 1),
    default=None,
    help="Boot identifier to report; default: random, as after a restart.",
)
@click.option(
    "--drift-ppm",
    type=float,
    default=0.0,
    help="Error of the headband's clock in parts per million.",
)
@click.option(
    "--security",
    type=click.Choice([s.value for s in Security]),
    default=Security.NONE.value,
    show_default=True,
    help="Pairing that the headband demands; a passkey is printed to the log.",
)
@click.option(
    "--keystore",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="File that keeps the bonds over a restart; default: bonds are lost.",
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
    start_logging("info")
    if file is not None:
        recording = read_recording(file, channels)
    else:
        log.info("making a SYNTHETIC night of %g h, seed %d ...", hours, seed)
        recording, _ = synthetic_night(seed, hours)
    if boot_id is None:
        boot_id = secrets.randbits(32)
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
