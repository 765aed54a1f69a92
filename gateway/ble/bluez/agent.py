"""Our ``org.bluez.Agent1``: whom bluetoothd asks before it pairs with a headband.

Without one, bluetoothd pairs with nobody (seen on BlueZ 5.66 and 5.82), and bleak
brings none. Interface after ``doc/org.bluez.Agent.rst`` of BlueZ.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Never, Self

from dbus_fast import DBusError
from dbus_fast.annotations import DBusObjectPath, DBusStr, DBusUInt16, DBusUInt32
from dbus_fast.service import ServiceInterface, dbus_method

from gateway.ble.bluez.dbus import ROOT, SystemBus, bluez_errors
from gateway.ble.bluez.error_messages import BLUEZ_ERROR
from gateway.ble.radio import AskPasskey
from gateway.errors import LinkError

log = logging.getLogger(__name__)

PATH = "/sleepgate/agent"
AGENTS = "org.bluez.AgentManager1"
LARGEST_PASSKEY = 999_999
LEAVE_S = 2.0

Refused = Callable[[str], None]
"""Hears the address of a device that wanted to pair and may not."""


class _Agent1(ServiceInterface):
    """Pairing agent on D-Bus; `admitted` gets what it needs, and no other device."""

    def __init__(
        self, admitted: str, ask_passkey: AskPasskey | None, refused: Refused
    ) -> None:
        super().__init__("org.bluez.Agent1")
        self._admitted = admitted.upper()
        self._ask_passkey = ask_passkey
        self._refused = refused
        self.was_asked = False
        self._asking: asyncio.Future[int | None] | None = None

    @dbus_method("Release")
    def release(self) -> None:
        """Release the agent: bluetoothd needs it no more."""
        self.withdraw()

    @dbus_method("Cancel")
    def cancel(self) -> None:
        """Cancel the last question."""
        self.withdraw()

    @dbus_method("RequestPasskey")
    async def request_passkey(self, device: DBusObjectPath) -> DBusUInt32:
        """Answer with the digits that the headband shows."""
        self._admit(device)
        if self._ask_passkey is None:
            self._refuse("nobody is there to read a passkey")
        asking = asyncio.ensure_future(self._ask_passkey(self._admitted))
        self._asking = asking
        await asyncio.wait({asking})
        if asking.cancelled():
            raise DBusError(f"{BLUEZ_ERROR}Canceled", "the question was withdrawn")
        passkey = asking.result()
        if passkey is None or not 0 <= passkey <= LARGEST_PASSKEY:
            self._refuse("no passkey was given")
        return passkey

    @dbus_method("DisplayPasskey")
    def display_passkey(
        self, device: DBusObjectPath, _passkey: DBusUInt32, _entered: DBusUInt16
    ) -> None:
        """Refuse: a headband has no keys to type on."""
        self._admit(device)
        self._refuse("a passkey cannot be shown here")

    @dbus_method("RequestConfirmation")
    def request_confirmation(
        self, device: DBusObjectPath, _passkey: DBusUInt32
    ) -> None:
        """Refuse: nobody can compare numbers that are not shown."""
        self._admit(device)
        self._refuse("numbers cannot be compared here")

    @dbus_method("RequestAuthorization")
    def request_authorization(self, device: DBusObjectPath) -> None:
        """Allow the headband being paired to pair without a passkey."""
        self._admit(device)

    @dbus_method("AuthorizeService")
    def authorize_service(self, device: DBusObjectPath, _uuid: DBusStr) -> None:
        """Allow the headband being paired its services."""
        self._admit(device)

    @dbus_method("RequestPinCode")
    def request_pin_code(self, device: DBusObjectPath) -> DBusStr:
        """Refuse: that is for devices without Bluetooth LE."""
        self._admit(device)
        self._refuse("this is no LE pairing")

    @dbus_method("DisplayPinCode")
    def display_pin_code(self, device: DBusObjectPath, _code: DBusStr) -> None:
        """Refuse: that is for devices without Bluetooth LE."""
        self._admit(device)
        self._refuse("this is no LE pairing")

    def withdraw(self) -> None:
        """Ask no longer."""
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def _admit(self, device: str) -> None:
        address = device.rpartition("/dev_")[2].replace("_", ":").upper()
        if address != self._admitted:
            self._refused(address)
            self._refuse(f"{address} is not being paired")
        self.was_asked = True

    def _refuse(self, why: str) -> Never:
        log.warning("pairing refused: %s", why)
        raise DBusError(f"{BLUEZ_ERROR}Rejected", why)


class PairingAgent:
    """Pairing mode: while entered, one headband may pair, and no other device.

    bluetoothd that is restarted meanwhile gets the agent again.

    Parameters
    ----------
    address : str
        Of the headband; empty: nobody may pair.
    ask_passkey : callable or None
        Asks for the digits on its display. None: only what pairs without digits.
    refused : callable
        Hears who was refused.
    """

    def __init__(
        self,
        address: str,
        ask_passkey: AskPasskey | None = None,
        refused: Refused = lambda _: None,
    ) -> None:
        self._agent = _Agent1(address, ask_passkey, refused)
        # digits can be typed here, not shown: so no numeric comparison is chosen. And
        # who may pair with nobody still wants to be asked for them.
        can_type = ask_passkey is not None or not address
        self._capability = "KeyboardOnly" if can_type else "NoInputNoOutput"
        self._bus = SystemBus()
        self._registering: asyncio.Task[None] | None = None

    @property
    def was_asked(self) -> bool:
        """Whether the headband has begun to pair."""
        return self._agent.was_asked

    async def __aenter__(self) -> Self:
        """Register with bluetoothd; raises `AdapterError` if that fails."""
        try:
            with bluez_errors("pairing mode"):
                bus = await self._bus.connection()
                bus.export(PATH, self._agent)
                await self._bus.watch_owner(self._on_owner)
                await self._register()
        except BaseException:
            self._bus.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Unregister; nothing is left that could pair."""
        self._agent.withdraw()
        if self._registering is not None:
            self._registering.cancel()
        try:
            with bluez_errors("end of pairing mode"):
                await self._bus.call(
                    ROOT, AGENTS, "UnregisterAgent", "o", PATH, timeout_s=LEAVE_S
                )
        except LinkError as error:  # without its bus connection the agent is gone
            log.debug("%s", error)
        self._bus.close()

    def _on_owner(self, _old: str, new: str) -> None:
        self._agent.withdraw()
        if new:
            self._registering = asyncio.create_task(self._register_again())

    async def _register_again(self) -> None:
        try:
            with bluez_errors("pairing mode"):
                await self._register()
        except LinkError as error:
            log.warning("%s", error)

    async def _register(self) -> None:
        which = (PATH, self._capability)
        await self._bus.call(ROOT, AGENTS, "RegisterAgent", "os", *which)
        await self._bus.call(ROOT, AGENTS, "RequestDefaultAgent", "o", PATH)
