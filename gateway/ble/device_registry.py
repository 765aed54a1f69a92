"""Who is connected to, who has a place of their own, and who is not what they seem."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.scan_scheduler import Heard
from gateway.drivers import Driver
from gateway.errors import LinkError


class DeviceRegistry:
    """The headbands of one adapter.

    "Any headband" of a kind is one that is not connected to, has no place of its own
    in the configuration, and did not turn out to be of another kind when it was
    connected to: kinds that advertise alike must not keep each other from being found.

    Parameters
    ----------
    reserved : collection of str
        Addresses that have their own place in the configuration.

    Attributes
    ----------
    inboxes : dict of str to NotificationQueue
        By the address of who is connected to, or about to be.
    """

    def __init__(self, reserved: Collection[str]) -> None:
        self.inboxes: dict[str, NotificationQueue] = {}
        self._reserved = {address.upper() for address in reserved}
        self._other_kinds: set[tuple[str, str]] = set()

    def wanted(self, driver: Driver, address: str | None) -> Heard:
        """Return what tells whether a headband is looked for.

        Parameters
        ----------
        driver : Driver
        address : str or None
            Of the one to look for; None for any headband.
        """
        if address is not None:
            return lambda seen: seen.address.upper() == address.upper()
        return lambda seen: (
            driver.may_be(seen.name, seen.services)
            and seen.address not in self.inboxes
            and seen.address.upper() not in self._reserved
            and (seen.address, driver.name) not in self._other_kinds
        )

    @contextmanager
    def held(self, address: str) -> Iterator[None]:
        """Keep everybody else from connecting to `address` while entered.

        Raises
        ------
        LinkError
            If somebody has it.
        """
        if address in self.inboxes:
            raise LinkError(f"{address} is connected to as another headband already")
        self.inboxes[address] = NotificationQueue()
        try:
            yield
        finally:
            del self.inboxes[address]

    def is_none_of(self, address: str, candidates: Collection[Driver]) -> None:
        """Note that `address` is of none of these kinds."""
        self._other_kinds |= {(address, driver.name) for driver in candidates}

    def lost(self, reason: str) -> None:
        """End every connection at once, for `reason`."""
        for notifications in self.inboxes.values():
            notifications.close(reason)
