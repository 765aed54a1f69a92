"""bumble's Bluetooth host on one transport, and its words in bleak's."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, hci
from bumble.att import ATT_Error
from bumble.core import UUID, AdvertisingData, BaseBumbleError
from bumble.device import Device, DeviceConfiguration, Peer
from bumble.host import Host
from bumble.keys import JsonKeyStore, MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate
from bumble.transport.common import Transport

from gateway.ble.bumble.transport import NOT_OPENED, open_hci
from gateway.errors import AdapterError

NAME = "sleepgate"
POWER_ON_S = 5.0
_SERVICE_LISTS = (
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
)


class _QuietHost(Host):  # type: ignore[misc] # bumble is untyped here
    """bumble's host, which spells out each packet for a log nobody may read.

    That is a third of its time; data and events are handled here without it.
    """

    def on_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Handle a packet from the controller."""
        if isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        elif isinstance(packet, hci.HCI_Event):
            self.on_hci_event_packet(packet)
        else:
            super().on_hci_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Hand a packet to the controller."""
        if self.hci_sink is not None:
            self.hci_sink.on_packet(bytes(packet))


class _Device(Device):  # type: ignore[misc] # bumble is untyped here
    """bumble's device, which spells out each notification for a log, too."""

    def on_gatt_pdu(self, handle: int, pdu: bytes) -> None:
        connection = self.lookup_connection(handle)
        client = connection and connection.gatt_client
        if client and pdu[0] == att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION:
            notification = att.ATT_PDU.from_bytes(pdu)
            client.on_att_handle_value_notification(notification)
        else:
            super().on_gatt_pdu(handle, pdu)


def device_on(transport: Transport, config: DeviceConfiguration) -> Device:
    """Make a Bluetooth device, not yet powered on, on an open transport."""
    return _Device(config=config, host=_QuietHost(transport.source, transport.sink))


class BumbleHost:
    """One Bluetooth host on one transport.

    Parameters
    ----------
    transport : str or callable
        bumble's name for it, or what makes one in this process.
    bonds : Path or None
        JSON file that keeps the bonds; None: they end with this object.

    Attributes
    ----------
    seen : dict of str to Address
        Who has advertised.
    keys : KeyStore
        The bonds.
    pairing_mode : callable
        Connection -> how it may pair now, or None.
    """

    def __init__(
        self, transport: str | Callable[[], Transport], bonds: Path | None = None
    ) -> None:
        self.seen: dict[str, hci.Address] = {}
        self.keys = JsonKeyStore(NAME, str(bonds)) if bonds else MemoryKeyStore()
        self.pairing_mode: Callable[[Any], PairingConfig | None] = lambda _: None
        self._name_or_factory = transport
        self._own = _own_address(bonds)
        self._lock = asyncio.Lock()
        self._transport: Transport | None = None
        self._device: Device | None = None

    async def device(self) -> Device:
        """Return the host, powered on.

        Raises
        ------
        ConfigError
            If the transport's name is none.
        AdapterError
            If it cannot be opened or nothing answers on it.
        """
        async with self._lock:
            if self._transport is None or self._transport.source.terminated.done():
                await self._shut()
                await self._open()
            return self._device

    async def close(self) -> None:
        """Power off and let the transport go; a later use opens it again."""
        async with self._lock:
            await self._shut()

    async def _open(self) -> None:
        where = self._name_or_factory
        self._transport = await open_hci(where) if isinstance(where, str) else where()
        # bonds hang on this address and on this key of ours
        config = DeviceConfiguration(name=NAME, address=self._own, irk=_irk(self._own))
        self._device = device_on(self._transport, config)
        self._device.keystore = self.keys
        self._device.pairing_config_factory = lambda connection: (
            self.pairing_mode(connection) or PairingConfig(delegate=_PairingRefused())
        )
        try:
            async with asyncio.timeout(POWER_ON_S):
                await self._device.power_on()
        except NOT_OPENED as error:
            await self._shut()
            why = str(error) or "nothing answers"
            raise AdapterError(f"no Bluetooth controller at {where}: {why}") from error

    async def _shut(self) -> None:
        device, transport = self._device, self._transport
        self._device = self._transport = None
        if transport is None:
            return
        if device is not None and not transport.source.terminated.done():
            await device.power_off()
        await transport.close()


class _PairingRefused(PairingDelegate):  # type: ignore[misc] # bumble is untyped here
    """Pairs with nobody."""

    async def accept(self) -> bool:
        return False


def _own_address(bonds: Path | None) -> hci.Address:
    """Return an address that no other gateway on the air has; with bonds, always it."""
    if bonds is None:
        return hci.Address.generate_static_address()
    octets = bytearray(hashlib.sha256(str(bonds.resolve()).encode()).digest()[:6])
    octets[5] |= (
        0xC0  # random static: the two top bits, Bluetooth Core 5.4, 6.B.1.3.2.1
    )
    return hci.Address(bytes(octets), hci.Address.RANDOM_DEVICE_ADDRESS)


def _irk(own: hci.Address) -> bytes:
    """Return an identity key; this host never hides its address behind it."""
    return hashlib.sha256(bytes(own)).digest()[:16]


def advertised(data: AdvertisingData) -> tuple[str | None, list[str]]:
    """Return the name and the services of an advertisement."""
    uuids = [
        to_uuid(uuid)
        for kind in _SERVICE_LISTS
        for some in data.get_all(kind)
        for uuid in some
    ]
    names = (AdvertisingData.COMPLETE_LOCAL_NAME, AdvertisingData.SHORTENED_LOCAL_NAME)
    return next(filter(None, map(data.get, names)), None), uuids


def discovered(peer: Peer, value_size: Callable[[], int]) -> BleakGATTServiceCollection:
    """List what `peer` offers as bleak does; `value_size` fits one packet."""
    services = BleakGATTServiceCollection()
    for found in peer.services:
        service = BleakGATTService(found, found.handle, to_uuid(found.uuid))
        services.add_service(service)
        for char in found.characteristics:
            characteristic = BleakGATTCharacteristic(
                char,
                char.handle,
                to_uuid(char.uuid),
                list(gatt_char_props_to_strs(int(char.properties))),
                value_size,
                service,
            )
            services.add_characteristic(characteristic)
            for descriptor in char.descriptors:
                uuid = to_uuid(descriptor.type)
                services.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, uuid, characteristic
                    )
                )
    return services


@contextmanager
def as_bleak_errors() -> Iterator[None]:
    """Turn what bumble raises into what bleak raises."""
    try:
        yield
    except ATT_Error as error:
        raise BleakGATTProtocolError(error.error_code) from error
    except BaseBumbleError as error:
        raise BleakError(str(error) or type(error).__name__) from error
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        # bumble cancels what waited for an answer when the connection ends
        raise BleakError("disconnected") from None


def to_uuid(uuid: UUID) -> str:
    """Write `uuid` as bleak does."""
    return normalize_uuid_str(uuid.to_hex_str("-"))
