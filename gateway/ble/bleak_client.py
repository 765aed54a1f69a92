"""Headband client on bleak: connect, subscribe, shake hands, leave."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice

from gateway import drivers
from gateway.acquisition.montage import HeadbandInfo, rate_problem
from gateway.acquisition.packets import Notification
from gateway.ble.bleak_errors import FOREIGN, translated
from gateway.ble.bleak_scanner import ANSWER_S, is_unbonded
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.drivers import Driver, KeepAlive, Listen, Read, Write
from gateway.errors import (
    BondingError,
    DecodeError,
    LinkError,
    LostBondError,
    OtherKindError,
)

log = logging.getLogger(__name__)

CONNECT_S = 30.0
PAIRING_S = 60.0  # a person reads six digits and types them
LEAVE_S = 5.0
NOTIFYING = {"notify", "indicate"}


class HeadbandClient:
    """Client of one headband, to be connected or connected.

    Parameters
    ----------
    device : BLEDevice
    backend : type or None
        None for that of the platform.
    may_bond : bool
        Whether to make a bond where the headband wants one. A person may have to
        act, so all of it may take longer.

    Attributes
    ----------
    notifications : NotificationQueue
        Filled while it is connected.
    """

    def __init__(
        self,
        device: BLEDevice,
        backend: type[BaseBleakClient] | None,
        *,
        may_bond: bool = False,
    ) -> None:
        self.notifications = NotificationQueue()
        self._device = device
        self._client = BleakClient(
            device,
            lambda _: self.notifications.close("disconnected"),
            timeout=CONNECT_S,
            backend=backend,
        )
        self._may_bond = may_bond
        self._answer_s = PAIRING_S if may_bond else ANSWER_S
        self._notifying: list[str] = []
        self._stop: tuple[Write, ...] = ()
        self._keep_alive: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Connect and discover the headband's services.

        Raises
        ------
        LostBondError
            If it has forgotten its bond.
        LinkError
            If it cannot be reached.
        """
        try:
            with translated("connect"):
                async with asyncio.timeout(CONNECT_S + ANSWER_S):
                    await self._client.connect()
        except LostBondError as error:
            if is_unbonded(self._device):  # BlueZ reports any early end like this
                raise LinkError(
                    "connect: the headband ended the connection at once; switch it off "
                    "and on if that goes on"
                ) from error
            raise

    def recognise(self, candidates: Sequence[Driver]) -> Driver:
        """Return the candidate that the headband's characteristics fit.

        Raises
        ------
        OtherKindError
            If none does; says what it is instead.
        """
        there = {char.uuid for char in self._client.services.characteristics.values()}
        for driver in candidates:
            if driver.recognises(there):
                return driver
        is_one = " or ".join(d.name for d in drivers.load_all() if d.recognises(there))
        raise OtherKindError(
            f"{self._client.address} is no {' or '.join(d.name for d in candidates)} "
            f"headband but {is_one or 'none of a known kind'}"
        )

    async def begin(
        self, driver: Driver, on_event: Callable[[LinkEvent], None]
    ) -> tuple[HeadbandInfo, bool]:
        """Subscribe and shake hands, and keep the headband awake from then on.

        Returns
        -------
        info : HeadbandInfo
        bonded : bool
            Whether a bond was made for it.

        Raises
        ------
        BondingError
            If it wants to be paired, and that may not be done or fails.
        LinkError
            If it refuses, or answers something unexpected.
        """
        self._stop = driver.stop
        bonded = False
        try:
            info = await self._subscribe_and_shake_hands(driver)
        except BondingError:
            if not self._may_bond:
                raise
            on_event(LinkEvent.BOND_WANTED)
            await self.pair()
            on_event(LinkEvent.BONDED)
            bonded = True
            info = await self._subscribe_and_shake_hands(driver)
        if driver.keep_alive is not None:
            self._keep_alive = asyncio.create_task(
                self._keep_awake(driver.keep_alive), name=f"keep-alive-{driver.name}"
            )
        return info, bonded

    async def pair(self) -> None:
        """Make a bond; raises `BondingError` if that is refused."""
        with translated("pairing", BondingError):
            async with asyncio.timeout(PAIRING_S):
                await self._client.pair()

    async def leave(self) -> None:
        """Stop the stream and disconnect, as far as that is still possible."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        for step in (self._write_stop, self._client.disconnect):
            try:
                async with asyncio.timeout(LEAVE_S):
                    await step()
            except FOREIGN as error:  # out of range or off: nothing is left to stop
                log.debug("leaving: %s", str(error) or type(error).__name__)

    async def _write_stop(self) -> None:
        if self._client.is_connected:
            for write in self._stop:
                await self._answer(write)

    async def _subscribe_and_shake_hands(self, driver: Driver) -> HeadbandInfo:
        with translated("handshake"):
            await self._subscribe(driver)
            return await self._shake_hands(driver)

    async def _subscribe(self, driver: Driver) -> None:
        now_s = asyncio.get_running_loop().time  # monotonic seconds, virtual in tests

        def received(char: BleakGATTCharacteristic, payload: bytearray) -> None:
            self.notifications.put(Notification(char.uuid, bytes(payload), now_s()))

        there = self._client.services.characteristics.values()
        also = [
            char.uuid
            for char in there
            if char.uuid in driver.also_notify and NOTIFYING & set(char.properties)
        ]
        for char in (*driver.notify, *also):
            if char not in self._notifying:
                async with asyncio.timeout(self._answer_s):
                    await self._client.start_notify(char, received)
                self._notifying.append(char)

    async def _shake_hands(self, driver: Driver) -> HeadbandInfo:
        handshake = driver.handshake()
        try:
            request = next(handshake)
            while True:
                if isinstance(request, Listen):
                    answer = await self.notifications.listen(
                        request.char, request.timeout_s
                    )
                else:
                    answer = await self._answer(request)
                request = handshake.send(answer)
        except StopIteration as done:
            info: HeadbandInfo = done.value
            if (problem := rate_problem(info.montage)) is not None:
                raise LinkError(
                    f"what the headband says of itself: {problem}"
                ) from None
            return info
        except DecodeError as error:
            raise LinkError(f"this is no {driver.name} headband: {error}") from error

    async def _answer(self, request: Read | Write) -> bytes:
        async with asyncio.timeout(self._answer_s):
            if isinstance(request, Read):
                return bytes(await self._client.read_gatt_char(request.char))
            char, payload, response, _ = request
            await self._client.write_gatt_char(char, payload, response=response)
        await asyncio.sleep(request.pause_s)
        return b""

    async def _keep_awake(self, keep_alive: KeepAlive) -> None:
        try:
            while True:
                await asyncio.sleep(keep_alive.every_s)
                await self._answer(keep_alive.write)
        except FOREIGN as error:
            why = str(error) or type(error).__name__
            self.notifications.close(f"keep-alive failed: {why}")
