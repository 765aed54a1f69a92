"""What the gateway asks of Bluetooth, and what it gets."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Literal, NamedTuple, Protocol

from gateway.acquisition.montage import HeadbandInfo
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.recovery_policy import RecoveryStep
from gateway.drivers import Driver

Bonding = Literal["never", "if_needed"]
AskPasskey = Callable[[str], Awaitable[int | None]]
"""Asks a person for the six digits that the headband of an address shows."""


class Advertisement(NamedTuple):
    """A headband in reach, as it advertises itself.

    `rssi_dbm` is None where it is not known, as of what is `connected` already.
    """

    address: str
    name: str | None = None
    rssi_dbm: int | None = None
    services: tuple[str, ...] = ()
    connected: bool = False


class RadioConnection(NamedTuple):
    """A headband that streams, and where its notifications arrive.

    `bonded` tells whether a bond was made for this connection.
    """

    driver: Driver
    info: HeadbandInfo
    notifications: NotificationQueue
    bonded: bool = False


def unheard(_event: LinkEvent) -> None:
    """Take no notice of how far a connection has come."""


class Radio(Protocol):
    """One adapter, for any number of headbands; failures are `LinkError`."""

    @property
    def scans(self) -> int:
        """Scans begun so far."""
        ...

    async def find(self, driver: Driver, address: str | None = None) -> Advertisement:
        """Look for a headband until it is there or patience ends.

        Parameters
        ----------
        driver : Driver
        address : str or None
            Of the one to look for; None for any of the driver's kind that nobody
            else has.
        """
        ...

    def connect(
        self,
        seen: Advertisement,
        *candidates: Driver,
        became: Callable[[LinkEvent], None] = unheard,
    ) -> AbstractAsyncContextManager[RadioConnection]:
        """Connect, subscribe, shake hands; stop and disconnect on leaving.

        Parameters
        ----------
        seen : Advertisement
            As `find` returned it.
        *candidates : Driver
            What it may be; its characteristics decide.
        became : callable
            Hears how far it has come: CONNECTED, BOND_WANTED, BONDED, SUBSCRIBED.
        """
        ...

    async def mend(self, step: RecoveryStep) -> None:
        """Do what `step` says, if the adapter's other headbands can bear it.

        Raises
        ------
        StuckAdapterError
            For the last rung.
        """
        ...
