"""A device on the air: who connects is answered, what is due is sent."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bumble import hci
from bumble.att import ATT_Error
from bumble.device import Connection
from bumble.device import Device as Host

from gateway.ble.bumble.host import POWER_ON_S
from gateway.errors import AdapterError
from sim.device import Attribute, Reaction, SimulatedDevice
from sim.radio.bonding import Bonding
from sim.radio.gatt_table import GattTable, notification
from sim.radio.pace import NAP_S, PlaybackPace

log = logging.getLogger(__name__)

REBOOT_S = 2.0  # without power
NOTIFIED = 1  # of the bits of a subscription
QUEUED = 128  # link packets on their way at most, before sending waits


class SimulatedHeadband:
    """A simulated headband on the air; made by `headband`.

    Attributes
    ----------
    ended : asyncio.Event
        Set when the recording is over and everything was sent.
    frames_sent : int
        Notifications so far.
    bonding : Bonding
    """

    def __init__(
        self,
        device: SimulatedDevice,
        host: Host,
        bonding: Bonding,
        pace: PlaybackPace,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.bonding = bonding
        self.ended = asyncio.Event()
        self.frames_sent = 0
        self._device = device
        self._host = host
        self._pace = pace
        self._streaming: asyncio.Task[None] | None = None
        self._tasks = tasks
        self._running: set[asyncio.Task[None]] = set()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._room = asyncio.Event()
        self._is_on = False
        self._table = GattTable(
            device.service,
            device.attributes,
            read=self._on_read,
            write=self._on_write,
        )
        bonding.protect(self._table.chars.values())
        host.add_services(self._table.services)
        host.on("connection", self._on_connection)

    def after_s(self, seconds: float) -> float:
        """Return the device time in so many `seconds` of this machine."""
        return self._pace.after_s(seconds)

    async def disconnect(self) -> None:
        """Drop every connection; the headband is found again at once."""
        for connection in list(self._host.connections.values()):
            await connection.disconnect()

    def freeze(self) -> None:
        """Stay connected and send nothing, until `thaw`."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Send again, from where the night is now."""
        self._thawed.set()

    async def away(self, seconds: float) -> None:
        """Fall silent for `seconds`, as out of range; the night goes on meanwhile.

        Whoever was connected sees a supervision timeout.
        """
        await self._fall_silent()
        await asyncio.sleep(seconds)
        await self.power_on()

    async def reboot(self, device: SimulatedDevice) -> None:
        """Lose power for `REBOOT_S`, and be `device` from then on, from its start."""
        await self._fall_silent()
        await asyncio.sleep(REBOOT_S)
        self._device = device
        self._thawed.set()
        self._pace = self._pace.anew(device.skip_s, device.drift_ppm)
        self._begin()
        await self.power_on()

    async def forget(self) -> None:
        """Lose every bond, and hang up."""
        await self.bonding.forget()
        await self.disconnect()

    def stop(self) -> None:
        """Do no more, whatever it was."""
        for task in self._running:
            task.cancel()

    async def power_on(self) -> None:
        """Switch the radio on, and be found.

        Raises
        ------
        AdapterError
            If no controller answers.
        """
        try:
            async with asyncio.timeout(POWER_ON_S):
                await self._host.power_on()
        except TimeoutError:
            raise AdapterError("no Bluetooth controller answers") from None
        self._is_on = True
        await self._advertise()

    async def _fall_silent(self) -> None:
        """Take the radio off the air without a goodbye, and let the host know."""
        self._is_on = False
        await self._host.stop_advertising()
        await self._host.send_sync_command(hci.HCI_Reset_Command())
        for handle in list(self._host.connections):
            gone = hci.HCI_Disconnection_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=handle,
                reason=hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR,
            )
            self._host.host.on_packet(bytes(gone))

    async def _advertise(self) -> None:
        if self._is_on:
            await self._host.start_advertising()

    def _on_connection(self, connection: Connection) -> None:
        log.debug("connected: %s", connection.peer_address)
        self._device.connected()
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, reason: int) -> None:
        log.debug("disconnected: %s", hci.HCI_Constant.error_name(reason))
        self._stop()
        if reason:  # 0: the transport itself is gone
            self._spawn(self._advertise())

    async def _on_read(self, connection: Connection, char: str) -> bytes:
        await self.bonding.admit(connection)
        return self._device.read(char, self._pace.now_s)

    async def _on_write(
        self, connection: Connection, to: Attribute, value: bytes
    ) -> None:
        await self.bonding.admit(connection)
        now_s = self._pace.now_s
        reaction = self._device.write(to.uuid, value, connection.att_mtu, now_s)
        if reaction.status and "write" in to.properties:
            raise ATT_Error(reaction.status)
        if reaction.streaming is not None:
            self._stop()
        if reaction.streaming:
            self._streaming = self._spawn(self._stream(connection, self._begin()))
        if reaction.replies or reaction.disconnect:
            self._spawn(self._react(connection, reaction))

    async def _react(self, connection: Connection, reaction: Reaction) -> None:
        for char, payload in reaction.replies:
            try:
                await self._send(connection, char, payload)
            except TimeoutError:
                log.debug("nobody confirmed the reply %s", payload.hex())
        if reaction.disconnect:
            await connection.disconnect()

    async def _send(self, connection: Connection, uuid: str, payload: bytes) -> None:
        char = self._table.chars[uuid]
        if char.properties & char.Properties.INDICATE:
            await self._host.indicate_subscriber(connection, char, payload)
            return
        server = self._host.gatt_server  # whose own way is to spell out each for a log
        subscription = server.subscribers.get(connection, {}).get(char.handle, b"\0")
        if subscription[0] & NOTIFIED:
            mtu = connection.att_mtu
            server.send_gatt_pdu(connection, notification(char, payload, mtu))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _begin(self) -> float:
        """Return the device time now; the first time it streams sets it going."""
        since_s = self._pace.begin()
        if not self._pace.unlimited:
            left_s = self._pace.wait_s(self._device.duration_s)
            asyncio.get_running_loop().call_later(left_s + NAP_S, self._end_unheard)
        return since_s

    def _end_unheard(self) -> None:
        if self._streaming is None and self._pace.now_s >= self._device.duration_s:
            self.ended.set()

    def _stop(self) -> None:
        if self._streaming is not None:
            self._streaming.cancel()
            self._streaming = None

    async def _stream(self, connection: Connection, since_s: float) -> None:
        queue = self._host.host.get_data_packet_queue(connection.handle)
        queue.on("flow", self._room.set)
        try:
            while not await self._play(connection, since_s):
                await self._thawed.wait()
                since_s = self._pace.now_s
            await queue.drain(connection.handle)
            await self._pace.until(self._device.duration_s)  # it may have stopped
            self.ended.set()
        finally:
            queue.remove_listener("flow", self._room.set)

    async def _play(self, connection: Connection, since_s: float) -> bool:
        """Send until there is no more, or until frozen; say whether all was sent."""
        queue = self._host.host.get_data_packet_queue(connection.handle)
        for frame in self._device.frames(since_s, connection.att_mtu):
            await self._pace.until(frame.due_s)
            while queue.pending > QUEUED:
                self._room.clear()
                await self._room.wait()
            if not self._thawed.is_set():
                return False
            await self._send(connection, frame.char, frame.payload)
            self.frames_sent += 1
        return True
