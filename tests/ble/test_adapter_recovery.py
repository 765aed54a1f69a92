"""One adapter, several headbands: what helps one must not harm another."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from gateway.ble.adapter import LASTS_S, AdapterRecovery, UnmanagedAdapter
from gateway.ble.recovery_policy import RecoveryStep
from gateway.ble.scan_scheduler import ScanScheduler
from gateway.errors import AdapterError, StuckAdapterError


class Care(UnmanagedAdapter):
    """Remembers what it was told, and takes a second for each."""

    def __init__(self):
        self.done = []

    async def restart_scan(self):
        await self._does("restart")

    async def disconnect_stale(self, services, keep):
        await self._does(f"disconnect {','.join(services)} but {','.join(keep)}")

    async def power_cycle(self):
        await self._does("cycle")

    async def _does(self, what):
        self.done.append(what)
        await asyncio.sleep(1)


@asynccontextmanager
async def deaf(_heard):
    yield


@pytest.fixture
def scheduler():
    return ScanScheduler(deaf)


@pytest.fixture
def adapter():
    return Care()


def take(adapter, scheduler, *steps):
    recovery = AdapterRecovery(adapter, scheduler)
    return asyncio.gather(*(recovery.recover(step, ["s"], ["A"]) for step in steps))


async def test_each_rung_does_what_it_says(adapter, scheduler):
    await take(adapter, scheduler, *set(RecoveryStep) - {RecoveryStep.EXIT})
    assert sorted(adapter.done) == ["cycle", "disconnect s but A", "restart"]


async def test_the_last_rung_says_what_to_do(adapter, scheduler):
    with pytest.raises(StuckAdapterError, match="change the adapter"):
        await take(adapter, scheduler, RecoveryStep.EXIT)


async def test_nobody_is_cut_off_who_streams(adapter, scheduler):
    with scheduler.streaming():
        await take(adapter, scheduler, *RecoveryStep)
    assert sorted(adapter.done) == ["disconnect s but A", "restart"]


async def test_nobody_is_cut_off_who_came_to_stream_while_it_waited(adapter, scheduler):
    recovery = AdapterRecovery(adapter, scheduler)
    async with scheduler.connecting():
        cycling = asyncio.create_task(
            recovery.recover(RecoveryStep.POWER_CYCLE, [], [])
        )
        await asyncio.sleep(1)
        streaming = scheduler.streaming()
        streaming.__enter__()
    await cycling
    assert adapter.done == []
    streaming.__exit__(None, None, None)


async def test_what_was_done_for_one_headband_is_not_done_again_for_the_next(
    adapter, scheduler
):
    recovery = AdapterRecovery(adapter, scheduler)
    for pause_s in (0, LASTS_S / 2, LASTS_S):
        await asyncio.sleep(pause_s)
        await recovery.recover(RecoveryStep.POWER_CYCLE, [], [])
    assert adapter.done == ["cycle", "cycle"]


async def test_no_scan_and_no_connection_while_it_recovers(adapter, scheduler):
    loop = asyncio.get_running_loop()
    recovering = asyncio.create_task(
        AdapterRecovery(adapter, scheduler).recover(RecoveryStep.POWER_CYCLE, [], [])
    )
    await asyncio.sleep(0.5)
    async with scheduler.connecting():
        assert loop.time() == pytest.approx(1.0)
    await recovering


async def test_care_that_fails_is_reported(scheduler):
    class Helpless(Care):
        async def power_cycle(self):
            raise AdapterError("bluetoothd does not answer")

    with pytest.raises(AdapterError, match="does not answer"):
        await take(Helpless(), scheduler, RecoveryStep.POWER_CYCLE)
