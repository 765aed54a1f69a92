"""Radio: protocol of a Bluetooth backend, and the values it returns."""

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
    """Advertisement of a headband in reach.

    `rssi_dbm` is None where it is not known, as of what is `connected` already.
    """

    address: str
    name: str | None = None
    rssi_dbm: int | None = None
    services: tuple[str, ...] = ()
    connected: bool = False


class RadioConnection(NamedTuple):
    """Connection to a headband that streams, and the queue of its notifications.

    `bonded` says whether a bond was made for this connection.
    """

    driver: Driver
    info: HeadbandInfo
    notifications: NotificationQueue
    bonded: bool = False


def ignore_event(_event: LinkEvent) -> None:
    """Do nothing; for callers that do not follow how a connection is made."""


class Radio(Protocol):
    """One adapter, for any number of headbands; failures are `LinkError`."""

    @property
    def scans(self) -> int:
        """Scans begun so far."""
        ...

    async def find(self, driver: Driver, address: str | None = None) -> Advertisement:
        """Look for a headband until it is found or time is up.

        Parameters
        ----------
        driver : Driver
        address : str or None
            Of the one to look for; None for any of the driver's kind that is
            not connected already.
        """
        ...

    def connect(
        self,
        advertisement: Advertisement,
        *candidates: Driver,
        on_event: Callable[[LinkEvent], None] = ignore_event,
    ) -> AbstractAsyncContextManager[RadioConnection]:
        """Connect, subscribe, shake hands; stop and disconnect on leaving.

        Parameters
        ----------
        advertisement : Advertisement
            As `find` returned it.
        *candidates : Driver
            What it may be; its characteristics decide.
        on_event : callable
            Called with CONNECTED, BOND_WANTED, BONDED and SUBSCRIBED as they come.
        """
        ...

    async def recover(self, step: RecoveryStep) -> None:
        """Take a recovery step, unless it would cut off another headband.

        Raises
        ------
        StuckAdapterError
            For `RecoveryStep.EXIT`.
        """
        ...
