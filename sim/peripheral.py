"""The headband's radio: a GATT server around the firmware, on any HCI transport."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from bumble import hci
from bumble.att import ATT_Error
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.transport.common import Transport

from gateway.drivers import diy
from gateway.errors import AdapterError
from gateway.link.bumble_adapter import POWER_ON_S, device_on
from sim.firmware import Firmware
from sim.gatt_table import GattTable, advertisement
from sim.pace import Pace
from sim.radio import open_radio

log = logging.getLogger(__name__)

NAME = "Sleepgate simulator"
ADDRESS = "F0:F1:F2:F3:F4:F5"  # random static: the two top bits are set
MAX_MTU = 517
ADVERTISING_MS = 40.0
QUEUED = 128  # link packets on their way at most, before sending waits


class Headband:
    """A simulated headband on the air; made by `headband`.

    Attributes
    ----------
    ended : asyncio.Event
        Set when the recording is over and everything was sent.
    frames_sent : int
        Notifications so far.
    """

    def __init__(
        self,
        firmware: Firmware,
        device: Device,
        speed: float,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self.ended = asyncio.Event()
        self.frames_sent = 0
        self._firmware = firmware
        self._device = device
        self._pace = Pace(speed, firmware.skip_s, firmware.drift_ppm)
        self._streaming: asyncio.Task[None] | None = None
        self._tasks = tasks
        self._running: set[asyncio.Task[None]] = set()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._room = asyncio.Event()
        self._table = GattTable(
            info=firmware.read_info,
            control=self._on_control,
            battery=lambda: firmware.battery(self._pace.now_s),
        )
        device.add_services(self._table.services)
        device.on("connection", self._on_connection)

    async def disconnect(self) -> None:
        """Drop every connection; the headband is found again at once."""
        for connection in list(self._device.connections.values()):
            await connection.disconnect()

    def freeze(self) -> None:
        """Stay connected and send nothing, until `thaw`."""
        self._thawed.clear()

    def thaw(self) -> None:
        """Send again, from where the night is now."""
        self._thawed.set()

    def stop(self) -> None:
        """Do no more, whatever it was."""
        for task in self._running:
            task.cancel()

    async def advertise(self) -> None:
        """Be found; the service is in the advertisement itself, not in a response."""
        await self._device.start_advertising()

    def _on_connection(self, connection: Connection) -> None:
        log.debug("connected: %s", connection.peer_address)
        connection.on("disconnection", self._on_disconnection)

    def _on_disconnection(self, reason: int) -> None:
        log.debug("disconnected: %s", hci.HCI_Constant.error_name(reason))
        self._stop()
        if reason:  # 0: the transport itself is gone
            self._spawn(self.advertise())

    async def _on_control(self, connection: Connection, request: bytes) -> None:
        reply = self._firmware.control(request, connection.att_mtu)
        if reply.status:
            raise ATT_Error(reply.status)
        if request[0] in (diy.START, diy.STOP):
            self._stop()
        if request[0] == diy.START:
            since_s = self._begin()
            stream = self._stream(connection, request, since_s)
            self._streaming = self._spawn(stream)
        self._spawn(self._reply(connection, reply.payload))

    async def _reply(self, to: Connection, payload: bytes) -> None:
        try:
            await self._device.indicate_subscriber(to, self._table.control, payload)
        except TimeoutError:
            log.debug("nobody confirmed the reply %s", payload.hex())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _begin(self) -> float:
        """Return the device time now; the first START sets it going."""
        since_s = self._pace.begin()
        if not self._pace.unlimited:
            left_s = self._pace.wait_s(self._firmware.duration_s)
            asyncio.get_running_loop().call_later(left_s, self._end_unheard)
        return since_s

    def _end_unheard(self) -> None:
        if self._streaming is None:
            self.ended.set()

    def _stop(self) -> None:
        if self._streaming is not None:
            self._streaming.cancel()
            self._streaming = None

    async def _stream(
        self, connection: Connection, request: bytes, since_s: float
    ) -> None:
        queue = self._device.host.get_data_packet_queue(connection.handle)
        queue.on("flow", self._room.set)
        try:
            while not await self._play(connection, request, since_s):
                await self._thawed.wait()
                since_s = self._pace.now_s
            await queue.drain(connection.handle)
            self.ended.set()
        finally:
            queue.remove_listener("flow", self._room.set)

    async def _play(
        self, connection: Connection, request: bytes, since_s: float
    ) -> bool:
        """Send until the end, or until frozen; say whether it was the end."""
        queue = self._device.host.get_data_packet_queue(connection.handle)
        for frame in self._firmware.frames(request, since_s, connection.att_mtu):
            await self._pace.until(frame.due_s)
            while queue.pending > QUEUED:
                self._room.clear()
                await self._room.wait()
            if not self._thawed.is_set():
                return False
            char = self._table.notifying[frame.char]
            await self._device.notify_subscriber(connection, char, frame.payload)
            self.frames_sent += 1
        return True


@asynccontextmanager
async def headband(  # noqa: PLR0913 - a headband has these knobs
    firmware: Firmware,
    transport: str | Transport,
    *,
    name: str = NAME,
    address: str = ADDRESS,
    speed: float = 1.0,
    mtu: int = MAX_MTU,
) -> AsyncIterator[Headband]:
    """Advertise `firmware` on `transport` while entered.

    Parameters
    ----------
    firmware : Firmware
    transport : str or Transport
        As for `open_radio`, whose errors are raised too, or one in this process.
    name : str
        As shown to people; the advertisement has room for its first 8 letters.
    address : str
        Random static address.
    speed : float
        Times real time; 0 or inf for as fast as the receiver takes it.
    mtu : int
        The largest that it agrees to, 23 to 517.

    Raises
    ------
    AdapterError
        If there is no controller at `transport`, or it is lost.
    """
    if isinstance(transport, str):
        transport = await open_radio(transport)
    device = _device(transport, name, address, mtu)
    try:
        async with transport, asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(_until_lost(transport))
            band = Headband(firmware, device, speed, tasks)
            await _power_on(device)
            await band.advertise()
            try:
                yield band
            finally:
                watching.cancel()
                band.stop()
                if not transport.source.terminated.done():
                    await device.power_off()
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def _device(transport: Transport, name: str, address: str, mtu: int) -> Device:
    config = DeviceConfiguration(
        name=name,
        address=hci.Address(address),
        advertising_data=advertisement(name),
        advertising_interval_min=ADVERTISING_MS,
        advertising_interval_max=ADVERTISING_MS,
    )
    device = device_on(transport, config)
    device.gatt_server.max_mtu = mtu
    return device


async def _power_on(device: Device) -> None:
    try:
        async with asyncio.timeout(POWER_ON_S):
            await device.power_on()
    except TimeoutError:
        raise AdapterError("no Bluetooth controller answers") from None


async def _until_lost(transport: Transport) -> None:
    await transport.source.terminated
    raise AdapterError("the HCI transport of the simulated headband is gone")
