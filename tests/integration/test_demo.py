"""The demo: a simulated headband, the daemon and the comparison with the night."""

import asyncio
import sys

import pytest

from gateway.recorder.folder import recordings
from gateway.recorder.integrity import survey

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
    (path,) = recordings(tmp_path)
    assert survey(path).account.n_scored == 6
