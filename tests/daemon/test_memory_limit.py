"""The daemon's own memory limit, where the kernel enforces none."""

import asyncio

import pytest

from gateway.daemon import memory_limit
from gateway.daemon.memory_limit import LIMIT_MB, MemoryLimit
from gateway.errors import MemoryLimitError

NIGHT_MB = 80.0


async def test_a_daemon_that_grows_is_stopped_in_order_and_says_why(monkeypatch):
    monkeypatch.setattr(memory_limit, "PERIOD_S", 0.0)
    stop = asyncio.Event()
    grown = iter([NIGHT_MB, None, LIMIT_MB, LIMIT_MB + 1])
    limit = MemoryLimit(stop, resident_mb=lambda: next(grown))
    await limit.watch()
    assert stop.is_set()
    with pytest.raises(MemoryLimitError, match=r"241 MB .* more than 240 MB"):
        limit.check()


async def test_a_night_within_the_limit_goes_on(monkeypatch):
    monkeypatch.setattr(memory_limit, "PERIOD_S", 0.0)
    stop = asyncio.Event()
    looks = iter(range(10))
    enough = asyncio.Event()

    def resident_mb():
        if next(looks, None) is None:
            enough.set()
        return LIMIT_MB

    limit = MemoryLimit(stop, resident_mb=resident_mb)
    watching = asyncio.create_task(limit.watch())
    await enough.wait()
    watching.cancel()
    assert not stop.is_set()
    limit.check()
