"""A bleak backend over bumble, for simulated headbands and HCI dongles.

bumble is a Bluetooth host in Python; it plays the part that bluetoothd plays on a
Linux machine, on any HCI transport it knows (``unix:/run/hci1``,
``tcp-client:127.0.0.1:7001``, ``usb:0`` ...) or on a virtual controller in this
process. It keeps bonds, in memory or in a file, and makes them while
`gateway.ble.bumble.adapter.BumbleAdapter.pairing` is on.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bumble import smp
from bumble.core import ProtocolError
from bumble.device import Peer
from bumble.transport.common import Transport

from gateway.ble.bleak_errors import BondLostError
from gateway.ble.bleak_scanner import BleakBackend
from gateway.ble.bumble.adapter import BumbleAdapter
from gateway.ble.bumble.host import BumbleHost, as_bleak_errors, discovered
from gateway.ble.bumble.scanner import BumbleScanner

Answer = TypeVar("Answer")

PREFERRED_MTU = 517
DEFAULT_MTU = 23
ATT_BYTES = 3  # of a packet, before the value
PAIRING_FAILED = {
    smp.ErrorCode.PASSKEY_ENTRY_FAILED: "nobody typed the passkey",
    smp.ErrorCode.AUTHENTICATION_REQUIREMENTS: "it wants the six digits it shows",
    smp.ErrorCode.CONFIRM_VALUE_FAILED: "wrong passkey",
    smp.ErrorCode.PAIRING_NOT_SUPPORTED: "it does not pair now",
}


def backend(
    transport: str | Callable[[], Transport], bonds: Path | None = None
) -> BleakBackend:
    """Make bleak backend classes that share one Bluetooth host on `transport`.

    Parameters
    ----------
    transport : str or callable
        A bumble transport name, or what makes a transport in this process. It is
        opened when first needed, and again after it was lost.
    bonds : Path or None
        JSON file that keeps the bonds; None: they end with the process.
    """
    adapter = BumbleHost(transport, bonds)

    class Scanner(BumbleScanner):
        _adapter = adapter

    class Client(BumbleClient):
        _adapter = adapter

    return BleakBackend(Scanner, Client, BumbleAdapter(adapter))


class BumbleClient(BaseBleakClient):
    """One connection; its class attribute `_adapter` is set by `backend`."""

    _adapter: BumbleHost

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float,
        **_: object,  # bleak hands every backend every platform's options
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
        )
        self._name = getattr(address_or_ble_device, "name", None)
        self._connection: Any = None
        self._callbacks: dict[int, NotifyCallback] = {}
        self._hears: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """Name as advertised, or the address."""
        return self._name or self.address

    @property
    def mtu_size(self) -> int:
        """The negotiated MTU."""
        return int(self._connection.att_mtu) if self._connection else DEFAULT_MTU

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._connection is not None

    async def connect(self, pair: bool, **_: object) -> None:  # noqa: FBT001 - bleak's signature
        """Connect, agree on an MTU and discover the services."""
        device = await self._adapter.device()
        address = self._adapter.seen.get(self.address)
        if address is None:
            raise BleakDeviceNotFoundError(self.address, f"{self.address} was not seen")
        with as_bleak_errors():
            try:
                connection = await device.connect(address, timeout=self._timeout)
            except asyncio.CancelledError:
                await device.cancel_connection()
                raise
        self._connection = connection
        connection.on("disconnection", self._on_disconnection)
        try:
            if await self._adapter.keys.get(str(connection.peer_address)):
                await self._encrypt()
            elif pair:
                await self.pair()
            peer = Peer(connection)
            await self._ask(peer.request_mtu(PREFERRED_MTU))
            await self._ask(peer.discover_all())
            self.services = discovered(peer, lambda: self.mtu_size - ATT_BYTES)
        except BaseException:
            await self.disconnect()
            raise

    async def disconnect(self) -> None:
        """Disconnect, if connected."""
        if self._connection is not None:
            with as_bleak_errors():
                await self._connection.disconnect()

    async def pair(self, *_: object, **__: object) -> None:
        """Pair, if that is allowed now; a refusal is said in words."""
        if self._adapter.pairing_mode(self._connection) is None:
            raise BleakError("nobody is pairing headbands now")
        try:
            await self._ask(self._connection.pair())
        except BleakError as error:
            cause = error.__cause__
            code = cause.error_code if isinstance(cause, ProtocolError) else None
            raise BleakError(PAIRING_FAILED.get(code, str(error))) from error

    async def unpair(self) -> None:
        """Remove the bond; the headband keeps its own."""
        await self._adapter.keys.delete(str(self._adapter.seen[self.address]))

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, **_: object
    ) -> bytearray:
        """Read a value of any length."""
        return bytearray(await self._ask(characteristic.obj.read_value()))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, **_: object
    ) -> bytearray:
        """Read a descriptor."""
        return bytearray(await self._ask(descriptor.obj.read_value()))

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: SizedBuffer,
        response: bool,  # noqa: FBT001 - bleak's signature
    ) -> None:
        """Write a value."""
        await self._ask(
            characteristic.obj.write_value(bytes(data), with_response=response)
        )

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        """Write a descriptor."""
        await self._ask(descriptor.obj.write_value(bytes(data), with_response=True))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_: object,
    ) -> None:
        """Subscribe; `callback` receives every value.

        bumble keeps a subscriber whose subscription was refused: asked again, after
        pairing, a second one would hear everything twice.
        """
        handle = characteristic.handle
        self._callbacks[handle] = callback
        hears = self._hears.setdefault(handle, partial(self._heard, handle))
        await self._ask(characteristic.obj.subscribe(hears))

    def _heard(self, handle: int, value: bytes) -> None:
        self._callbacks[handle](bytearray(value))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """End every subscription to `characteristic`."""
        await self._ask(characteristic.obj.unsubscribe())

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def _encrypt(self) -> None:
        """Use the bond; without its half of it the headband cannot."""
        try:
            await self._ask(self._connection.encrypt())
        except BleakError as error:
            if "KEY_MISSING" not in str(error):
                raise
            raise BondLostError("the headband has forgotten its bond") from error

    async def _ask(self, request: Coroutine[Any, Any, Answer]) -> Answer:
        """Await `request`, or fail when the connection ends before its answer."""
        if self._connection is None:
            request.close()
            raise BleakError("not connected")
        with as_bleak_errors():
            answer: Answer = await self._connection.cancel_on_disconnection(request)
            return answer
