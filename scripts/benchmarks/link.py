"""What the link carries and costs, per headband: notifications a second, us each."""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from itertools import islice

from rows import Row

from gateway import drivers
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Notification
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.link_state import LinkEvent
from gateway.ble.notification_queue import NotificationQueue
from gateway.ble.radio import Advertisement, RadioConnection, ignore_event
from gateway.ble.reconnect import stream
from gateway.ble.recovery_policy import RecoveryStep
from gateway.drivers import Driver, Listen, Read
from gateway.recordings.recording import Recording
from sim import devices
from sim.device import DeviceSettings, SimulatedDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink

MTU = 247
ENOUGH = 8000  # notifications
TOO_FAST = 20_000.0  # a second: more than anything here passes on


def names() -> list[str]:
    """List the headbands that have a driver and can be simulated."""
    return sorted(set(drivers.names()) & set(devices.names()))


async def throughput(recording: Recording) -> list[Row]:
    """Have each headband send faster than it is taken, over the virtual air."""
    floor = await _queue_rate(200_000)
    rows = []
    for name in names():
        driver = drivers.load(name)
        pace = _pace(
            driver, devices.load(name)(recording.between(0, 60), DeviceSettings())
        )
        device = devices.load(name)(recording, DeviceSettings())
        air = VirtualLink()
        radio = BleakRadio(backend=backend(air.plug))
        async with (
            headband(device, air.plug(), speed=TOO_FAST / pace, mtu=MTU) as band,
            radio.connect(await radio.find(driver), driver) as connection,
        ):
            start, n = time.perf_counter(), 0
            while n < ENOUGH and not band.ended.is_set():
                await connection.notifications.get(5)
                n += 1
            rate = n / (time.perf_counter() - start)
        await radio.close()
        what = f"{name}: notifications through air, host, bleak and link"
        rows.append(Row(what, rate, "1/s", floor, "asyncio.Queue"))
        what = f"{name}: the same, beside its own pace"
        rows.append(Row(what, rate, "1/s", pace, "its own pace"))
    return rows


def _pace(driver: Driver, device: SimulatedDevice) -> float:
    """Return how many notifications a second the headband sends of its own accord."""
    shake_hands(driver, device)
    return sum(1 for _ in device.frames(0.0, MTU)) / device.duration_s


async def per_notification(recording: Recording) -> list[Row]:
    """Time one notification from the radio's callback to the decoder's packets."""
    floor_us = 1e6 / await _queue_rate(200_000)
    rows = []
    for name in names():
        driver = drivers.load(name)
        device = devices.load(name)(recording, DeviceSettings())
        info = shake_hands(driver, device)
        sent = [
            Notification(frame.char, frame.payload, frame.due_s)
            for frame in device.frames(0.0, MTU)
        ]
        radio = Replay(driver, info, sent)
        start = time.perf_counter()
        link = stream(radio, driver, report=lambda _: None)
        async with aclosing(link):
            n = 0
            while n < len(sent):
                value = await anext(link)
                n += isinstance(value, Notification)
        link_us = (time.perf_counter() - start) / len(sent) * 1e6
        decode_us = _decode_us(driver, info, sent)
        what = f"{name}: inbox and stream, per notification"
        rows.append(Row(what, link_us, "us", floor_us, "asyncio.Queue put, get"))
        what = f"{name}: decode, per notification"
        rows.append(Row(what, decode_us, "us", floor_us, "asyncio.Queue put, get"))
    return rows


def _decode_us(driver: Driver, info: HeadbandInfo, sent: list[Notification]) -> float:
    decoder = driver.decoder(info)
    start = time.perf_counter()
    for notification in sent:
        for _ in decoder.feed(notification):
            pass
    return (time.perf_counter() - start) / len(sent) * 1e6


def shake_hands(driver: Driver, device: SimulatedDevice) -> HeadbandInfo:
    """Drive the driver's handshake against a device, without a radio."""
    handshake, said = driver.handshake(), defaultdict[str, deque[bytes]](deque)
    device.connected()
    request = next(handshake)
    try:
        while True:
            answer = b""
            if isinstance(request, Read):
                answer = device.read(request.char, 0.0)
            elif isinstance(request, Listen):
                answer = said[request.char].popleft() if said[request.char] else b""
            else:
                reaction = device.write(request.char, request.payload, MTU, 0.0)
                for char, payload in reaction.replies:
                    said[char].append(payload)
                if reaction.streaming:
                    for _, char, payload in islice(device.frames(0.0, MTU), 100):
                        said[char].append(payload)
            request = handshake.send(answer)
    except StopIteration as done:
        info: HeadbandInfo = done.value
        return info


class Replay:
    """A radio whose headband sends all it has, a thousand at a time."""

    scans = 0

    def __init__(
        self, driver: Driver, info: HeadbandInfo, sent: list[Notification]
    ) -> None:
        self._driver = driver
        self._info = info
        self._sent = sent

    async def find(self, driver: Driver, address: str | None = None) -> Advertisement:
        """Find it at once."""
        return Advertisement(address or driver.name)

    @asynccontextmanager
    async def connect(
        self,
        seen: Advertisement,
        *candidates: Driver,
        on_event: Callable[[LinkEvent], None] = ignore_event,
    ) -> AsyncIterator[RadioConnection]:
        """Connect, and send."""
        del seen, candidates
        on_event(LinkEvent.CONNECTED)
        on_event(LinkEvent.SUBSCRIBED)
        notifications = NotificationQueue()
        sending = asyncio.create_task(self._send(notifications))
        yield RadioConnection(self._driver, self._info, notifications)
        await sending

    async def recover(self, step: RecoveryStep) -> None:
        """Nothing breaks here."""

    async def _send(self, notifications: NotificationQueue) -> None:
        for at in range(0, len(self._sent), 1000):
            for notification in self._sent[at : at + 1000]:
                notifications.put(notification)
            await asyncio.sleep(0)


async def _queue_rate(n: int) -> float:
    """Return how many items a second an asyncio.Queue passes on."""
    queue: asyncio.Queue[int] = asyncio.Queue()

    async def put() -> None:
        for at in range(n):
            queue.put_nowait(at)
            if at % 1000 == 0:
                await asyncio.sleep(0)

    start = time.perf_counter()
    putting = asyncio.create_task(put())
    for _ in range(n):
        await queue.get()
    await putting
    return n / (time.perf_counter() - start)


def rows(recording: Recording) -> Iterator[Row]:
    """Run both."""
    yield from asyncio.run(per_notification(recording))
    yield from asyncio.run(throughput(recording))
