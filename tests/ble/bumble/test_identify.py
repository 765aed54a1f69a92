"""Which headband it is, what else it is told, and who gets which of several."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.ble.bleak_radio import BleakRadio
from gateway.ble.bumble.backend import backend
from gateway.ble.scan_scheduler import SCAN_S
from gateway.drivers import KeepAlive, Write, diy
from gateway.errors import LinkError, OtherKindError
from sim.device import Reaction
from sim.devices.diy import NAME, DiyDevice
from sim.radio.peripheral import ADDRESS, headband
from sim.radio.virtual_link import VirtualLink

DIY = drivers.load("diy")
OTHER = "F0:F1:F2:F3:F4:F6"
ELSEWHERE = "00000000-0000-4000-8000-00000000cafe"
STRANGE = replace(DIY, name="strange", notify=(ELSEWHERE,))
MONTAGE = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, 0.1),)),))
NIGHT = [np.zeros((1, 60_000), np.int16)]


class Listening(DiyDevice):
    """Remembers what it was told; may hang up on IDENTIFY."""

    def __init__(self, *, patience=10**6, **knobs):
        super().__init__(MONTAGE, NIGHT, boot_id=1, **knobs)
        self.identified = []
        self._patience = patience

    def write(self, char, payload, mtu, device_s):
        if payload[0] == diy.IDENTIFY:
            self.identified.append(device_s)
            if len(self.identified) > self._patience:
                return Reaction(0x85)
        return super().write(char, payload, mtu, device_s)


@asynccontextmanager
async def in_reach(*bands, reserved=()):
    air = VirtualLink()
    addresses = (ADDRESS, OTHER)
    radio = BleakRadio(backend=backend(air.plug), reserved=reserved)
    async with asyncio.TaskGroup() as tasks:
        done, ready = asyncio.Event(), []
        for band, address in zip(bands, addresses, strict=False):
            ready.append(asyncio.Event())
            tasks.create_task(_present(band, air.plug(), address, ready[-1], done))
        for event in ready:
            await event.wait()
        try:
            yield radio
        finally:
            await radio.close()
            done.set()


async def _present(band, transport, address, ready, done):
    async with headband(band, transport, address=address):
        ready.set()
        await done.wait()


async def read_to_the_end(connection):
    while True:
        await connection.notifications.get(2)


async def test_a_scan_lists_who_may_be_a_headband():
    async with in_reach(Listening(), Listening(name="diy two")) as radio:
        found = await radio.scan([STRANGE, DIY], 3.0)
    assert {seen.address for seen in found} == {ADDRESS, OTHER}
    for seen in found:
        assert diy.SERVICE in seen.services
        assert seen.rssi_dbm is not None
        assert not seen.connected
    assert {seen.name for seen in found} & {NAME, NAME[:8]}


async def test_a_scan_lists_nobody_of_another_kind():
    async with in_reach(Listening()) as radio:
        assert await radio.scan([replace(DIY, service=ELSEWHERE)], 3.0) == []


async def test_a_name_is_enough_for_who_does_not_advertise_its_service():
    shy = replace(DIY, service=ELSEWHERE, prefixes=("Sleep",))
    async with in_reach(Listening()) as radio:
        assert [s.address for s in await radio.scan([shy], 3.0)] == [ADDRESS]
        assert (await radio.find(shy)).address == ADDRESS


async def test_of_several_candidates_the_characteristics_decide():
    lacking = replace(DIY, name="lacking", lacks=(diy.INFO,))
    async with in_reach(Listening()) as radio:
        [seen] = await radio.scan([DIY], 3.0)
        async with radio.connect(seen, STRANGE, lacking, DIY) as connection:
            assert connection.driver is DIY
            assert (await connection.notifications.get(2)).char in DIY.notify


async def test_a_headband_of_another_kind_is_named():
    async with in_reach(Listening()) as radio:
        seen = await radio.find(DIY)
        with pytest.raises(
            LinkError, match=f"{ADDRESS} is no strange headband but diy"
        ):
            async with radio.connect(seen, STRANGE):
                pytest.fail("connected as what it is not")


async def test_who_is_of_another_kind_stands_in_nobodys_way():
    async with in_reach(Listening(), Listening()) as radio:
        alike = replace(STRANGE, name="alike")
        found = set()
        for _ in range(2):
            seen = await radio.find(alike)
            found.add(seen.address)
            with pytest.raises(OtherKindError):
                await radio.connect(seen, alike).__aenter__()
        assert found == {ADDRESS, OTHER}
        with pytest.raises(LinkError, match="no alike headband in reach"):
            await radio.find(alike)
        assert (await radio.find(DIY)).address in found
        assert (await radio.find(alike, OTHER)).address == OTHER


async def test_a_headband_is_kept_awake_as_often_as_it_wants():
    awake = Write(diy.CONTROL, bytes([diy.IDENTIFY]))
    sleepy, band = replace(DIY, keep_alive=KeepAlive(awake, 7.0)), Listening()
    async with in_reach(band) as radio:
        async with radio.connect(await radio.find(sleepy), sleepy):
            await asyncio.sleep(36)
        n_asked = len(band.identified)
        await asyncio.sleep(60)
    assert n_asked == len(band.identified) == 5
    assert np.diff(band.identified) == pytest.approx([7.0] * 4, abs=0.1)


async def test_a_keep_alive_that_is_refused_ends_the_connection():
    awake = Write(diy.CONTROL, bytes([diy.IDENTIFY]))
    sleepy = replace(DIY, keep_alive=KeepAlive(awake, 7.0))
    async with (
        in_reach(Listening(patience=2)) as radio,
        radio.connect(await radio.find(sleepy), sleepy) as connection,
    ):
        with pytest.raises(LinkError, match="keep-alive failed"):
            await read_to_the_end(connection)


async def test_what_may_notify_is_subscribed_where_it_is_there():
    eager = replace(DIY, notify=(diy.DATA,), also_notify=(diy.STATUS, ELSEWHERE))
    quiet = replace(DIY, notify=(diy.DATA,), also_notify=(diy.INFO,))
    for driver, heard in ((eager, {diy.DATA, diy.STATUS}), (quiet, {diy.DATA})):
        async with (
            in_reach(Listening()) as radio,
            radio.connect(await radio.find(driver), driver) as connection,
        ):
            chars = {(await connection.notifications.get(2)).char for _ in range(40)}
        assert chars == heard


async def test_any_headband_is_none_that_has_its_own_place():
    async with in_reach(Listening(), Listening(), reserved=[OTHER.lower()]) as radio:
        assert (await radio.find(DIY)).address == ADDRESS
        assert (await radio.find(DIY, OTHER.lower())).address == OTHER
    async with in_reach(Listening(), reserved=[ADDRESS]) as radio:
        with pytest.raises(LinkError, match="no diy headband in reach"):
            await radio.find(DIY)


async def test_two_who_take_any_get_one_each():
    async with (
        in_reach(Listening(), Listening()) as radio,
        radio.connect(first := await radio.find(DIY), DIY) as one,
        radio.connect(await radio.find(DIY), DIY) as other,
    ):
        for connection in (one, other):
            await connection.notifications.get(2)
        with pytest.raises(LinkError, match="connected already, as another"):
            await radio.connect(first, DIY).__aenter__()


async def test_the_loss_of_all_connections_is_reported_at_once():
    async with (
        in_reach(Listening()) as radio,
        radio.connect(await radio.find(DIY), DIY) as connection,
    ):
        await connection.notifications.get(2)
        radio._registry.close_all("bluetoothd went away")  # noqa: SLF001 - its adapter calls it
        began = asyncio.get_running_loop().time()
        with pytest.raises(LinkError, match="bluetoothd went away"):
            await read_to_the_end(connection)
        assert asyncio.get_running_loop().time() - began < 0.1


async def test_looking_for_a_second_headband_while_one_streams_loses_nothing():
    async with (
        in_reach(Listening()) as radio,
        radio.connect(await radio.find(DIY), DIY) as connection,
    ):
        looking = asyncio.create_task(radio.find(DIY))
        packets = []
        while len(packets) < SCAN_S:
            notification = await connection.notifications.get(2)
            if notification.char == diy.DATA:
                info = connection.info
                packets.append(diy.decode(info, notification.payload, 0.0))
        with pytest.raises(LinkError):
            await looking
    for one, other in pairwise(packets):
        assert other.index == one.index + one.counts.shape[1]
