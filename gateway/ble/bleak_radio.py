"""Radio on top of bleak: one adapter, for all of its headbands."""

from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)

from gateway.ble.adapter import Adapter, AdapterRecovery, UnmanagedAdapter, has_bond
from gateway.ble.bleak_client import HeadbandClient
from gateway.ble.bleak_scanner import BleakBackend, BleakScan
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.radio import (
    Advertisement,
    AskPasskey,
    Bonding,
    RadioConnection,
    ignore_event,
)
from gateway.ble.recovery_policy import RecoveryStep
from gateway.ble.scan_scheduler import SCAN_S, AdvertisementFilter, ScanScheduler
from gateway.drivers import Driver
from gateway.errors import (
    LinkError,
    LostBondError,
    OtherKindError,
    UnfitHeadbandError,
)


class BleakRadio:
    """A Bluetooth adapter and the headbands on it.

    Parameters
    ----------
    adapter_name : str or None
        E.g. ``"hci1"``; None for the default one. Only BlueZ has several.
    backend : BleakBackend or None
        None for that of the platform: BlueZ on Linux.
    adapter : Adapter or None
        Bonds and recovery of the adapter; None for that of the backend.
    reserved : collection of str
        Addresses that are never taken for "any headband": each has its own entry in
        the configuration.
    """

    def __init__(
        self,
        *,
        adapter_name: str | None = None,
        backend: BleakBackend | None = None,
        adapter: Adapter | None = None,
        reserved: Collection[str] = (),
    ) -> None:
        self._backend = backend
        self._adapter = adapter or (backend.adapter if backend else UnmanagedAdapter())
        self._registry = DeviceRegistry(reserved)
        self._scan = BleakScan(adapter_name, backend)
        self._scheduler = ScanScheduler(self._scan.scanning)
        self._recovery = AdapterRecovery(self._adapter, self._scheduler)
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
        await self._adapter.watch(self._registry.close_all)
        for connected in await self._scan.connected([driver.service]):
            if wanted(connected):
                return connected
        found = await self._scheduler.find(wanted)
        if found is None:
            what = address or f"{driver.name} headband"
            if address is None and (unfit := self._registry.pardon_unfit(driver)):
                raise LinkError(f"no other {what} in reach; {unfit}")
            raise LinkError(
                f"no {what} in reach within {SCAN_S:.0f} s; switch it on, bring it near"
            )
        return found

    async def scan(
        self, drivers: Sequence[Driver], seconds: float
    ) -> list[Advertisement]:
        """Return every headband that may be of a kind of `drivers`.

        Those connected already come first, then those that advertise in `seconds`.

        Raises
        ------
        AdapterError
            If there is no Bluetooth, or it fails.
        """

        def wanted(found: Advertisement) -> bool:
            return any(driver.may_be(found.name, found.services) for driver in drivers)

        await self._adapter.watch(self._registry.close_all)
        connected = await self._scan.connected([driver.service for driver in drivers])
        advertising = await self._scheduler.sweep(wanted, seconds)
        there = {found.address for found in connected}
        return connected + [x for x in advertising if x.address not in there]

    @asynccontextmanager
    async def connect(
        self,
        advertisement: Advertisement,
        *candidates: Driver,
        bond: Bonding = "never",
        ask_passkey: AskPasskey | None = None,
        on_event: Callable[[LinkEvent], None] = ignore_event,
    ) -> AsyncIterator[RadioConnection]:
        """Connect, subscribe and shake hands; stop and disconnect on leaving.

        Parameters
        ----------
        advertisement : Advertisement
            As `find` or `scan` returned it.
        *candidates : Driver
            What it may be; its characteristics decide.
        bond : {"never", "if_needed"}
            Pair with a headband that wants it, anew if it lost the bond, or do not.
        ask_passkey : callable or None
            For a headband that shows a passkey.
        on_event : callable
            As for `Radio.connect`.

        Raises
        ------
        BondingError
            If the headband wants to be paired first, or will not.
        LinkError
            If it cannot be reached, is of another kind, refuses, or does not say what
            it should.
        """
        address, may_bond = advertisement.address, bond == "if_needed"
        with self._registry.held(address):
            async with AsyncExitStack() as stack:
                async with AsyncExitStack() as making:
                    had_bond = not may_bond or await has_bond(self._adapter, address)
                    mode = self._pairing_mode(address, ask_passkey, bond)
                    await making.enter_async_context(mode)
                    client, bonded = await self._connect(
                        address, stack, on_event, may_bond=may_bond
                    )
                    driver = self._recognised(client, address, candidates)
                    async with self._scheduler.connecting():
                        info, bonded_now = await client.begin(driver, on_event)
                    made = not had_bond and await has_bond(self._adapter, address)
                on_event(LinkEvent.SUBSCRIBED)
                stack.enter_context(self._scheduler.streaming())
                stack.enter_context(self._registry.excluding(address, [driver]))
                bonded = bonded or bonded_now or made
                yield RadioConnection(driver, info, client.notifications, bonded)

    async def unpair(self, address: str) -> None:
        """Remove this machine's bond with `address`, if there is one.

        Raises
        ------
        LinkError
            If that fails.
        """
        await self._adapter.forget(address)

    async def bonds(self) -> list[str]:
        """List the addresses that this machine has a bond with.

        Raises
        ------
        LinkError
            If that fails.
        """
        return await self._adapter.bonds()

    async def recover(self, step: RecoveryStep) -> None:
        """Take a recovery step; see `AdapterRecovery`."""
        await self._recovery.recover(step, self._services, self._registry.queues.keys())

    async def close(self) -> None:
        """Release the adapter."""
        await self._adapter.close()

    def _recognised(
        self, client: HeadbandClient, address: str, candidates: Sequence[Driver]
    ) -> Driver:
        with self._registry.excluding(address, candidates):
            return client.recognise(candidates)

    def _pairing_mode(
        self, address: str, ask_passkey: AskPasskey | None, bond: Bonding
    ) -> AbstractAsyncContextManager[None]:
        if bond == "never":
            return self._adapter.refusing(address)
        return self._adapter.pairing(address, ask_passkey)

    async def _connect(
        self,
        address: str,
        stack: AsyncExitStack,
        on_event: Callable[[LinkEvent], None],
        *,
        may_bond: bool,
    ) -> tuple[HeadbandClient, bool]:
        """Connect; if the bond is lost and may be made anew, do that."""
        try:
            client = await self._open(address, stack, may_bond=may_bond)
        except LostBondError:
            if not may_bond:
                raise
        else:
            on_event(LinkEvent.CONNECTED)
            return client, False
        on_event(LinkEvent.BOND_WANTED)
        await self.unpair(address)
        if await self._scheduler.find(lambda found: found.address == address) is None:
            raise LinkError(f"{address} went out of reach while its bond was removed")
        client = await self._open(address, stack, may_bond=may_bond)
        await client.pair()
        on_event(LinkEvent.BONDED)
        return client, True

    async def _open(
        self, address: str, stack: AsyncExitStack, *, may_bond: bool
    ) -> HeadbandClient:
        backend = self._backend and self._backend.client
        device = self._scan.devices[address]
        client = HeadbandClient(device, backend, may_bond=may_bond)
        self._registry.queues[address] = client.notifications
        stack.push_async_callback(client.leave)
        async with self._scheduler.connecting():
            await client.connect()
        return client


class DeviceRegistry:
    """Registry of the headbands of one adapter.

    "Any headband" of a kind is one that is not connected to, has no entry of its own
    in the configuration, and did not turn out to be of another kind when it was
    connected to: kinds that advertise alike must not keep each other from being found.

    Parameters
    ----------
    reserved : collection of str
        Addresses that have their own entry in the configuration.

    Attributes
    ----------
    queues : dict of str to NotificationQueue
        By the address of each headband that is connected to, or about to be.
    """

    def __init__(self, reserved: Collection[str]) -> None:
        self.queues: dict[str, NotificationQueue] = {}
        self._reserved = {address.upper() for address in reserved}
        self._other_kinds: set[tuple[str, str]] = set()
        self._unfit: dict[tuple[str, str], str] = {}

    def wanted(self, driver: Driver, address: str | None) -> AdvertisementFilter:
        """Return a filter that passes the headband that is looked for.

        Parameters
        ----------
        driver : Driver
        address : str or None
            Of the one to look for; None for any headband.
        """
        if address is not None:
            return lambda found: found.address.upper() == address.upper()
        return lambda found: (
            driver.may_be(found.name, found.services)
            and found.address not in self.queues
            and found.address.upper() not in self._reserved
            and (found.address, driver.name) not in self._other_kinds
            and (found.address, driver.name) not in self._unfit
        )

    def pardon_unfit(self, driver: Driver) -> str:
        """Let those be found again that fitted no session; return why they did not."""
        unfit = {key: why for key, why in self._unfit.items() if key[1] == driver.name}
        for key in unfit:
            del self._unfit[key]
        return "; ".join(f"{address}: {why}" for (address, _), why in unfit.items())

    @contextmanager
    def held(self, address: str) -> Iterator[None]:
        """Reserve `address` for one connection while entered.

        Raises
        ------
        LinkError
            If it is reserved already.
        """
        if address in self.queues:
            raise LinkError(
                f"{address} is connected already, as another configured headband"
            )
        self.queues[address] = NotificationQueue()
        try:
            yield
        finally:
            del self.queues[address]

    @contextmanager
    def excluding(self, address: str, candidates: Collection[Driver]) -> Iterator[None]:
        """Record an `OtherKindError`: `address` is none of these kinds, look on.

        One whose channels or settings fit no session is tried again after a whole
        scan without another: they can be changed.
        """
        try:
            yield
        except UnfitHeadbandError as error:
            self._unfit |= {(address, driver.name): str(error) for driver in candidates}
            raise
        except OtherKindError:
            self._other_kinds |= {(address, driver.name) for driver in candidates}
            raise

    def close_all(self, reason: str) -> None:
        """End every connection at once, for `reason`."""
        for notifications in self.queues.values():
            notifications.close(reason)
