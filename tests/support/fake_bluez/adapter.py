"""Adapter1 of the fake bluetoothd."""

from dbus_fast import Variant

from gateway.ble.bumble.host import advertised
from tests.support.fake_bluez.device import Device
from tests.support.fake_bluez.objects import OFF, ON, Refusal, flag, text, texts

ADAPTER = "org.bluez.Adapter1"
PATH = "/org/bluez/hci0"
RSSI_DBM = -50


class Adapter:
    """An adapter, its scan and the devices it knows."""

    def __init__(self, daemon, *, powered=True, roles=("central", "peripheral")):
        self.devices = {}
        self._daemon = daemon
        self._objects = daemon.objects
        self._roles = roles
        self._powered = powered
        self._stuck = False
        self._scanning_for = set()

    async def show(self):
        """Appear, with the devices there is a bond with."""
        properties = {
            "Address": text("00:00:5E:00:53:01"),
            "AddressType": text("public"),
            "Name": text("fake"),
            "Alias": text("fake"),
            "Powered": flag(self._powered),
            "PowerState": text("on" if self._powered else "off"),
            "Discovering": OFF,
            "Pairable": ON,
            "UUIDs": texts([]),
            "Roles": texts(self._roles),
        }
        self._objects.add(PATH, ADAPTER, properties, self)
        keystore = self._daemon.central.host.keystore
        for name, _ in await keystore.get_all():
            await self._know(name.partition("/")[0], None, ())

    async def vanish(self):
        """Be unplugged."""
        await self.switch(powered=False)
        self.devices.clear()
        self._objects.remove(PATH)
        self._powered = True  # bluetoothd's AutoEnable, when it comes again

    def stick(self):
        """Refuse every scan until the power was off and on."""
        self._stuck = True

    def heard(self, advertisement):
        """Take an advertisement, if anybody scans."""
        if not self._scanning_for:
            return
        address = advertisement.address.to_string(with_type_qualifier=False)
        name, services = advertised(advertisement.data)
        device = self.devices.get(address)
        if device is None:
            self._daemon.spawn(self._know(address, name, services))
        elif not device.connected:
            device.heard(name, services, advertisement.rssi)

    async def left(self, sender):
        """End what somebody wanted who has gone; connections stay, as with BlueZ."""
        await self._unscan(sender)
        for device in self.devices.values():
            await device.left(sender)

    async def set(self, _sender, name, value):
        if name == "Powered":
            self._stuck = self._stuck and value.value
            await self.switch(powered=value.value)
        else:
            self._objects.change(PATH, **{name: value})

    async def set_discovery_filter(self, _sender, _filters):
        pass

    async def start_discovery(self, sender):
        if not self._powered:
            raise Refusal("NotReady", "Resource Not Ready")
        if self._stuck or sender in self._scanning_for:
            raise Refusal("InProgress", "Operation already in progress")
        self._scanning_for.add(sender)
        await self._daemon.central.scan(on=True)
        self._objects.change(PATH, Discovering=ON)

    async def stop_discovery(self, sender):
        if not self._powered:
            raise Refusal("NotReady", "Resource Not Ready")
        if sender not in self._scanning_for:
            raise Refusal("Failed", "No discovery started")
        await self._unscan(sender)

    async def remove_device(self, _sender, path):
        for address, device in list(self.devices.items()):
            if device.path == path:
                await device.disconnect(None)
                await self._daemon.central.forget(device.hci_address)
                del self.devices[address]
                self._objects.remove(path)
                return
        raise Refusal("DoesNotExist", "Does Not Exist")

    def need_power(self):
        if not self._powered:
            raise Refusal("NotReady", "Resource Not Ready")

    async def _know(self, address, name, services):
        if address not in self.devices:
            device = Device(self._daemon, self, address)
            self.devices[address] = device
            await device.show(name, services, Variant("n", RSSI_DBM))

    async def _unscan(self, sender):
        self._scanning_for.discard(sender)
        if not self._scanning_for:
            await self._daemon.central.scan(on=False)
            self._objects.change(PATH, Discovering=OFF)

    async def switch(self, *, powered):
        self._powered = powered
        if not powered:
            self._scanning_for.clear()
            await self._daemon.central.scan(on=False)
            await self._daemon.central.leave_all()
        state = text("on" if powered else "off")
        self._objects.change(PATH, Powered=flag(powered), PowerState=state)
