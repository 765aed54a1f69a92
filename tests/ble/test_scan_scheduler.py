"""One scanner: shared by all who look, silent while others need the air."""

import asyncio
import itertools
from contextlib import asynccontextmanager

import pytest

from gateway.ble.radio import Advertisement
from gateway.ble.scan_scheduler import EVERY_S, SCAN_S, WINDOW_S, ScanScheduler
from gateway.errors import AdapterError


class Sky:
    """A scanner that hears whoever is `there`, and remembers when it ran."""

    def __init__(self):
        self.there = set()
        self.runs = []
        self.hears = []
        self.running = 0
        self.broken = False

    @asynccontextmanager
    async def scanner(self, heard):
        if self.broken:
            raise AdapterError("scan: no hci0")
        assert not self.running, "two scans at a time"
        loop = asyncio.get_running_loop()
        began, self.running = loop.time(), 1
        self.hears.append(heard)
        for address in sorted(self.there):
            heard(Advertisement(address))
        try:
            yield
        finally:
            await asyncio.sleep(0.1)  # stopping takes a while
            self.hears.remove(heard)
            self.running = 0
            self.runs.append((began, loop.time() - 0.1))

    def arrive(self, address):
        self.there.add(address)
        for heard in list(self.hears):
            heard(Advertisement(address))


def is_(address):
    return lambda seen: seen.address == address


@pytest.fixture
def sky():
    return Sky()


def later(seconds, act, *args):
    asyncio.get_running_loop().call_later(seconds, act, *args)


def now():
    return asyncio.get_running_loop().time()


async def test_who_is_there_is_found_at_once(sky):
    sky.there.add("A")
    assert await ScanScheduler(sky.scanner).find(is_("A")) == Advertisement("A")
    assert sky.runs == [(0, 0)]


async def test_who_comes_while_one_looks_is_found_when_he_comes(sky):
    later(7, sky.arrive, "A")
    assert await ScanScheduler(sky.scanner).find(is_("A")) == Advertisement("A")
    assert sky.runs == [(0, 7)]


async def test_a_whole_look_in_vain_is_the_end_of_it(sky):
    assert await ScanScheduler(sky.scanner).find(is_("A")) is None
    assert sky.runs == [(0, pytest.approx(SCAN_S))]


async def test_one_scan_serves_all_who_look(sky):
    scheduler = ScanScheduler(sky.scanner)
    looking = [asyncio.create_task(scheduler.find(is_(a))) for a in "ABC"]
    assert await asyncio.gather(*looking) == [None] * 3
    assert sky.runs == [(0, pytest.approx(SCAN_S))]
    assert scheduler.scans == 1


async def test_one_headband_is_not_given_to_two_who_take_any(sky):
    scheduler = ScanScheduler(sky.scanner)
    sky.there |= {"A", "B"}
    taken = []

    async def take_any():
        seen = await scheduler.find(lambda seen: seen.address not in taken)
        taken.append(seen.address)

    await asyncio.gather(take_any(), take_any())
    assert taken == ["A", "B"]


async def test_who_joins_a_scan_late_still_gets_a_whole_look(sky):
    scheduler = ScanScheduler(sky.scanner)
    early = asyncio.create_task(scheduler.find(is_("A")))
    await asyncio.sleep(SCAN_S - 1)
    late = asyncio.create_task(scheduler.find(is_("B")))
    later(3, sky.arrive, "B")
    assert await early is None
    assert await late == Advertisement("B")


async def test_nobody_scans_while_somebody_connects(sky):
    scheduler = ScanScheduler(sky.scanner)
    looking = asyncio.create_task(scheduler.find(is_("A")))
    await asyncio.sleep(3)
    async with scheduler.connecting():
        assert now() == pytest.approx(3.1)  # the scan ended for it
        await asyncio.sleep(8)
        sky.there.add("A")
        assert sky.running == 0
    assert await looking == Advertisement("A")
    assert [began for began, _ in sky.runs] == [0, pytest.approx(11.1)]


async def test_two_do_not_connect_at_a_time(sky):
    scheduler, order = ScanScheduler(sky.scanner), []

    async def connect(name):
        async with scheduler.connecting():
            order.append(name)
            await asyncio.sleep(1)
            order.append(name)

    await asyncio.gather(*map(connect, "ABC"))
    assert order == list("AABBCC")


async def test_while_one_streams_scans_are_short_and_rare_whoever_looks(sky):
    scheduler = ScanScheduler(sky.scanner)

    async def look_for_ever(address):
        while True:
            assert await scheduler.find(is_(address)) is None
            await asyncio.sleep(0.3)

    with scheduler.streaming():
        looking = [asyncio.create_task(look_for_ever(a)) for a in "AB"]
        await asyncio.sleep(3600)
        for task in looking:
            task.cancel()
        await asyncio.wait(looking)
    begun = [began for began, _ in sky.runs]
    assert len(begun) >= 3600 / (EVERY_S + 1)
    assert all(b - a >= EVERY_S for a, b in itertools.pairwise(begun))
    assert all(end - began <= WINDOW_S + 0.1 for began, end in sky.runs)


async def test_the_rest_ends_when_the_last_stream_does(sky):
    scheduler = ScanScheduler(sky.scanner)
    with scheduler.streaming():
        assert await scheduler.find(is_("A")) is None
        looking = asyncio.create_task(scheduler.find(is_("A")))
        await asyncio.sleep(2)
        sky.there.add("A")
        assert not looking.done()
    assert await looking == Advertisement("A")
    assert now() < EVERY_S


async def test_a_broken_adapter_is_reported_to_each_caller(sky):
    sky.broken = True
    scheduler = ScanScheduler(sky.scanner)
    looking = [asyncio.create_task(scheduler.find(is_(a))) for a in "AB"]
    for task in looking:
        with pytest.raises(AdapterError, match="no hci0"):
            await task


async def test_who_is_cancelled_while_he_scans_leaves_the_scan_to_the_next(sky):
    scheduler = ScanScheduler(sky.scanner)
    first, second = (asyncio.create_task(scheduler.find(is_(a))) for a in "AB")
    await asyncio.sleep(5)
    first.cancel()
    later(5, sky.arrive, "B")
    assert await second == Advertisement("B")
    assert first.cancelled()


async def test_a_sweep_lasts_as_long_as_it_is_asked_and_keeps_what_it_received_last(
    sky,
):
    def advertise(**said):
        for heard in sky.hears:
            heard(Advertisement("A", **said))

    later(1, lambda: advertise(name="band", rssi_dbm=-70))
    later(2, lambda: advertise(services=("s",), rssi_dbm=-60))
    sky.there.add("B")
    found = await ScanScheduler(sky.scanner).sweep(lambda seen: seen.name == "band", 10)
    assert found == [Advertisement("A", "band", -60, ("s",))]
    assert sky.runs == [(0, pytest.approx(10))]
