"""The real daemon under a wall clock that is set: labels move, epochs do not.

libfaketime stands between the daemon and the wall clock; `scripts/test-clock` installs
it. The monotonic clock is left alone, as settimeofday(2) leaves it.
"""

import asyncio
import itertools
import os
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.test_killed_daemon import configuration, program
from tests.support.mosquitto import until
from tests.support.mqtt_contract import check_all

pytestmark = pytest.mark.integration

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
PATIENCE_S = 120
SPEED = 15
STEPS = ("+0", "+40000000", "+39996400", "-1760000000")  # from 1970 on and back to it


def time_stamp(path, offset):
    """Set the clock: libfaketime reads the file at every look."""
    new = path.with_suffix(".new")
    new.write_text(f"{offset}\n")
    new.replace(path)


@asynccontextmanager
async def daemon(config, stamp):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "run", "--config", str(config)),
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **os.environ,
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(stamp),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_NO_CACHE": "1",
        },
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


@pytest.mark.skipif(LIBRARY is None, reason="no libfaketime; see scripts/test-clock")
async def test_a_clock_that_is_set_three_times(broker, listening, monkeypatch):
    with tempfile.TemporaryDirectory() as name:  # a short path, for the sockets
        folder = Path(name)
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        stamp = folder / "clock"
        time_stamp(stamp, STEPS[0])
        radios = [folder / f"hci{n}" for n in range(2)]
        play = ("gateway", "sim", "--synthetic", "--hours", 0.25, "--speed", SPEED)
        async with (
            listening(broker) as listener,
            program("sim", *(f"unix-server:{radio}" for radio in radios)),
        ):
            await until(lambda: all(map(Path.exists, radios)), "an air")

            async def epochs(n):
                await until(
                    lambda: len(listener.on("bedroom/epoch")) >= n, f"{n}", PATIENCE_S
                )

            async with (
                program(*play, "--transport", f"unix:{radios[0]}"),
                daemon(configuration(folder, broker), stamp),
            ):
                for n_steps, offset in enumerate(STEPS[1:], 1):
                    await epochs(5 * n_steps)
                    time_stamp(stamp, offset)
                await epochs(20)
        check_all(listener.heard)
        told = [heard.document for heard in listener.on("bedroom/epoch")]
        assert [e["epoch"] for e in told] == list(range(len(told)))
        assert not any(e["clock_synchronised"] for e in told)
        assert len({e["session"] for e in told}) == 1
        events = [heard.document for heard in listener.on("bedroom/event")]
        steps = [e["step_s"] for e in events if e["event_type"] == "clock_step"]
        offsets = list(map(int, STEPS))
        expected = [b - a for a, b in itertools.pairwise(offsets)]
        assert steps == pytest.approx(expected, abs=1)
        starts = [datetime.fromisoformat(e["start"]).timestamp() for e in told]
        jumps = [b - a - 30 for a, b in itertools.pairwise(starts)]
        assert [j for j in jumps if abs(j) > 1] == pytest.approx(expected, abs=1)
