"""Scanner on bleak: headbands that are connected already, and that advertise."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from bleak import BleakAdapter, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from gateway.ble.adapter import Adapter
from gateway.ble.bleak_errors import translated
from gateway.ble.radio import Advertisement
from gateway.ble.scan_scheduler import AdvertisementFilter
from gateway.errors import AdapterError

ANSWER_S = 10.0


class BleakBackend(NamedTuple):
    """Backend: classes for bleak's ``backend=``, and the adapter they share."""

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]
    adapter: Adapter


class BleakScan:
    """Scanner of one adapter, and the devices that passed a filter.

    Attributes
    ----------
    devices : dict of str to BLEDevice
        By address, as bleak wants them for a connection.
    """

    def __init__(self, adapter: str | None, backend: BleakBackend | None) -> None:
        self.devices: dict[str, BLEDevice] = {}
        self._adapter = adapter
        self._backend = backend

    async def connected(self, services: list[str]) -> list[Advertisement]:
        """List what is connected and has one of `services`.

        A headband that a killed gateway left connected does not advertise.
        """
        if self._backend is not None or sys.platform != "linux":
            return []
        with translated("look for connected headbands", AdapterError):
            async with asyncio.timeout(ANSWER_S):
                adapter = await BleakAdapter.get(
                    bluez={"adapter": self._adapter} if self._adapter else {}
                )
                devices = await adapter.get_connected_devices(services)
        self.devices |= {device.address: device for device in devices}
        return [
            Advertisement(
                device.address, device.name, services=tuple(services), connected=True
            )
            for device in devices
        ]

    @asynccontextmanager
    async def scanning(self, wanted: AdvertisementFilter) -> AsyncIterator[None]:
        """Pass all advertisements to `wanted`, while entered.

        Raises
        ------
        AdapterError
            If the adapter does not begin to scan, or does not stop.
        """

        def detected(device: BLEDevice, data: AdvertisementData) -> None:
            name = data.local_name or device.name
            services = tuple(data.service_uuids)
            if wanted(Advertisement(device.address, name, data.rssi, services)):
                self.devices[device.address] = device

        options: BleakScanner.ExtraArgs = {}
        if self._backend is not None:
            options["backend"] = self._backend.scanner
        if self._adapter is not None:
            options["bluez"] = {"adapter": self._adapter}
        scanner = BleakScanner(detected, **options)
        await _in_time(scanner.start())
        try:
            yield
        except BaseException:
            with suppress(AdapterError):
                await _in_time(scanner.stop())
            raise
        await _in_time(scanner.stop())


async def _in_time(step: Awaitable[None]) -> None:
    with translated("scan", AdapterError):
        async with asyncio.timeout(ANSWER_S):
            await step


def is_unbonded(device: BLEDevice) -> bool:
    """Return whether bluetoothd says that there is no bond with `device`."""
    details = device.details if isinstance(device.details, dict) else {}
    return details.get("props", {}).get("Paired") is False
