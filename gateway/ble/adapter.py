"""What can be done for an adapter besides scanning and connecting; per backend."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from gateway.ble.radio import AskPasskey
from gateway.errors import LinkError


class Adapter(Protocol):
    """Mends one adapter and keeps its bonds; failures are `AdapterError`.

    Every method gives up by itself: a hung Bluetooth daemon hangs nobody else.
    """

    async def watch(self, lost: Callable[[str], None], /) -> None:
        """Begin to watch over the adapter's connections; called before each use.

        `lost` is to be called with a reason, at once, whenever all of them are dead
        without having said so: bluetoothd went away.
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
    """For an operating system that mends its adapter and keeps its bonds alone."""

    async def watch(self, _lost: Callable[[str], None]) -> None:
        """Nothing is lost in silence here."""

    async def restart_scan(self) -> None:
        """Nothing can be done."""

    async def disconnect_stale(
        self, _services: Collection[str], _keep: Collection[str]
    ) -> None:
        """Nothing can be done."""

    async def power_cycle(self) -> None:
        """Nothing can be done."""

    async def bonds(self) -> list[str]:
        """Refuse: they are not told."""
        raise LinkError(_IN_THE_SETTINGS)

    async def forget(self, address: str) -> None:
        """Refuse: it cannot be done from here."""
        raise LinkError(f"{address}: {_IN_THE_SETTINGS}")

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
        """Nothing is held."""


_IN_THE_SETTINGS = "bonds are kept in this operating system's Bluetooth settings"


async def has_bond(care: Adapter, address: str) -> bool:
    """Tell whether there is a bond with `address`; False where bonds are not told.

    BlueZ makes one by itself, once there is an agent and the headband wants it.
    """
    try:
        return address in await care.bonds()
    except LinkError:
        return False
