"""The radio on top of bleak; nothing else of the gateway calls bleak."""

import asyncio
import logging
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import NamedTuple

from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Notification
from gateway.drivers import Driver, Listen, Read, Write
from gateway.errors import AdapterError, BondingError, DecodeError, LinkError
from gateway.link.inbox import Inbox
from gateway.link.stream import Connection, Found

if sys.platform == "linux":
    from dbus_fast.errors import AuthError, DBusError

    DBUS_ERRORS: tuple[type[Exception], ...] = (AuthError, DBusError)
else:
    DBUS_ERRORS = ()

log = logging.getLogger(__name__)

SCAN_S = 20.0
CONNECT_S = 30.0
ANSWER_S = 10.0
LEAVE_S = 5.0
FOREIGN: tuple[type[Exception], ...] = (
    BleakError,
    TimeoutError,
    EOFError,
    OSError,
    *DBUS_ERRORS,
)
NO_BLUEZ = (
    "no Bluetooth here: bluetoothd does not answer on D-Bus (is the package bluez "
    "installed, and bluetooth.service running?)"
)
WANTS_BOND = {
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHENTICATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_AUTHORIZATION,
    BleakGATTProtocolErrorCode.INSUFFICIENT_ENCRYPTION,
}
BOND_FAILED = {
    f"org.bluez.Error.Authentication{how}"
    for how in ("Canceled", "Failed", "Rejected", "Timeout")
}


class Backend(NamedTuple):
    """Classes for bleak's ``backend=``; `close` ends what they share."""

    scanner: type[BaseBleakScanner]
    client: type[BaseBleakClient]
    close: Callable[[], Awaitable[None]]


class BleakRadio:
    """A Bluetooth adapter.

    Parameters
    ----------
    address : str or None
        Of the one headband to connect to; None for the first of the driver's kind.
    adapter : str or None
        E.g. ``"hci1"``; None for the default one. Only BlueZ has several.
    backend : Backend or None
        None for that of the platform: BlueZ on Linux.
    """

    def __init__(
        self,
        address: str | None = None,
        adapter: str | None = None,
        backend: Backend | None = None,
    ) -> None:
        self._address = address and address.upper()
        self._backend = backend
        self._adapter = adapter
        self._devices: dict[str, BLEDevice] = {}

    async def find(self, driver: Driver) -> Found:
        """Look for a headband, first among those connected already.

        Raises
        ------
        AdapterError
            If there is no Bluetooth.
        LinkError
            If no headband is found within `SCAN_S`.
        """
        with _translated("scan"):
            device = await self._connected(driver) or await self._scan(driver)
        if device is None:
            what = self._address or f"{driver.name} headband"
            raise LinkError(f"no {what} in reach, {SCAN_S:.0f} s long")
        self._devices[device.address] = device
        return Found(device.address, device.name)

    @asynccontextmanager
    async def connect(self, found: Found, driver: Driver) -> AsyncIterator[Connection]:
        """Connect, subscribe and shake hands; stop and disconnect on leaving.

        Raises
        ------
        BondingError
            If the headband wants to be paired first.
        LinkError
            If it cannot be reached, refuses, or does not say what it should.
        """
        inbox = Inbox()

        def received(char: BleakGATTCharacteristic, payload: bytearray) -> None:
            inbox.put(Notification(char.uuid, bytes(payload), time.monotonic()))

        client = BleakClient(
            self._devices[found.address],
            lambda _: inbox.close("disconnected"),
            timeout=CONNECT_S,
            backend=self._backend and self._backend.client,
        )
        try:
            with _translated("connect"):
                async with asyncio.timeout(CONNECT_S + ANSWER_S):
                    await client.connect()
            with _translated("handshake"):
                for char in driver.notify:
                    async with asyncio.timeout(ANSWER_S):
                        await client.start_notify(char, received)
                info = await _shake_hands(client, driver, inbox)
            yield Connection(info, inbox)
        finally:
            await _leave(client, driver)

    async def close(self) -> None:
        """Let the adapter go."""
        if self._backend is not None:
            await self._backend.close()

    def _matches(self, device: BLEDevice, seen: AdvertisementData, uuid: str) -> bool:
        if self._address is not None:
            return device.address.upper() == self._address
        return uuid in seen.service_uuids

    async def _connected(self, driver: Driver) -> BLEDevice | None:
        """Find what a gateway that was killed left connected: it does not advertise."""
        if self._backend is not None or sys.platform != "linux":
            return None
        adapter = await BleakAdapter.get(
            bluez={"adapter": self._adapter} if self._adapter else {}
        )
        for device in await adapter.get_connected_devices([driver.service]):
            if self._address in (None, device.address):
                return device
        return None

    async def _scan(self, driver: Driver) -> BLEDevice | None:
        options: BleakScanner.ExtraArgs = {}
        if self._backend is not None:
            options["backend"] = self._backend.scanner
        if self._adapter is not None:
            options["bluez"] = {"adapter": self._adapter}
        return await BleakScanner.find_device_by_filter(
            lambda device, seen: self._matches(device, seen, driver.service),
            timeout=SCAN_S,
            **options,
        )


async def _shake_hands(
    client: BleakClient, driver: Driver, inbox: Inbox
) -> HeadbandInfo:
    handshake = driver.handshake()
    try:
        request = next(handshake)
        while True:
            if isinstance(request, Listen):
                answer = await inbox.listen(request.char, request.timeout_s)
            else:
                answer = await _answer(client, request)
            request = handshake.send(answer)
    except StopIteration as done:
        info: HeadbandInfo = done.value
        return info
    except DecodeError as error:
        raise LinkError(f"this is no {driver.name} headband: {error}") from error


async def _answer(client: BleakClient, request: Read | Write) -> bytes:
    async with asyncio.timeout(ANSWER_S):
        if isinstance(request, Read):
            return bytes(await client.read_gatt_char(request.char))
        char, payload, response, _ = request
        await client.write_gatt_char(char, payload, response=response)
    await asyncio.sleep(request.pause_s)
    return b""


async def _leave(client: BleakClient, driver: Driver) -> None:
    try:
        async with asyncio.timeout(LEAVE_S):
            if client.is_connected:
                for write in driver.stop:
                    await _answer(client, write)
            await client.disconnect()
    except FOREIGN as error:  # it is being left: no matter in what state
        log.debug("leaving: %s", str(error) or type(error).__name__)


@contextmanager
def _translated(doing: str) -> Iterator[None]:
    """Turn the exceptions of bleak and below into the gateway's, once and here."""
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError) as error:
        raise AdapterError(NO_BLUEZ) from error
    except BleakBluetoothNotAvailableError as error:
        raise AdapterError(str(error.args[0])) from error
    except BleakGATTProtocolError as error:
        kind = BondingError if error.code in WANTS_BOND else LinkError
        raise kind(f"{doing} refused: {error.args[1]}") from error
    except BleakDBusError as error:
        kind = BondingError if error.dbus_error in BOND_FAILED else LinkError
        raise kind(f"{doing}: {error}") from error
    except FOREIGN as error:
        raise LinkError(f"{doing}: {str(error) or type(error).__name__}") from error
