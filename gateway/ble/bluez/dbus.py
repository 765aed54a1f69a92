"""org.bluez over D-Bus: calls that end, and news of bluetoothd's coming and going."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from dbus_fast import AuthError, BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from gateway.ble.bluez.error_messages import (
    BUS_GONE,
    HANGS,
    NO_BUS,
    NO_RIGHTS,
    Remedy,
    refusal,
)
from gateway.errors import AdapterError, LinkError

log = logging.getLogger(__name__)

BLUEZ = "org.bluez"
ADAPTER = "org.bluez.Adapter1"
DEVICE = "org.bluez.Device1"
PROPERTIES = "org.freedesktop.DBus.Properties"
OBJECTS = "org.freedesktop.DBus.ObjectManager"
THE_BUS = "org.freedesktop.DBus"
ROOT = "/org/bluez"
CALL_S = 5.0
BUS_ERRORS = (AuthError, EOFError, OSError, TimeoutError)

OwnerChanged = Callable[[str, str], None]
"""Hears the old and the new owner of org.bluez, empty for none."""


class AdapterObject(NamedTuple):
    """An adapter, as bluetoothd has it."""

    path: str
    properties: dict[str, Any]

    @property
    def name(self) -> str:
        """E.g. ``"hci0"``."""
        return self.path.rpartition("/")[2]


class DeviceObject(NamedTuple):
    """A device that bluetoothd knows, in reach or not."""

    path: str
    properties: dict[str, Any]

    @property
    def address(self) -> str:
        """As in ``"F0:F1:F2:F3:F4:F5"``."""
        return str(self.properties["Address"])


class ManagedObjects(NamedTuple):
    """All adapters and devices that bluetoothd has now, in order of their paths."""

    adapters: list[AdapterObject]
    devices: list[DeviceObject]


class SystemBus:
    """A connection to the system bus, made when first needed and anew after a loss.

    Its methods raise what `bluez_errors` translates.
    """

    def __init__(self) -> None:
        self._bus: MessageBus | None = None
        self._lock = asyncio.Lock()
        self._owner_changed: list[OwnerChanged] = []

    async def connection(self) -> MessageBus:
        """Return the connection, made now if there is none."""
        async with self._lock:
            if self._bus is None or not self._bus.connected:
                self.close()
                async with asyncio.timeout(CALL_S):
                    self._bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
                if self._owner_changed:
                    await self._listen(self._bus)
            return self._bus

    async def watch_owner(self, changed: OwnerChanged) -> None:
        """Call `changed` at once when bluetoothd goes or comes."""
        if changed in self._owner_changed:
            await self.connection()
            return
        bus = await self.connection()
        if not self._owner_changed:
            await self._listen(bus)
        self._owner_changed.append(changed)

    async def is_owned(self) -> bool:
        """Tell whether some bluetoothd runs; none is started for that."""
        bus = await self.connection()
        (owned,) = await _ask_the_bus(bus, "NameHasOwner", BLUEZ)
        return bool(owned)

    async def call(
        self,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        *body: object,
        timeout_s: float = CALL_S,
    ) -> list[Any]:
        """Call a method of org.bluez and return what it answers."""
        bus = await self.connection()
        call = Message(
            destination=BLUEZ,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        return await _answer(bus, call, timeout_s)

    async def change(
        self,
        path: str,
        interface: str,
        name: str,
        value: Variant,
        timeout_s: float = CALL_S,
    ) -> None:
        """Set a property."""
        body = (interface, name, value)
        await self.call(path, PROPERTIES, "Set", "ssv", *body, timeout_s=timeout_s)

    async def known(self) -> ManagedObjects:
        """Ask bluetoothd for everything it has."""
        (objects,) = await self.call("/", OBJECTS, "GetManagedObjects")
        return ManagedObjects(
            [AdapterObject(path, each) for path, each in _having(objects, ADAPTER)],
            [DeviceObject(path, each) for path, each in _having(objects, DEVICE)],
        )

    def close(self) -> None:
        """Let the connection go; a later use makes a new one."""
        if self._bus is not None:
            self._bus.disconnect()
            self._bus = None

    async def _listen(self, bus: MessageBus) -> None:
        bus.add_message_handler(self._heard)
        rule = f"type='signal',sender='{THE_BUS}',member='NameOwnerChanged'"
        await _ask_the_bus(bus, "AddMatch", f"{rule},arg0='{BLUEZ}'")

    def _heard(self, message: Message) -> None:
        if (
            message.message_type is MessageType.SIGNAL
            and message.sender == THE_BUS
            and message.member == "NameOwnerChanged"
            and message.body[0] == BLUEZ
        ):
            _, old, new = message.body
            log.debug("bluetoothd on D-Bus: %s -> %s", old or "none", new or "none")
            for changed in self._owner_changed:
                changed(old, new)


async def _ask_the_bus(bus: MessageBus, what: str, about: str) -> list[Any]:
    ask = Message(
        destination=THE_BUS,
        path="/org/freedesktop/DBus",
        interface=THE_BUS,
        member=what,
        signature="s",
        body=[about],
    )
    return await _answer(bus, ask, CALL_S)


async def _answer(bus: MessageBus, call: Message, timeout_s: float) -> list[Any]:
    async with asyncio.timeout(timeout_s):
        reply = await bus.call(call)
    if reply.message_type is MessageType.ERROR:
        text = str(reply.body[0]) if reply.body else ""
        raise DBusError(reply.error_name or "", text)
    return list(reply.body)


def _having(
    objects: dict[str, dict[str, dict[str, Variant]]], interface: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(objects):
        properties = objects[path].get(interface)
        if properties is not None:
            yield path, {name: value.value for name, value in properties.items()}


@contextmanager
def bluez_errors(
    doing: str, otherwise: type[LinkError] = AdapterError
) -> Iterator[None]:
    """Turn what D-Bus raises into the gateway's errors, with a remedy each."""
    try:
        yield
    except DBusError as error:
        raise refusal(doing, error.type, error.text, otherwise) from error
    except BUS_ERRORS as error:
        raise AdapterError(f"{doing}: {bus_reason(error)}") from error


def bus_reason(error: Exception) -> Remedy:
    """Say why D-Bus, or bluetoothd behind it, did not answer at all."""
    match error:
        case AuthError() | PermissionError():
            return NO_RIGHTS
        case TimeoutError():
            return HANGS
        case FileNotFoundError() | ConnectionRefusedError():
            return NO_BUS
        case _:
            return BUS_GONE
