"""Adapter: bonds, pairing, and recovery when it fails."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from gateway.ble.radio import AskPasskey
from gateway.ble.recovery_policy import STUCK_S, RecoveryStep
from gateway.ble.scan_scheduler import ScanScheduler
from gateway.errors import LinkError, StuckAdapterError

LASTS_S = 30.0  # no step is taken twice within this time
_KEPT_BY_SYSTEM = (
    "the adapter cannot list or remove its bonds; this operating system keeps them in "
    "its Bluetooth settings"
)


class Adapter(Protocol):
    """Adapter of one backend: recovery steps and bonds; failures are `AdapterError`.

    Every method has a time limit: a hung Bluetooth daemon blocks nobody else.
    """

    async def watch(self, lost: Callable[[str], None], /) -> None:
        """Watch the adapter's connections from now on; called before each use.

        `lost` is called with a reason, at once, whenever all of them are dead without
        a disconnection: bluetoothd went away.
        """
        ...

    async def restart_scan(self) -> None:
        """End whatever scan this process has left behind."""
        ...

    async def disconnect_stale(
        self, services: Collection[str], keep: Collection[str], /
    ) -> None:
        """Disconnect every device of `services` whose address is not in `keep`."""
        ...

    async def power_cycle(self) -> None:
        """Switch the adapter off and on again; every connection is lost."""
        ...

    async def bonds(self) -> list[str]:
        """List the addresses that this machine has a bond with."""
        ...

    async def forget(self, address: str, /) -> None:
        """Remove the bond with `address`, if there is one."""
        ...

    def pairing(
        self, address: str, ask_passkey: AskPasskey | None, /
    ) -> AbstractAsyncContextManager[None]:
        """Let `address` pair while entered; nobody pairs otherwise.

        Without `ask_passkey`, a headband that shows a passkey is refused.
        """
        ...

    def refusing(self, address: str, /) -> AbstractAsyncContextManager[None]:
        """Let nobody pair while entered.

        A `LinkError` that leaves it becomes a `BondingError` if `address` wanted to.
        """
        ...

    async def close(self) -> None:
        """Let go; a later use begins anew."""
        ...


class UnmanagedAdapter:
    """Adapter of an operating system that recovers it and keeps its bonds by itself."""

    async def watch(self, _lost: Callable[[str], None]) -> None:
        """Do nothing: every disconnection is reported here."""

    async def restart_scan(self) -> None:
        """Do nothing: the operating system has no such call."""

    async def disconnect_stale(
        self, _services: Collection[str], _keep: Collection[str]
    ) -> None:
        """Do nothing: the operating system has no such call."""

    async def power_cycle(self) -> None:
        """Do nothing: the operating system has no such call."""

    async def bonds(self) -> list[str]:
        """Raise `LinkError`: the operating system does not list them."""
        raise LinkError(_KEPT_BY_SYSTEM)

    async def forget(self, address: str) -> None:
        """Raise `LinkError`: the operating system does not let programs do it."""
        raise LinkError(f"{address}: {_KEPT_BY_SYSTEM}")

    @asynccontextmanager
    async def pairing(
        self, _address: str, _ask_passkey: AskPasskey | None
    ) -> AsyncIterator[None]:
        """Leave it to the operating system to ask."""
        yield

    @asynccontextmanager
    async def refusing(self, _address: str) -> AsyncIterator[None]:
        """Leave it to the operating system to refuse."""
        yield

    async def close(self) -> None:
        """Do nothing: nothing is held."""


class AdapterRecovery:
    """Takes recovery steps on an adapter that several headbands share.

    While a headband streams the adapter works, and steps that would cut that headband
    off are left out. Several headbands that fail together count together: a step that
    was taken for one is not taken again for the next.

    Parameters
    ----------
    adapter : Adapter
    scheduler : ScanScheduler
        Of the same adapter; it is paused meanwhile.
    """

    def __init__(self, adapter: Adapter, scheduler: ScanScheduler) -> None:
        self._adapter = adapter
        self._scheduler = scheduler
        self._taken_s: dict[RecoveryStep, float] = {}

    async def recover(
        self, step: RecoveryStep, services: Collection[str], keep: Collection[str]
    ) -> None:
        """Take `step`, unless it was taken just now or would cut off a headband.

        Parameters
        ----------
        step : RecoveryStep
        services : collection of str
            By which headbands are recognised.
        keep : collection of str
            Addresses of those that are no stale connections.

        Raises
        ------
        StuckAdapterError
            For `RecoveryStep.EXIT`.
        AdapterError
            If it cannot be done.
        """
        if (
            step in {RecoveryStep.POWER_CYCLE, RecoveryStep.EXIT}
            and self._scheduler.n_streaming
        ):
            return
        if step is RecoveryStep.EXIT:
            raise StuckAdapterError(
                f"the Bluetooth adapter has failed for {STUCK_S / 60:.0f} minutes, "
                "even after switching it off and on; the daemon ends, to be started "
                "afresh; if that does not help, restart the machine or change the "
                "adapter"
            )
        now_s = asyncio.get_running_loop().time()
        if now_s < self._taken_s.get(step, -LASTS_S) + LASTS_S:
            return
        self._taken_s[step] = now_s
        # No scan and no connection runs meanwhile: bluetoothd answers InProgress to a
        # power cycle during a scan, and a connection made now would not survive it.
        async with self._scheduler.connecting():
            if step is RecoveryStep.RESTART_SCAN:
                await self._adapter.restart_scan()
            elif step is RecoveryStep.DISCONNECT_STALE:
                await self._adapter.disconnect_stale(services, keep)
            elif not self._scheduler.n_streaming:  # still, after the wait
                await self._adapter.power_cycle()


async def has_bond(adapter: Adapter, address: str) -> bool:
    """Return whether there is a bond with `address`; False where bonds are not listed.

    BlueZ makes one by itself, once there is an agent and the headband wants it.
    """
    try:
        return address in await adapter.bonds()
    except LinkError:
        return False
