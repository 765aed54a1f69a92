"""Adapter of a Linux machine, by asking bluetoothd over D-Bus."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from bleak.backends.bluezdbus.manager import get_global_bluez_manager
from dbus_fast import Variant

from gateway.ble.bleak_errors import FOREIGN
from gateway.ble.bluez.agent import PairingAgent
from gateway.ble.bluez.dbus import (
    ADAPTER,
    DEVICE,
    AdapterObject,
    DeviceObject,
    SystemBus,
    bluez_errors,
)
from gateway.ble.bluez.diagnosis import NO_HARDWARE, chosen, is_without, read_hardware
from gateway.ble.bluez.error_messages import PAIRING_FAILED
from gateway.ble.radio import AskPasskey
from gateway.errors import AdapterError, BondingError, LinkError

log = logging.getLogger(__name__)

POWER_S = 10.0
LEAVE_S = 5.0  # BlueZ's Disconnect takes 2.1 to 2.7 s
FORGET_S = 5.0
GONE = "bluetoothd went away"


class BluezAdapter:
    """`gateway.ble.adapter.Adapter` of BlueZ: recovery and bonds of one adapter.

    Nothing is touched before it is used, and no rights are needed but those of the
    D-Bus policy of BlueZ (root, or the group ``bluetooth`` on Debian).

    Parameters
    ----------
    adapter : str or None
        E.g. ``"hci1"``; None for the one that bleak takes.
    """

    def __init__(self, adapter: str | None = None) -> None:
        self._wanted = adapter
        self._bus = SystemBus()
        self._lost: Callable[[str], None] | None = None
        self._forgetting: asyncio.Task[None] | None = None
        self._leaving: asyncio.Task[None] | None = None

    async def watch(self, lost: Callable[[str], None]) -> None:
        """Have `lost` called at once when bluetoothd dies or is restarted.

        No other sign is given: connections stand, and no data arrive.
        """
        self._lost = lost
        with bluez_errors("watch over bluetoothd"):
            await self._bus.watch_owner(self._on_owner)
            await self._check_hardware()

    async def restart_scan(self) -> None:
        """End whatever scan this process has left behind.

        Scans belong to bleak's connection to D-Bus, so that is dropped.
        """
        await self._forget_bluetoothd()

    async def disconnect_stale(
        self, services: Collection[str], keep: Collection[str]
    ) -> None:
        """Disconnect every device of `services` whose address is not in `keep`."""
        kept = {address.upper() for address in keep}
        with bluez_errors("disconnect stale connections"):
            for device in await self._devices():
                ours = set(services) & set(device.properties.get("UUIDs", []))
                stale = ours and device.properties["Connected"]
                if stale and device.address.upper() not in kept:
                    log.info("%s: disconnected: a stale connection", device.address)
                    await self._bus.call(
                        device.path, DEVICE, "Disconnect", timeout_s=LEAVE_S
                    )

    async def power_cycle(self) -> None:
        """Switch the adapter off and on again; every connection is lost."""
        with bluez_errors("power cycle"):
            adapter = await self._adapter()
            for powered in (False, True):
                await self._bus.change(
                    adapter.path,
                    ADAPTER,
                    "Powered",
                    Variant("b", powered),
                    timeout_s=POWER_S,
                )
            adapter = await self._adapter()
        if not adapter.properties["Powered"]:
            raise AdapterError(
                f"power cycle: {adapter.name} does not come on again; plug it in "
                "anew, or restart the machine"
            )
        log.info("%s: switched off and on", adapter.name)

    async def bonds(self) -> list[str]:
        """List the addresses that this machine has a bond with."""
        with bluez_errors("list bonds"):
            return [
                device.address
                for device in await self._devices()
                if device.properties["Paired"]
            ]

    async def forget(self, address: str) -> None:
        """Remove all that bluetoothd has of `address`: its bond, and its services."""
        with bluez_errors("remove a bond"):
            adapter = await self._adapter()
            for device in await self._devices():
                if device.address.upper() == address.upper():
                    await self._bus.call(
                        adapter.path, ADAPTER, "RemoveDevice", "o", device.path
                    )

    @asynccontextmanager
    async def pairing(
        self, address: str, ask_passkey: AskPasskey | None
    ) -> AsyncIterator[None]:
        """Let `address` pair while entered; nobody pairs otherwise."""
        async with PairingAgent(address, ask_passkey) as agent:
            try:
                yield
            except BondingError:
                raise
            except LinkError as error:
                # bluetoothd that pairs unasked does not report that pairing failed: the
                # read that wanted it times out
                if not agent.was_asked or address in await self.bonds():
                    raise
                raise BondingError(f"{PAIRING_FAILED} ({error})") from error

    @asynccontextmanager
    async def refusing(self, address: str) -> AsyncIterator[None]:
        """Refuse all pairing while entered; a `BondingError` if `address` wants it.

        bluetoothd begins to pair as soon as a protected characteristic is touched, and
        answers nothing while it does. Without an agent nothing reports it.
        """
        wanting: set[str] = set()

        def refused(device: str) -> None:
            wanting.add(device)
            if device == address.upper():  # the answer that is waited for never comes
                self._leaving = asyncio.create_task(self._hang_up(device))

        async with PairingAgent("", refused=refused):
            try:
                yield
            except LinkError as error:
                if address.upper() not in wanting:
                    raise
                raise BondingError(
                    f"{address} wants to be paired: sleepgate pair {address}"
                ) from error

    async def close(self) -> None:
        """Disconnect from D-Bus; a later use connects again."""
        for task in (self._forgetting, self._leaving):
            if task is not None:
                task.cancel()
        self._bus.close()

    async def _check_hardware(self) -> None:
        if await is_without(self._bus, read_hardware()):
            raise AdapterError(str(NO_HARDWARE))

    async def _adapter(self) -> AdapterObject:
        await self._check_hardware()
        return chosen((await self._bus.known()).adapters, self._wanted)

    async def _devices(self) -> list[DeviceObject]:
        await self._check_hardware()
        known = await self._bus.known()
        adapter = chosen(known.adapters, self._wanted)
        return [d for d in known.devices if d.properties["Adapter"] == adapter.path]

    def _on_owner(self, old: str, _new: str) -> None:
        if not old:
            return
        self._forgetting = asyncio.create_task(self._forget_in_time())
        if self._lost is not None:
            self._lost(GONE)

    async def _hang_up(self, address: str) -> None:
        try:
            with bluez_errors("hang up"):
                for device in await self._devices():
                    if device.address.upper() == address:
                        await self._bus.call(
                            device.path, DEVICE, "Disconnect", timeout_s=LEAVE_S
                        )
        except LinkError as error:  # the request that waits times out instead
            log.debug("%s", error)

    async def _forget_in_time(self) -> None:
        try:
            await self._forget_bluetoothd()
        except LinkError as error:  # the next scan reports it
            log.debug("%s", error)

    async def _forget_bluetoothd(self) -> None:
        try:
            async with asyncio.timeout(FORGET_S):
                await forget_bluetoothd()
        except FOREIGN as error:
            why = str(error) or type(error).__name__
            raise AdapterError(f"restart of the scan: {why}") from error


async def forget_bluetoothd() -> None:
    """Drop bleak's connection to D-Bus, and all that hangs on it.

    bleak keeps the state that a bluetoothd which died reported last: its headband is
    still connected, so no connection is made. And a scan whose start was given up
    while bluetoothd hung belongs to bleak's connection to D-Bus; until that ends, each
    further one is refused as InProgress. Every connection of this process counts as
    lost afterwards.
    """
    manager = await get_global_bluez_manager()
    bus = manager._bus  # noqa: SLF001 - bleak has no public way; its test looks
    if bus is not None:
        bus.disconnect()
