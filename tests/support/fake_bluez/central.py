"""The kernel's half of a fake bluetoothd: a Bluetooth host that scans and connects."""

import asyncio

from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import DeviceConfiguration, Peer
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

from gateway.ble.bumble.host import device_on
from tests.support.fake_bluez.objects import Refusal

ADDRESS = "C0:00:00:00:00:01"
CONNECT_S = 4.0
CAPABILITIES = {
    "DisplayOnly": PairingDelegate.DISPLAY_OUTPUT_ONLY,
    "KeyboardDisplay": PairingDelegate.DISPLAY_OUTPUT_AND_KEYBOARD_INPUT,
    "KeyboardOnly": PairingDelegate.KEYBOARD_INPUT_ONLY,
    "NoInputNoOutput": PairingDelegate.NO_OUTPUT_NO_INPUT,
}


class Central:
    """A Bluetooth host on a testbed of the air; bonds live as long as it does."""

    def __init__(self, transport, heard):
        self._transport = transport
        config = DeviceConfiguration(name="fake", address=hci.Address(ADDRESS))
        self.host = device_on(transport, config)
        self.host.keystore = MemoryKeyStore()
        self.host.on("advertisement", heard)

    async def power_on(self):
        await self.host.power_on()

    async def close(self):
        await self.host.power_off()
        await self._transport.close()

    async def scan(self, *, on):
        if on and not self.host.is_scanning:
            await self.host.start_scanning(filter_duplicates=False)
        elif not on and self.host.is_scanning:
            await self.host.stop_scanning()

    async def connect(self, address):
        """Connect as Linux does: a known bond is used at once, or the link ends."""
        try:
            link = await self.host.connect(address, timeout=CONNECT_S)
        except (TimeoutError, BaseBumbleError) as error:
            raise Refusal("Failed", "le-connection-timeout") from error
        if await self.bonded(address):
            await self.encrypt(link)
        return link

    async def encrypt(self, link):
        try:
            await link.encrypt()
        except (hci.HCI_Error, asyncio.CancelledError, BaseBumbleError) as error:
            await self.disconnect(link)
            raise Refusal("Failed", "br-connection-canceled") from error

    async def disconnect(self, link):
        if link.handle in self.host.connections:
            await link.disconnect()

    async def leave_all(self):
        """Lose every connection, as when power or bluetoothd goes."""
        for link in list(self.host.connections.values()):
            await self.disconnect(link)

    async def discover(self, link):
        """Return the peer with its services known."""
        peer = Peer(link)
        await peer.request_mtu(517)
        await peer.discover_all()
        return peer

    async def bonded(self, address):
        return await self.host.keystore.get(str(address)) is not None

    async def forget(self, address):
        if await self.bonded(address):
            await self.host.keystore.delete(str(address))

    async def pair(self, link, agent, *, asked_for):
        """Pair; `agent` is asked what a person would be, all if nobody asked for it."""
        delegate = _AskAgent(agent, asked_for=asked_for)
        config = PairingConfig(
            mitm=agent.capability != "NoInputNoOutput",
            delegate=delegate,
            identity_address_type=PairingConfig.AddressType.RANDOM,
        )
        self.host.pairing_config_factory = lambda _: config
        try:
            await link.pair()
        except (BaseBumbleError, asyncio.CancelledError, hci.HCI_Error) as error:
            raise Refusal("AuthenticationFailed", "Authentication Failed") from error


class _AskAgent(PairingDelegate):
    def __init__(self, agent, *, asked_for):
        super().__init__(CAPABILITIES[agent.capability])
        self._agent = agent
        self._asked_for = asked_for

    async def confirm(self, auto=False):  # noqa: FBT002 - bumble's signature
        asked = self._asked_for or await self._agent.ask("RequestAuthorization")
        return asked is not None

    async def get_number(self):
        return await self._agent.ask("RequestPasskey")

    async def compare_numbers(self, number, digits):
        return await self._agent.ask("RequestConfirmation", "u", number) is not None
