"""The radio on top of bleak: one adapter, for all of its headbands."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
)

from gateway.ble.adapter import Adapter, UnmanagedAdapter, has_bond
from gateway.ble.adapter_recovery import AdapterRecovery
from gateway.ble.bleak_client import HeadbandClient
from gateway.ble.bleak_scanner import BleakBackend, BleakScan
from gateway.ble.device_registry import DeviceRegistry
from gateway.ble.link_state import LinkEvent
from gateway.ble.radio import (
    Advertisement,
    AskPasskey,
    Bonding,
    RadioConnection,
    unheard,
)
from gateway.ble.recovery_policy import RecoveryStep
from gateway.ble.scan_scheduler import SCAN_S, ScanScheduler
from gateway.drivers import Driver
from gateway.errors import LinkError, LostBondError, OtherKindError


class BleakRadio:
    """A Bluetooth adapter and the headbands on it.

    Parameters
    ----------
    adapter : str or None
        E.g. ``"hci1"``; None for the default one. Only BlueZ has several.
    backend : BleakBackend or None
        None for that of the platform: BlueZ on Linux.
    care : Adapter or None
        Mends the adapter and keeps its bonds; None for what the backend has.
    reserved : collection of str
        Addresses that are never taken for "any headband": each has its own place in
        the configuration.
    """

    def __init__(
        self,
        *,
        adapter: str | None = None,
        backend: BleakBackend | None = None,
        care: Adapter | None = None,
        reserved: Collection[str] = (),
    ) -> None:
        self._backend = backend
        self._care = care or (backend.care if backend else UnmanagedAdapter())
        self._registry = DeviceRegistry(reserved)
        self._scan = BleakScan(adapter, backend)
        self._scheduler = ScanScheduler(self._scan.scanning)
        self._mending = AdapterRecovery(self._care, self._scheduler)
        self._services: set[str] = set()

    @property
    def scans(self) -> int:
        """Scans begun so far."""
        return self._scheduler.scans

    async def find(self, driver: Driver, address: str | None = None) -> Advertisement:
        """Look for a headband, first among those connected already.

        Raises
        ------
        AdapterError
            If there is no Bluetooth, or it fails.
        LinkError
            If no headband is found in one look of `ScanScheduler`.
        """
        wanted = self._registry.wanted(driver, address)
        self._services.add(driver.service)
        await self._care.watch(self._registry.lost)
        for seen in await self._scan.connected([driver.service]):
            if wanted(seen):
                return seen
        found = await self._scheduler.find(wanted)
        if found is None:
            what = address or f"{driver.name} headband"
            raise LinkError(f"no {what} in reach, {SCAN_S:.0f} s long")
        return found

    async def scan(
        self, drivers: Sequence[Driver], seconds: float
    ) -> list[Advertisement]:
        """Return every headband that may be of a kind of `drivers`.

        Those connected already come first; then as heard in `seconds`.

        Raises
        ------
        AdapterError
            If there is no Bluetooth, or it fails.
        """

        def wanted(seen: Advertisement) -> bool:
            return any(driver.may_be(seen.name, seen.services) for driver in drivers)

        await self._care.watch(self._registry.lost)
        connected = await self._scan.connected([driver.service for driver in drivers])
        heard = await self._scheduler.sweep(wanted, seconds)
        there = {seen.address for seen in connected}
        return connected + [seen for seen in heard if seen.address not in there]

    @asynccontextmanager
    async def connect(
        self,
        seen: Advertisement,
        *candidates: Driver,
        bond: Bonding = "never",
        ask_passkey: AskPasskey | None = None,
        became: Callable[[LinkEvent], None] = unheard,
    ) -> AsyncIterator[RadioConnection]:
        """Connect, subscribe and shake hands; stop and disconnect on leaving.

        Parameters
        ----------
        seen : Advertisement
            As `find` or `scan` returned it.
        *candidates : Driver
            What it may be; its characteristics decide.
        bond : {"never", "if_needed"}
            Pair with a headband that wants it, anew if it lost the bond, or do not.
        ask_passkey : callable or None
            For a headband that shows a passkey.
        became : callable
            Hears how far it has come.

        Raises
        ------
        BondingError
            If the headband wants to be paired first, or will not.
        LinkError
            If it cannot be reached, is of another kind, refuses, or does not say what
            it should.
        """
        may_bond = bond == "if_needed"
        with self._registry.held(seen.address):
            async with AsyncExitStack() as stack:
                async with AsyncExitStack() as making:
                    had_bond = not may_bond or await has_bond(self._care, seen.address)
                    mode = self._pairing_mode(seen.address, ask_passkey, bond)
                    await making.enter_async_context(mode)
                    peer, bonded = await self._reach(
                        seen.address, stack, became, may_bond=may_bond
                    )
                    driver = self._recognised(peer, seen.address, candidates)
                    async with self._scheduler.connecting():
                        info, bonded_now = await peer.begin(driver, became)
                    made = not had_bond and await has_bond(self._care, seen.address)
                became(LinkEvent.SUBSCRIBED)
                stack.enter_context(self._scheduler.streaming())
                yield RadioConnection(
                    driver, info, peer.notifications, bonded or bonded_now or made
                )

    async def unpair(self, address: str) -> None:
        """Remove this machine's bond with `address`, if there is one.

        Raises
        ------
        LinkError
            If that fails.
        """
        await self._care.forget(address)

    async def bonds(self) -> list[str]:
        """List the addresses that this machine has a bond with.

        Raises
        ------
        LinkError
            If that fails.
        """
        return await self._care.bonds()

    async def mend(self, step: RecoveryStep) -> None:
        """Do what `step` says; see `gateway.ble.adapter_recovery`."""
        await self._mending.take(step, self._services, self._registry.inboxes.keys())

    async def close(self) -> None:
        """Let the adapter go."""
        await self._care.close()

    def _recognised(
        self, peer: HeadbandClient, address: str, candidates: Sequence[Driver]
    ) -> Driver:
        try:
            return peer.recognise(candidates)
        except OtherKindError:
            self._registry.is_none_of(address, candidates)
            raise

    def _pairing_mode(
        self, address: str, ask_passkey: AskPasskey | None, bond: Bonding
    ) -> AbstractAsyncContextManager[None]:
        if bond == "never":
            return self._care.refusing(address)
        return self._care.pairing(address, ask_passkey)

    async def _reach(
        self,
        address: str,
        stack: AsyncExitStack,
        became: Callable[[LinkEvent], None],
        *,
        may_bond: bool,
    ) -> tuple[HeadbandClient, bool]:
        """Connect; if the bond is lost and may be made anew, do that."""
        try:
            peer = await self._open(address, stack, may_bond=may_bond)
        except LostBondError:
            if not may_bond:
                raise
        else:
            became(LinkEvent.CONNECTED)
            return peer, False
        became(LinkEvent.BOND_WANTED)
        await self.unpair(address)
        if await self._scheduler.find(lambda seen: seen.address == address) is None:
            raise LinkError(f"{address} went out of reach while its bond was removed")
        peer = await self._open(address, stack, may_bond=may_bond)
        await peer.pair()
        became(LinkEvent.BONDED)
        return peer, True

    async def _open(
        self, address: str, stack: AsyncExitStack, *, may_bond: bool
    ) -> HeadbandClient:
        client = self._backend and self._backend.client
        peer = HeadbandClient(self._scan.devices[address], client, may_bond=may_bond)
        self._registry.inboxes[address] = peer.notifications
        stack.push_async_callback(peer.leave)
        async with self._scheduler.connecting():
            await peer.connect()
        return peer
