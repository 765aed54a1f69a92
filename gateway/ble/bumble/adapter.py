"""Adapter of a bumble host: recovery, bonds, and pairing."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any

from bumble.pairing import PairingConfig, PairingDelegate

from gateway.ble.bumble.host import BumbleHost
from gateway.ble.radio import AskPasskey


class BumbleAdapter:
    """`gateway.ble.adapter.Adapter` of one `BumbleHost`."""

    def __init__(self, host: BumbleHost) -> None:
        self._host = host

    async def watch(self, _lost: Callable[[str], None]) -> None:
        """Do nothing: the host is in this process and reports every disconnection."""

    async def restart_scan(self) -> None:
        """End the scan, if one runs."""
        device = await self._host.device()
        if device.scanning:
            await device.stop_scanning()

    async def disconnect_stale(
        self, _services: Collection[str], keep: Collection[str]
    ) -> None:
        """Disconnect all but `keep`: no other program uses this host."""
        device = await self._host.device()
        for connection in list(device.connections.values()):
            if plain(connection.peer_address) not in keep:
                await connection.disconnect()

    async def power_cycle(self) -> None:
        """Close the transport; the next use opens it anew."""
        await self._host.close()

    async def bonds(self) -> list[str]:
        """List the addresses that this host has a bond with."""
        bonds = await self._host.keys.get_all()
        return [address.partition("/")[0] for address, _ in bonds]

    async def forget(self, address: str) -> None:
        """Remove the bond with `address`, if there is one."""
        for name, _ in await self._host.keys.get_all():
            if name.partition("/")[0] == address:
                await self._host.keys.delete(name)

    @asynccontextmanager
    async def refusing(self, _address: str) -> AsyncIterator[None]:
        """Do nothing: this host never pairs by itself."""
        yield

    @asynccontextmanager
    async def pairing(
        self, address: str, ask_passkey: AskPasskey | None
    ) -> AsyncIterator[None]:
        """Let `address` pair while entered."""
        mode = pairing_mode(address, ask_passkey)
        self._host.pairing_mode = lambda connection: (
            mode if plain(connection.peer_address) == address else None
        )
        try:
            yield
        finally:
            self._host.pairing_mode = lambda _: None

    async def close(self) -> None:
        """Power off and close the transport; a later use opens it again."""
        await self._host.close()


def plain(address: Any) -> str:  # noqa: ANN401 - bumble is untyped here
    """Write a bumble address as bleak does."""
    return str(address.to_string(with_type_qualifier=False))


def pairing_mode(address: str, ask_passkey: AskPasskey | None) -> PairingConfig:
    """Pair by a passkey if there is somebody to ask, and without one otherwise."""
    keyboard = PairingDelegate.KEYBOARD_INPUT_ONLY
    return PairingConfig(
        mitm=ask_passkey is not None,
        delegate=PairingDelegate()
        if ask_passkey is None
        else _Asking(keyboard, lambda: ask_passkey(address)),
        identity_address_type=PairingConfig.AddressType.RANDOM,
    )


class _Asking(PairingDelegate):  # type: ignore[misc] # bumble is untyped here
    """Delegate that asks for the passkey that the headband shows."""

    def __init__(self, capability: Any, ask: Any) -> None:  # noqa: ANN401 - bumble's
        super().__init__(capability)
        self._ask = ask

    async def get_number(self) -> int | None:
        number: int | None = await self._ask()
        return number
