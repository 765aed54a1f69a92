"""A bleak backend without Bluetooth, in virtual time, where all goes wrong on cue.

`Night` plays a device of `sim.devices` behind classes that bleak takes for a backend,
so that everything of the gateway above bleak is what runs at night. It knows to the
sample what it has handed over.
"""

import asyncio
import struct
from contextlib import suppress

import numpy as np
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError

from gateway.ble.adapter import UnmanagedAdapter
from gateway.ble.bleak_scanner import BleakBackend
from gateway.drivers import diy
from gateway.errors import AdapterError
from sim import devices
from sim.device import DeviceSettings

ADDRESS = "F0:F1:F2:F3:F4:F5"
MTU = 517
ADVERTISING_S = 0.2
CONNECTING_S = 0.6
SUPERVISION_S = 0.42
REBOOT_S = 40
FRAME = struct.Struct("<BBBBI")  # of DATA, its first eight bytes


class Night:
    """A headband, the air and an adapter.

    Attributes
    ----------
    scans : list of float
        When each scan began.
    delivered : list of ndarray of bool
        Per stream, whether a sample was handed over.
    began : float or None
        When the headband began to record: with the first START.
    started, streams : asyncio.Event
        That it has begun, and that somebody hears it now.
    power_cycles : int
    """

    def __init__(self, recording):
        self.scans = []
        self.power_cycles = 0
        self.delivered = [np.zeros(c.shape[1], bool) for c in recording.counts]
        self.began = None
        self.started = asyncio.Event()
        self.streams = asyncio.Event()
        self._recording = recording
        self.device = devices.load("diy")(recording, DeviceSettings(boot_id=1))
        self._boots = 1
        self.booted_s = 0  # in the night's seconds
        self.there = asyncio.Event()
        self.there.set()
        self.works = asyncio.Event()
        self.works.set()
        self.clients = set()

    def backend(self):
        """Return what `BleakRadio` takes."""
        scanner = type("Scanner", (Scanner,), {"night": self})
        client = type("Client", (Client,), {"night": self})
        return BleakBackend(scanner, client, Care(self))

    def now_s(self):
        """Return the seconds since the headband was switched on, as of START."""
        return asyncio.get_running_loop().time() - self.began

    async def drop(self, seconds):
        """Hang up, and be away for so long."""
        await self._away(seconds, lambda client: client.hang_up())

    async def leave(self, seconds):
        """Go out of range for so long; the link is lost by its timeout."""
        later = asyncio.get_running_loop().call_later
        await self._away(seconds, lambda client: later(SUPERVISION_S, client.hang_up))

    async def freeze(self, seconds):
        """Say nothing more, with the connection standing, and be away for so long."""
        await self._away(seconds, lambda client: None)

    def hang(self):
        """Let the adapter hang until it is switched off and on."""
        self.works.clear()
        self._mute(lambda client: None)

    async def reboot(self):
        """Crash, be away, and count from 0 again."""
        at_s = round(self.now_s()) + REBOOT_S
        self._boots += 1
        self.there.clear()
        self._mute(lambda client: client.hang_up())
        end_s = int(self._recording.duration_s)
        left = self._recording.between(at_s, end_s)
        self.device = devices.load("diy")(left, DeviceSettings(boot_id=self._boots))
        self.booted_s = at_s
        await asyncio.sleep(at_s - self.now_s())
        self.there.set()

    async def _away(self, seconds, then):
        self.there.clear()
        self._mute(then)
        await asyncio.sleep(seconds)
        self.there.set()

    def _mute(self, then):
        for client in list(self.clients):
            client.mute()
            then(client)


class Care(UnmanagedAdapter):
    """Only a power cycle helps against an adapter that hangs."""

    def __init__(self, night):
        self._night = night

    async def restart_scan(self):
        self._refuse_if_hung()

    async def disconnect_stale(self, services, keep):
        self._refuse_if_hung()

    async def power_cycle(self):
        self._night.power_cycles += 1
        self._night.works.set()

    def _refuse_if_hung(self):
        if not self._night.works.is_set():
            raise AdapterError("bluetoothd does not answer")


class Scanner(BaseBleakScanner):
    """Hears the headband when it is there."""

    night: Night

    def __init__(self, detection_callback, service_uuids, scanning_mode, **_):
        super().__init__(detection_callback, service_uuids)
        self._hearing = None

    async def start(self):
        self.seen_devices = {}
        await self.night.works.wait()
        assert not self.night.clients, "a scan while one streams"
        self.night.scans.append(asyncio.get_running_loop().time())
        self._hearing = asyncio.create_task(self._hear())

    async def stop(self):
        if self._hearing is not None:
            self._hearing.cancel()
            with suppress(asyncio.CancelledError):
                await self._hearing

    async def _hear(self):
        while True:
            await self.night.there.wait()
            await asyncio.sleep(ADVERTISING_S)
            if self.night.there.is_set():
                seen = AdvertisementData("band", {}, {}, [diy.SERVICE], None, -60, ())
                device = self.create_or_update_device(
                    ADDRESS, ADDRESS, "band", None, seen
                )
                self.call_detection_callbacks(device, seen)


class Client(BaseBleakClient):
    """A connection; mute, it stands and answers nothing."""

    night: Night

    def __init__(self, device, *, disconnected_callback, timeout, **_):
        super().__init__(
            device, disconnected_callback=disconnected_callback, timeout=timeout
        )
        self._speaks = asyncio.Event()
        self._callbacks = {}
        self._streaming = None
        self._device = None

    mtu_size = MTU
    name = "band"

    @property
    def is_connected(self):
        return self._device is not None

    def mute(self):
        self._speaks.clear()
        self.night.clients.discard(self)
        self.night.streams.clear()
        if self._streaming is not None:
            self._streaming.cancel()

    def hang_up(self):
        if self._device is not None:
            self._device = self.services = None
            self._disconnected_callback()

    async def connect(self, pair, **_):
        await self.night.works.wait()
        await self.night.there.wait()
        await asyncio.sleep(CONNECTING_S)
        if not self.night.there.is_set() or not self.night.works.is_set():
            raise BleakError("le-connection-abort-by-local")
        self._device = self.night.device
        self._device.connected()
        self.services = _services(self._device)
        self._speaks.set()
        self.night.clients.add(self)

    async def disconnect(self):
        await self._heard()
        self.mute()
        self.hang_up()

    async def pair(self, *_, **__):
        raise BleakError("no pairing here")

    async def unpair(self):
        raise BleakError("no bonds here")

    async def read_gatt_char(self, char, **_):
        await self._heard()
        return bytearray(self._device.read(char.uuid, self._now_s()))

    async def write_gatt_char(self, char, data, response):
        await self._heard()
        if self.night.began is None:
            self.night.began = asyncio.get_running_loop().time()
            self.night.started.set()
        done = self._device.write(char.uuid, bytes(data), MTU, self._now_s())
        if done.streaming:
            self._streaming = asyncio.create_task(self._play())
            self.night.streams.set()
        elif done.streaming is False and self._streaming is not None:
            self._streaming.cancel()

    async def start_notify(self, char, callback, **_):
        await self._heard()
        self._callbacks[char.uuid] = callback

    async def stop_notify(self, char):
        del self._callbacks[char.uuid]

    async def read_gatt_descriptor(self, descriptor, **_):
        raise BleakError("no descriptors here")

    async def write_gatt_descriptor(self, descriptor, data):
        raise BleakError("no descriptors here")

    async def _heard(self):
        await asyncio.sleep(0.05)
        if self._device is None:
            raise BleakError("not connected")
        await self._speaks.wait()

    def _now_s(self):
        began = self.night.began
        return 0.0 if began is None else self.night.now_s() - self.night.booted_s

    async def _play(self):
        start_s = self.night.began + self.night.booted_s
        loop = asyncio.get_running_loop()
        for frame in self._device.frames(self._now_s(), MTU):
            await asyncio.sleep(start_s + frame.due_s - loop.time())
            self._callbacks[frame.char](bytearray(frame.payload))
            if frame.char == diy.DATA:
                self._note(frame.payload)

    def _note(self, payload):
        _, stream, n_samples, _, index = FRAME.unpack_from(payload)
        mask = self.night.delivered[stream]
        sfreq = self._device.info.montage.streams[stream].sfreq
        first = round(self.night.booted_s * sfreq) + index
        mask[first : first + n_samples] = True


def _services(device):
    services = BleakGATTServiceCollection()
    service = BleakGATTService(device, 1, device.service)
    services.add_service(service)
    for handle, attribute in enumerate(device.attributes, 2):
        services.add_characteristic(
            BleakGATTCharacteristic(
                attribute,
                handle,
                attribute.uuid,
                sorted(attribute.properties),
                lambda: MTU - 3,
                service,
            )
        )
    return services
