"""The demo: a simulated headband, the daemon and the comparison with the night."""

import asyncio
import socket
import sys
from contextlib import suppress

import pytest

from gateway.commands.demo import FEW, MANY, _wait_for
from gateway.daemon.active_sink import active_sink
from gateway.recorder.folder import recordings
from gateway.recorder.integrity import survey
from gateway.sinks import Sink

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("driver", ["diy", "muse_athena"])
async def test_a_night_from_any_headband_is_scored_to_its_last_epoch(driver, tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "demo", "--hours", "0.05"),
        *("--speed", "60", "--driver", driver, "--record", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode == 0, said.decode()
    assert b"(6 epochs scored by both)" in said
    assert b"link lost" not in said
    (path,) = recordings(tmp_path)
    assert survey(path).account.n_scored == 6
    assert f"recorded: {path}, nothing is missing" in said.decode()
    assert f"next: sleepgate report {path}" in said.decode()


async def test_a_demo_that_is_killed_leaves_no_broker():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "demo", "--hours", "0.05"),
        *("--speed", "1", "--port", str(port)),
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        while b"streaming" not in await process.stdout.readline():
            pass
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        process.kill()
        await process.wait()
        with suppress(ConnectionError):
            assert await reader.read() == b""  # until the broker hangs up, as it ends
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


class Link:
    """A link that notes when it was held."""

    def __init__(self):
        self.held, self.changed = False, asyncio.Event()

    def hold_hosts(self, *, hold):
        self.held = hold
        self.changed.set()

    async def next_change(self):
        await self.changed.wait()
        self.changed.clear()
        return self.held


async def test_the_replay_waits_for_an_output_that_lags():
    lagging = active_sink(Sink("slow", object, (object,), None), object())
    link = Link()
    waiting = asyncio.create_task(_wait_for([lagging], link))
    for n in range(MANY + 1):
        lagging.feed.put(n)
    assert await link.next_change() is True
    reader = aiter(lagging.feed)
    while len(lagging.feed) > FEW:
        await anext(reader)
    assert await link.next_change() is False
    assert lagging.feed.dropped == 0
    waiting.cancel()
