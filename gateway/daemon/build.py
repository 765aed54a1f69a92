"""Build the whole daemon from its configuration, and run it."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from gateway import drivers, sinks
from gateway.acquisition.montage import Montage
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.open_radio import open_radio
from gateway.ble.radio import Radio
from gateway.ble.reconnect import stream
from gateway.config.schema import Config, DeviceConfig
from gateway.daemon.active_sink import ActiveSink, active_sink
from gateway.daemon.status_log import BULLETIN, NoOptions
from gateway.daemon.supervisor import serve
from gateway.daemon.systemd_notify import notify
from gateway.daemon.validate_config import output_options
from gateway.drivers import Driver
from gateway.messages.control import Control
from gateway.models.load import read_model
from gateway.paths import state_folder
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.session.checkpoint_file import CheckpointFile
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.pipeline import Night, Pipeline
from gateway.session.session_id import session_id
from gateway.session.standby import Standby
from gateway.staging.scored_epoch import Scorer

log = logging.getLogger(__name__)


def driver_of(device: DeviceConfig) -> Driver:
    """Return the device's driver, calibrated as the configuration says.

    Raises
    ------
    ConfigError
        If there is no such driver, or it needs another calibration.
    """
    return drivers.calibrated(drivers.load(device.driver), device.lsb_uv)


def outlets_of(config: Config) -> list[ActiveSink]:
    """Switch on every output the configuration names.

    Raises
    ------
    ConfigError
        Listing all that is wrong in their sections.
    """
    options = output_options(config)
    return [active_sink(sinks.load(name), each) for name, each in options.items()]


def radio_of(config: Config) -> BleakRadio:
    """Choose the radio of all headbands; it is not touched yet."""
    return open_radio(
        config.ble.backend,
        transport=config.ble.transport,
        bonds=None if config.ble.bonds is None else Path(config.ble.bonds),
        adapter=config.ble.adapter,
        reserved=[d.address for d in config.devices if d.address != "auto"],
    )


def setup(
    device: DeviceConfig, config: Config, scorer: Scorer, radio: Radio
) -> DeviceSetup:
    """Put one headband's chain together."""
    driver = driver_of(device)
    mains_hz = config.staging.mains_hz

    def watch(montage: Montage) -> ContactMonitor:
        labels, offered = scorer.card.channels, driver.derivations
        return ContactMonitor(montage, labels, device.channels, offered, mains_hz)

    def new_session() -> OpenSession:
        night = Night(scorer, device.channels, mains_hz, driver.derivations)
        return OpenSession(session_id(), Pipeline(driver, night, watch))

    checkpoint_file = None
    if config.session.resume_min:
        checkpoint_file = CheckpointFile(state_folder() / f"night-{device.name}.jsonl")
    return DeviceSetup(
        device=device.name,
        card=scorer.card,
        source=lambda report: stream(
            radio,
            driver,
            None if device.address == "auto" else device.address,
            report=report,
            stall_s=device.stall_s,
        ),
        new_session=new_session,
        new_standby=lambda: Standby(driver, watch),
        stall_s=device.stall_s,
        sessions=config.session,
        checkpoint_file=checkpoint_file,
    )


async def run_daemon(
    config: Config,
    stop: asyncio.Event,
    *,
    more_outlets: Sequence[ActiveSink] = (),
    control: Control | None = None,
) -> None:
    """Run until `stop`.

    Parameters
    ----------
    config : Config
    stop : asyncio.Event
    more_outlets : sequence of ActiveSink
        Outputs beyond those of the configuration.
    control : Control, optional
        What is asked of it is carried out.

    Raises
    ------
    GatewayError
        If something a person must mend keeps it from working.
    """
    status_log = active_sink(BULLETIN, NoOptions())
    active_sinks = [*outlets_of(config), *more_outlets, status_log]
    scorer = read_model(config.staging.model)
    log.info("model %s (%s)", scorer.card.name, scorer.card.short_digest)
    async with AsyncExitStack() as stack:
        radio = radio_of(config)
        stack.push_async_callback(radio.close)
        setups = [setup(device, config, scorer, radio) for device in config.devices]
        for each in setups:
            if each.checkpoint_file is not None:
                stack.callback(each.checkpoint_file.close)
        try:
            await serve(setups, active_sinks, stop, control=control)
        finally:
            notify("STOPPING=1")
