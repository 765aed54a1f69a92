"""GATT table of a simulated headband, and what it advertises."""

import struct
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.gatt import Characteristic, CharacteristicValue, Service

from sim.device import Attribute, assigned

ADVERTISED_BYTES = 31
FLAGS_BYTES = 3
FIELD_BYTES = 2  # length and type, before each value

_NOTIFICATION = struct.Struct("<BH")
_ASSIGNED_TAIL = assigned(0)[8:]
_DOES = Characteristic.Properties
_MAY = att.Attribute.Permissions
_AD = AdvertisingData

Reader = Callable[[Connection, str], Awaitable[bytes]]
Writer = Callable[[Connection, Attribute, bytes], Awaitable[None]]


class GattTable:
    """The services and characteristics of a device.

    Parameters
    ----------
    service : str
        UUID of the advertised one.
    attributes : iterable of Attribute
        In the order of their handles.
    read : callable
        Awaited with the connection and the UUID of each read.
    write : callable
        Awaited with the connection, the attribute and the value of each write.

    Attributes
    ----------
    services : list of Service
    chars : dict of str to Characteristic
        By UUID.
    """

    def __init__(
        self,
        service: str,
        attributes: Iterable[Attribute],
        *,
        read: Reader,
        write: Writer,
    ) -> None:
        self.services: list[Service] = []
        self.chars: dict[str, Characteristic] = {}
        for uuid, members in groupby(attributes, lambda a: a.service or service):
            own = {a.uuid: _characteristic(a, read, write) for a in members}
            self.services.append(Service(to_bumble(uuid), own.values()))
            self.chars |= own


def to_bumble(uuid: str) -> UUID:
    """Return a UUID, in 16 bits if it is one of the Bluetooth SIG."""
    if uuid.startswith("0000") and uuid.endswith(_ASSIGNED_TAIL):
        return UUID.from_16_bits(int(uuid[4:8], 16))
    return UUID(uuid)


def notification(char: Characteristic, payload: bytes, mtu: int) -> bytes:
    """Return the packet that notifies of `payload`, cut to `mtu` bytes."""
    head = _NOTIFICATION.pack(att.Opcode.ATT_HANDLE_VALUE_NOTIFICATION, char.handle)
    return (head + payload)[:mtu]


def advertisement(name: str, service: str) -> bytes:
    """Return advertising data of at most 31 bytes: service UUID and name.

    Both stand in the advertisement because not every controller sends scan responses,
    virtual ones least of all. A name that is too long is shortened.
    """
    flags = _AD.Flags
    discoverable = flags.LE_GENERAL_DISCOVERABLE_MODE | flags.BR_EDR_NOT_SUPPORTED
    uuid = to_bumble(service).to_bytes()
    listed = (
        _AD.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        if len(uuid) < len(UUID(service).to_bytes())
        else _AD.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
    )
    room = ADVERTISED_BYTES - FLAGS_BYTES - 2 * FIELD_BYTES - len(uuid)
    label = name.encode()
    called = _AD.COMPLETE_LOCAL_NAME if len(label) <= room else _AD.SHORTENED_LOCAL_NAME
    return bytes(
        _AD(
            [
                (_AD.FLAGS, bytes([discoverable])),
                (listed, uuid),
                (called, label[:room]),
            ]
        )
    )


def scan_response(name: str) -> bytes:
    """Return the whole name, for those who ask."""
    room = ADVERTISED_BYTES - FIELD_BYTES
    return bytes(_AD([(_AD.COMPLETE_LOCAL_NAME, name.encode()[:room])]))


def _characteristic(
    attribute: Attribute, read: Reader, write: Writer
) -> Characteristic:
    does, may = _DOES(0), _MAY(0)
    for word in attribute.properties:
        does |= _DOES[word.upper().replace("-", "_")]
    readable = "read" in attribute.properties
    writeable = bool(does & (_DOES.WRITE | _DOES.WRITE_WITHOUT_RESPONSE))
    may |= (_MAY.READABLE * readable) | (_MAY.WRITEABLE * writeable)

    async def on_read(connection: Connection) -> bytes:
        if not readable:
            raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)
        return await read(connection, attribute.uuid)

    async def on_write(connection: Connection, value: bytes) -> None:
        if not writeable:
            raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
        await write(connection, attribute, value)

    value = CharacteristicValue(read=on_read, write=on_write)
    return Characteristic(to_bumble(attribute.uuid), does, may, value)
