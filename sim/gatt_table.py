"""What the headband offers over GATT, and what it advertises."""

from collections.abc import Awaitable, Callable

from bumble.att import Attribute
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection
from bumble.gatt import (
    GATT_BATTERY_LEVEL_CHARACTERISTIC,
    GATT_BATTERY_SERVICE,
    GATT_DEVICE_INFORMATION_SERVICE,
    GATT_MANUFACTURER_NAME_STRING_CHARACTERISTIC,
    GATT_MODEL_NUMBER_STRING_CHARACTERISTIC,
    Characteristic,
    CharacteristicValue,
    Service,
)

from gateway.acquisition.packets import Battery
from gateway.drivers import diy

NAME_BYTES = 8  # what 31 bytes of advertisement leave beside flags and a 128-bit UUID

_DOES = Characteristic.Properties
_MAY = Attribute.Permissions


class GattTable:
    """The service of OSB 1, battery and device information.

    Parameters
    ----------
    info : callable
        Returns the value of INFO.
    control : callable
        Awaited with the connection and the value of each write to CONTROL.
    battery : callable
        Returns the charge now.

    Attributes
    ----------
    services : list of Service
    control : Characteristic
    notifying : dict of str to Characteristic
        DATA and STATUS by UUID.
    """

    def __init__(
        self,
        info: Callable[[], bytes],
        control: Callable[[Connection, bytes], Awaitable[None]],
        battery: Callable[[], Battery],
    ) -> None:
        self.control = Characteristic(
            UUID(diy.CONTROL),
            _DOES.WRITE | _DOES.INDICATE,
            _MAY.WRITEABLE,
            CharacteristicValue(write=control),
        )
        self.notifying = {
            uuid: Characteristic(UUID(uuid), _DOES.NOTIFY, _MAY.READABLE, b"")
            for uuid in (diy.DATA, diy.STATUS)
        }
        about = _readable(UUID(diy.INFO), info)
        level = _readable(
            GATT_BATTERY_LEVEL_CHARACTERISTIC, lambda: bytes([battery().percent])
        )
        own = [about, *self.notifying.values(), self.control]
        self.services = [
            Service(UUID(diy.SERVICE), own),
            Service(GATT_BATTERY_SERVICE, [level]),
            Service(GATT_DEVICE_INFORMATION_SERVICE, _device_information()),
        ]


def advertisement(name: str) -> bytes:
    """Return advertising data of at most 31 bytes: service UUID and short name.

    The service stands in the advertisement because not every controller sends scan
    responses, virtual ones least of all.
    """
    flags = AdvertisingData.Flags
    discoverable = flags.LE_GENERAL_DISCOVERABLE_MODE | flags.BR_EDR_NOT_SUPPORTED
    label = name.encode()
    kind = (
        AdvertisingData.COMPLETE_LOCAL_NAME
        if len(label) <= NAME_BYTES
        else AdvertisingData.SHORTENED_LOCAL_NAME
    )
    service = AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
    fields = [
        (AdvertisingData.FLAGS, bytes([discoverable])),
        (service, bytes(UUID(diy.SERVICE))),
        (kind, label[:NAME_BYTES]),
    ]
    return bytes(AdvertisingData(fields))


def _readable(uuid: UUID, value: Callable[[], bytes]) -> Characteristic:
    read = CharacteristicValue(read=lambda _: value())
    return Characteristic(uuid, _DOES.READ, _MAY.READABLE, read)


def _device_information() -> list[Characteristic]:
    return [
        Characteristic(uuid, _DOES.READ, _MAY.READABLE, text)
        for uuid, text in (
            (GATT_MANUFACTURER_NAME_STRING_CHARACTERISTIC, b"Sleepgate"),
            (GATT_MODEL_NUMBER_STRING_CHARACTERISTIC, b"OSB 1 simulator"),
        )
    ]
