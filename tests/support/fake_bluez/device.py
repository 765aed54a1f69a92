"""Device1 and the GATT interfaces of the fake bluetoothd."""

import asyncio
from contextlib import suppress

from bleak.assigned_numbers import gatt_char_props_to_strs
from bumble import hci
from bumble.att import ATT_Error, ErrorCode
from bumble.core import BaseBumbleError
from dbus_fast import Variant

from gateway.ble.bumble.host import to_uuid
from tests.support.fake_bluez.objects import OFF, ON, Refusal, flag, text, texts

DEVICE = "org.bluez.Device1"
SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
WANTS_SECURITY = {
    ErrorCode.INSUFFICIENT_AUTHENTICATION,
    ErrorCode.INSUFFICIENT_ENCRYPTION,
}
GIVES_UP_S = 0.5  # 30 s with BlueZ: a link on which security was demanded in vain


class Device:
    """A headband, as bluetoothd sees it."""

    def __init__(self, daemon, adapter, address):
        self.path = f"/org/bluez/hci0/dev_{address.replace(':', '_')}"
        self.hci_address = hci.Address(address)
        self.link = None
        self._daemon = daemon
        self._adapter = adapter
        self._address = address
        self._characteristics = []
        self._busy = False
        self._gone = asyncio.Event()

    @property
    def connected(self):
        return self.link is not None

    async def show(self, name, services, rssi):
        bonded = await self._daemon.central.bonded(self.hci_address)
        properties = {
            "Address": text(self._address),
            "AddressType": text("random"),
            "Alias": text(name or self._address.replace(":", "-")),
            "Adapter": Variant("o", "/org/bluez/hci0"),
            "Paired": flag(bonded),
            "Bonded": flag(bonded),
            "Trusted": OFF,
            "Connected": OFF,
            "ServicesResolved": OFF,
            "UUIDs": texts(services),
        }
        if name is not None:
            properties |= {"Name": text(name), "RSSI": rssi}
        self._daemon.objects.add(self.path, DEVICE, properties, self)

    def heard(self, name, services, rssi):
        changes = {"RSSI": Variant("n", rssi), "UUIDs": texts(services)}
        if name is not None:
            changes |= {"Name": text(name), "Alias": text(name)}
        self._change(**changes)

    async def left(self, sender):
        for char in self._characteristics:
            await char.left(sender)

    async def set(self, _sender, name, value):
        self._change(**{name: value})

    async def connect(self, _sender):
        self._adapter.need_power()
        if self.link is not None:
            return
        if self._busy:
            raise Refusal("InProgress", "Operation already in progress")
        self._busy = True
        try:
            link = await self._daemon.central.connect(self.hci_address)
        finally:
            self._busy = False
        await self._take(link)

    async def disconnect(self, _sender):
        if self.link is not None:
            await self._daemon.central.disconnect(self.link)

    async def pair(self, sender):
        if await self._daemon.central.bonded(self.hci_address):
            raise Refusal("AlreadyExists", "Already Exists")
        if self._daemon.agent(self.path) is None:
            raise Refusal("AuthenticationFailed", "Authentication Failed")
        await self.connect(sender)
        await self._bond()

    async def secure(self):
        """Do what the kernel does when the headband demands security."""
        if await self._daemon.central.bonded(self.hci_address):
            await self._daemon.central.encrypt(self.link)
            return
        if self._daemon.agent(self.path) is not None:
            with suppress(Refusal):
                await self._bond(asked_for=False)
                return
        # as seen with BlueZ 5.82: no answer, and at last no link
        self._daemon.spawn(self._give_up())
        await self._gone.wait()
        raise Refusal("Failed", "Not connected")

    async def _give_up(self):
        await asyncio.sleep(GIVES_UP_S)
        await self.disconnect(None)

    async def _bond(self, *, asked_for=True):
        agent = self._daemon.agent(self.path)
        await self._daemon.central.pair(self.link, agent, asked_for=asked_for)
        for _ in range(100):  # the keys arrive after the answer
            if await self._daemon.central.bonded(self.hci_address):
                break
            await asyncio.sleep(0.01)
        self._change(Paired=ON, Bonded=ON)

    async def _take(self, link):
        self.link = link
        self._gone.clear()
        link.on("disconnection", self._on_disconnection)
        self._change(Connected=ON)
        try:
            peer = await self._daemon.central.discover(link)
        except (TimeoutError, asyncio.CancelledError, BaseBumbleError) as error:
            raise Refusal("Failed", "le-connection-gatt-browsing") from error
        for service in peer.services:
            if to_uuid(service.uuid)[4:8] not in ("1800", "1801"):
                self._show_service(service)
        self._change(ServicesResolved=ON)

    def _show_service(self, service):
        path = f"{self.path}/service{service.handle:04x}"
        properties = {
            "UUID": text(to_uuid(service.uuid)),
            "Device": Variant("o", self.path),
            "Primary": ON,
        }
        self._daemon.objects.add(path, SERVICE, properties, None)
        for char in service.characteristics:
            served = Characteristic(self._daemon, self, char, path)
            self._characteristics.append(served)

    def _on_disconnection(self, _reason):
        self.link = None
        self._gone.set()
        self._characteristics.clear()
        self._change(ServicesResolved=OFF)
        for path in self._daemon.objects.paths(f"{self.path}/service"):
            self._daemon.objects.remove(path)
        self._change(Connected=OFF)

    def _change(self, **properties):
        self._daemon.objects.change(self.path, **properties)


class Characteristic:
    """One characteristic of a headband that is connected."""

    def __init__(self, daemon, device, char, service):
        self._path = f"{service}/char{char.handle:04x}"
        self._daemon = daemon
        self._device = device
        self._char = char
        self._subscribers = set()
        properties = {
            "UUID": text(to_uuid(char.uuid)),
            "Service": Variant("o", service),
            "Value": Variant("ay", b""),
            "Flags": texts(sorted(gatt_char_props_to_strs(int(char.properties)))),
            "MTU": Variant("q", device.link.att_mtu),
            "Notifying": OFF,
        }
        daemon.objects.add(self._path, CHARACTERISTIC, properties, self)

    async def read_value(self, _sender, _options):
        return "ay", bytes(await self._att(self._char.read_value))

    async def write_value(self, _sender, value, options):
        with_response = options["type"].value == "request"

        async def write():
            await self._char.write_value(bytes(value), with_response=with_response)

        await self._att(write)

    async def start_notify(self, sender):
        if sender in self._subscribers:
            raise Refusal("InProgress", "Operation already in progress")
        if not self._subscribers:

            async def subscribe():
                await self._char.subscribe(self._on_value)

            await self._att(subscribe)
        self._subscribers.add(sender)
        self._daemon.objects.change(self._path, Notifying=ON)

    async def stop_notify(self, sender):
        if sender not in self._subscribers:
            raise Refusal("Failed", "No notify session started")
        await self.left(sender)

    async def left(self, sender):
        if sender in self._subscribers:
            self._subscribers.discard(sender)
            if not self._subscribers and self._device.connected:
                await self._char.unsubscribe(self._on_value)
                self._daemon.objects.change(self._path, Notifying=OFF)

    def _on_value(self, value):
        self._daemon.objects.change(self._path, Value=Variant("ay", bytes(value)))

    async def _att(self, request):
        try:
            return await self._ask(request)
        except ATT_Error as error:
            if error.error_code not in WANTS_SECURITY:
                raise _att_refusal(error) from error
        await self._device.secure()
        try:
            return await self._ask(request)
        except ATT_Error as error:
            raise _att_refusal(error) from error

    async def _ask(self, request):
        link = self._device.link
        if link is None:
            raise Refusal("Failed", "Not connected")
        try:
            return await link.cancel_on_disconnection(request())
        except asyncio.CancelledError as error:
            if self._device.link is link:
                raise  # it is we who end
            raise Refusal("Failed", "Not connected") from error
        except TimeoutError as error:
            raise Refusal("Failed", "Operation failed with ATT error: 0x0e") from error


def _att_refusal(error):
    code = int(error.error_code)
    return Refusal("Failed", f"Operation failed with ATT error: 0x{code:02x}")
