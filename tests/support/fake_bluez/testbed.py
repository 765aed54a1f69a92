"""A machine with a fake bluetoothd, the gateway's own radio, and headbands."""

import asyncio
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import numpy as np

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import LinkDown, LinkUp, SamplePacket
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bluez.adapter import BluezAdapter
from gateway.ble.reconnect import stream
from sim.devices.diy import DiyDevice
from sim.radio.peripheral import headband
from sim.radio.virtual_link import VirtualLink
from tests.support.fake_bluez.bluetoothd import Bluetoothd

DIY = drivers.load("diy")
LSB_UV = float(np.float32(1e-7)) * 1e6
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),)),))
PATIENCE_S = 60


@asynccontextmanager
async def running_testbed():
    """Start bluetoothd on the system bus there is."""
    async with AsyncExitStack() as stack:
        air = VirtualLink()
        bluetoothd = Bluetoothd(air.plug())
        await bluetoothd.start()
        stack.push_async_callback(bluetoothd.close)
        yield Testbed(air, bluetoothd, stack)
    assert not bluetoothd.bugs


class Testbed:
    """A machine with bluetoothd and a gateway, and an air with headbands."""

    def __init__(self, air, bluetoothd, stack):
        self.air = air
        self.bluetoothd = bluetoothd
        self._stack = stack

    async def headband(self, *, seconds=6000, speed=10, boot_id=7, **options):
        """Put a headband on the air, until the end of the test."""
        counts = np.random.default_rng(1).integers(-999, 999, (1, seconds * 100))
        device = DiyDevice(MONTAGE, [counts], boot_id=boot_id)
        on_air = headband(device, self.air.plug(), speed=speed, **options)
        return await self._stack.enter_async_context(on_air)

    @asynccontextmanager
    async def radio(self):
        """Use the radio that the gateway has on Linux."""
        radio = BleakRadio(adapter=BluezAdapter())
        try:
            yield radio
        finally:
            await radio.close()

    @asynccontextmanager
    async def listening(self, radio, **options):
        """Stream as in production, into what is yielded."""
        options = {"report": lambda _: None, "jitter": lambda: 0.0} | options
        heard = Heard()
        async with aclosing(stream(radio, DIY, **options)) as inputs:
            task = asyncio.create_task(heard.read(inputs))
            try:
                yield heard
            finally:
                task.cancel()
                await asyncio.wait({task})
        if not task.cancelled():
            task.result()


class Heard:
    """What a gateway has received so far."""

    def __init__(self):
        self.downs = []
        self.n_ups = 0
        self.n_samples = 0
        self.lost = 0
        self._next = None
        self._decoder = None
        self._news = asyncio.Event()

    async def read(self, inputs):
        async for item in inputs:
            match item:
                case LinkUp(info=info):
                    self.n_ups += 1
                    self._decoder = DIY.decoder(info)
                    self._next = None
                case LinkDown():
                    self.downs.append(item.reason)
                case _:
                    self._decode(item)
            self._news.set()

    async def until(self, reached):
        """Wait for `reached`, which looks at this."""
        async with asyncio.timeout(PATIENCE_S):
            while not reached(self):
                self._news.clear()
                await self._news.wait()

    async def samples(self, n):
        """Wait for so many more samples."""
        goal = self.n_samples + n
        await self.until(lambda heard: heard.n_samples >= goal)

    def _decode(self, notification):
        for item in self._decoder.feed(notification):
            if isinstance(item, SamplePacket) and item.stream == 0:
                n = item.counts.shape[1]
                self.n_samples += n
                if self._next is not None:
                    self.lost += item.index - self._next
                self._next = item.index + n
