"""The recording from the daemon's side: a disk may take as long as it likes."""

import asyncio
import os
import threading

import pytest

from gateway.config.schema import parse
from gateway.errors import ConfigError, SinkError
from gateway.messages.control import Control, Mark
from gateway.messages.feed import Feed
from gateway.messages.outputs import RecordingState, SessionState
from gateway.recorder import folder
from gateway.recorder.folder import recordings
from gateway.recorder.integrity import annotations, survey
from gateway.recorder.options import EdfOptions
from gateway.sinks import edf
from gateway.sinks.edf import SINK, run
from gateway.staging.events import EventKind
from tests.acceptance.recording.night import (
    DEVICE,
    outputs,
    reading,
    recording_errors,
    stages_in,
    stages_of,
)
from tests.support.mosquitto import until

NIGHT_S = 100


def readings(start=0, end=NIGHT_S):
    yield from (reading(value) for _, value in outputs(start, end))


def options(folder, **more):
    return EdfOptions(path=str(folder), min_free_mb=0, **more)


async def test_it_records_what_the_feed_brings(tmp_path):
    feed = Feed(depth=4096)
    for each in readings():
        feed.put(each)
    feed.put(reading(SessionState(RecordingState.ENDED)))
    feed.close()
    await run(options(tmp_path, subject="S07"), feed)
    (path,) = recordings(tmp_path)
    assert [*recording_errors(path, [], NIGHT_S)] == []
    assert stages_in(path) == stages_of(3)
    assert survey(path).header.patient == "S07 X X X"


@pytest.mark.integration
async def test_a_disk_that_hangs_holds_nobody_up(tmp_path, monkeypatch):
    gate, write = threading.Event(), os.pwrite

    def pwrite(fd, raw, at):
        gate.wait(30)
        return write(fd, raw, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    feed = Feed(depth=60)
    recording = asyncio.create_task(run(options(tmp_path), feed))
    for n, each in enumerate(readings()):
        feed.put(each)
        await asyncio.sleep(0)
        if n == 5:
            await asyncio.sleep(0.2)  # it hangs by now
    assert feed.dropped
    assert not recording.done()
    gate.set()
    feed.close()
    await recording
    (path,) = recordings(tmp_path)
    n_lost = round(survey(path).account.missing_s("BAD_unrecorded"))
    assert n_lost > 20
    wrong = [
        *recording_errors(path, [range(n_first(path), n_first(path) + n_lost)], NIGHT_S)
    ]
    assert wrong == []


def n_first(path):
    """Return the second at which the disk began to hang."""
    first = min(a.onset_us for a in annotations(path) if "BAD_unrecorded" in a.texts)
    return (first - survey(path).offset_us) // 10**6


@pytest.mark.integration
async def test_who_asks_hears_of_a_pause_and_so_does_the_night(tmp_path, monkeypatch):
    free = [1000.0]
    monkeypatch.setattr(folder, "free_mb", lambda _: free[0])
    monkeypatch.setattr(edf, "SYNC_S", 0.01)
    feed, control = Feed(depth=4096), Control()
    sink = EdfOptions(path=str(tmp_path), min_free_mb=500)
    recording = asyncio.create_task(run(sink, feed, control))
    for each in readings(0, 40):
        feed.put(each)
    await until(lambda: not feed, "it is recorded", 60)
    standing = (await control.standings())["edf"]
    assert (standing.well, standing.words[:20]) == (True, f"{DEVICE}: 2026-02-12_")
    free[0] = 499.0
    why = "less than 500 MB free"
    async with asyncio.timeout(60):
        news = await control.next()
    assert news == Mark(DEVICE, why, EventKind.RECORDING_PAUSED)
    standing = (await control.standings())["edf"]
    assert not standing.well
    assert standing.words == f"{DEVICE}: paused, {why}"
    free[0] = 1000.0
    for each in readings(60, NIGHT_S):
        feed.put(each)
    async with asyncio.timeout(60):
        news = await control.next()
    assert news == Mark(DEVICE, "", EventKind.RECORDING_GOES_ON)
    feed.close()
    await recording
    assert "edf" not in await control.standings()


async def test_a_folder_that_cannot_be_used_restarts_the_output(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SinkError, match="Not a directory"):
        await run(options(tmp_path / "file" / "x"), Feed(depth=1))


async def test_a_daemon_that_stops_leaves_a_file_that_is_gone_on_with(tmp_path):
    for start, end in ((0, 50), (70, NIGHT_S)):
        feed = Feed(depth=4096)
        for each in readings(start, end):
            feed.put(each)
        feed.close()
        await run(options(tmp_path), feed)
    (path,) = recordings(tmp_path)
    assert [*recording_errors(path, [range(50, 70)], NIGHT_S)] == []


def test_it_is_recorded_beside_the_journal(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/sleepgate")
    assert str(EdfOptions().folder) == "/var/lib/sleepgate/recordings"
    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/me/.local/state")
    assert str(EdfOptions().folder) == "/home/me/.local/state/sleepgate/recordings"
    assert str(EdfOptions(path="/data").folder) == "/data"


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"path": ""}, "path: empty"),
        ({"subject": "J\xf6rg"}, "subject"),
        ({"subject": ""}, "subject"),
        ({"min_free_mb": -1}, "min_free_mb: -1"),
        ({"keep_days": 0}, "keep_days: 0"),
        ({"keep_day": 3}, "keep_days"),
    ],
)
def test_what_is_wrong_with_its_section_is_reported(section, problem):
    with pytest.raises(ConfigError, match=problem):
        parse(section, SINK.options, "outputs.edf.")
