"""The headband's radio: a GATT server around a device, on any HCI transport."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bumble import hci
from bumble.device import Device as Host
from bumble.device import DeviceConfiguration
from bumble.transport.common import Transport

from gateway.ble.bumble.host import device_on
from gateway.ble.bumble.transport import open_hci
from gateway.errors import AdapterError
from sim.device import SimulatedDevice
from sim.radio.bonding import Bonding
from sim.radio.gatt_table import advertisement, scan_response
from sim.radio.headband import SimulatedHeadband
from sim.radio.pace import PlaybackPace
from sim.radio.security import Security

ADDRESS = "F0:F1:F2:F3:F4:F5"  # random static: the two top bits are set
MAX_MTU = 517
ADVERTISING_MS = 40.0


@asynccontextmanager
async def headband(  # noqa: PLR0913 - a headband has these knobs
    device: SimulatedDevice,
    transport: str | Transport,
    *,
    address: str = ADDRESS,
    speed: float = 1.0,
    mtu: int = MAX_MTU,
    security: Security = Security.NONE,
    keystore: Path | None = None,
) -> AsyncIterator[SimulatedHeadband]:
    """Advertise `device` on `transport` while entered.

    Parameters
    ----------
    device : SimulatedDevice
    transport : str or Transport
        As for `open_hci`, whose errors are raised too, or one in this process.
    address : str
        Random static address.
    speed : float
        Times real time; 0 or inf for as fast as the receiver takes it.
    mtu : int
        The largest that it agrees to, 23 to 517.
    security : Security
        What it demands before it lets anybody read, write or subscribe.
    keystore : Path or None
        JSON file that keeps its bonds; None: they end with this context.

    Raises
    ------
    ConfigError
        If `keystore` cannot be used.
    AdapterError
        If there is no controller at `transport`, or it is lost.
    """
    if isinstance(transport, str):
        transport = await open_hci(transport)
    host = _host(transport, device, address, mtu)
    bonding = Bonding(host, security, keystore)
    pace = PlaybackPace(speed, device.skip_s, device.drift_ppm)
    try:
        async with transport, asyncio.TaskGroup() as tasks:
            await bonding.check()
            band = SimulatedHeadband(device, host, bonding, pace, tasks)
            async with _on_air(band, host, transport, tasks):
                yield band
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


@asynccontextmanager
async def _on_air(
    band: SimulatedHeadband, host: Host, transport: Transport, tasks: asyncio.TaskGroup
) -> AsyncIterator[None]:
    watching = tasks.create_task(_until_lost(transport))
    try:
        await band.power_on()
        yield
    finally:
        watching.cancel()
        band.stop()
        if not transport.source.terminated.done():
            await host.power_off()


def _host(
    transport: Transport, device: SimulatedDevice, address: str, mtu: int
) -> Host:
    config = DeviceConfiguration(
        name=device.name,
        address=hci.Address(address),
        advertising_data=advertisement(device.name, device.service),
        scan_response_data=scan_response(device.name),
        advertising_interval_min=ADVERTISING_MS,
        advertising_interval_max=ADVERTISING_MS,
    )
    host = device_on(transport, config)
    host.gatt_server.max_mtu = mtu
    return host


async def _until_lost(transport: Transport) -> None:
    await transport.source.terminated
    raise AdapterError("the HCI transport of the simulated headband is gone")
