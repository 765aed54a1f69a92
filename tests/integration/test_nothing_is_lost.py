"""Kill everything at random; the consumer ends with what the journal holds."""

import asyncio
import logging
import os
import random
import sqlite3
import sys
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest

from gateway.errors import SinkError
from sim.local_broker import LocalBroker
from tests.support.tcp_faults import TcpFaults

pytestmark = pytest.mark.integration

log = logging.getLogger(__name__)

# scripts/test-exactly-once asks for 10,000
N_EPOCHS = int(os.environ.get("SLEEPGATE_TEST_EPOCHS", "800"))
SEED = 20260212
CONSUMER = Path(__file__).parents[2] / "docs" / "reference_consumer.py"
GATEWAY = Path(__file__).parents[1] / "support" / "endless_gateway.py"
NOT_YET = "SELECT count(*) FILTER (WHERE acknowledged = 0), count(*) FROM entry"
MADE = "PRAGMA user_version"
ALL = "SELECT session, epoch FROM entry"


def settings_of(folder):
    """A broker that forgets nothing it has acknowledged."""
    return (
        "allow_anonymous true",
        "max_queued_messages 0",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_interval 1",
        "autosave_on_changes true",
    )


@asynccontextmanager
async def program(*arguments, **options):
    process = await asyncio.create_subprocess_exec(
        sys.executable, *map(str, arguments), **options
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def query(journal, statement):
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return db.execute(statement).fetchall()


def stood(journal):
    """Return how many epochs are owed, and how many there are."""
    if not journal.exists() or query(journal, MADE) == [(0,)]:
        return 0, 0
    return query(journal, NOT_YET)[0]


async def under_way(gateway, journal, work):
    """Wait until the gateway wrote or delivered `work` more: a busy machine is slow."""
    owed, n = stood(journal)
    for _ in range(6000):
        if gateway.returncode is not None:
            pytest.fail(f"the gateway ended by itself with {gateway.returncode}")
        owed_now, n_now = stood(journal)
        if n_now - n >= work or owed - owed_now >= work or (owed and not owed_now):
            return
        await asyncio.sleep(0.05)
    pytest.fail("the gateway does nothing for five minutes")


async def restarted(broker):
    """Mosquitto may find its port still in use for a moment."""
    for _ in range(50):
        try:
            return await broker.start()
        except SinkError:
            await asyncio.sleep(0.1)
    pytest.fail("the broker does not come back")


async def mischief(dice, faults, broker):
    """One of the things that happen to a network and a broker."""
    kind = dice.choice(["down", "up", "stall", "half", "cut", "reset", "broker"])
    if kind == "broker":
        await broker.kill()
        await asyncio.sleep(dice.uniform(0, 0.3))
        await restarted(broker)
        return kind
    if kind == "down":
        faults.down = "swallow"
    elif kind == "up":
        faults.up = "swallow"
    elif kind in ("stall", "half"):
        faults.up = faults.down = kind
    await asyncio.sleep(dice.uniform(0.05, 0.4))
    faults.cut(reset=kind == "reset")
    faults.heal()
    return kind


async def test_a_consumer_ends_with_exactly_what_the_journal_holds(tmp_path):
    dice = random.Random(SEED)  # noqa: S311 - repeatable mischief
    journal, heard = tmp_path / "journal.sqlite", tmp_path / "heard"
    done = {}
    async with AsyncExitStack() as stack:
        broker = LocalBroker(settings=settings_of(tmp_path))
        await stack.enter_async_context(broker)
        faults = await stack.enter_async_context(TcpFaults(broker.port).serving())
        complaints = stack.enter_context((tmp_path / "complaints").open("wb"))
        lines = stack.enter_context(heard.open("wb"))
        listen = (CONSUMER, "127.0.0.1", broker.port)
        await stack.enter_async_context(program(*listen, stdout=lines))
        n = owed = kills = 0
        while n < N_EPOCHS or owed:
            session = f"night-{kills:05d}"
            run = (GATEWAY, faults.port, journal, session, int(n < N_EPOCHS))
            async with program(*run, stderr=complaints) as gateway:
                kills += 1
                for _ in range(dice.randint(1, 4)):
                    await under_way(gateway, journal, dice.randint(1, 80))
                    if n < N_EPOCHS:
                        kind = await mischief(dice, faults, broker)
                        done[kind] = done.get(kind, 0) + 1
                    elif not stood(journal)[0]:
                        break
                await asyncio.sleep(dice.uniform(0, 0.3))
            owed, n = stood(journal)
        await asyncio.sleep(1)  # what the broker still has for the consumer
    said = [line.split()[:2] for line in heard.read_text().splitlines()]
    log.info("%d epochs, %d kills of the gateway, mischief %s", n, kills, done)
    assert len(said) == len({tuple(epoch) for epoch in said}), "none twice"
    assert {(session, int(epoch)) for session, epoch in said} == set(
        query(journal, ALL)
    )
