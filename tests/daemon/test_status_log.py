"""A night is some dozens of lines, and every epoch can be found by its fields."""

import logging
import socket
from datetime import UTC, datetime

import pytest

from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.daemon.status_log import BULLETIN, NoOptions
from gateway.messages.feed import Feed
from gateway.messages.outputs import RecordingState, SessionState
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.stage import Refusal, Stage


async def told(*readings):
    feed = Feed(depth=4096)
    for reading in readings:
        feed.put(reading)
    feed.close()
    await BULLETIN.run(NoOptions(), feed, None)


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.DEBUG, "gateway.daemon.status_log")
    return caplog


async def test_every_epoch_carries_its_fields(log, scored):
    await told(scored(411, Stage.R), scored(412, Refusal.GAP))
    first, second = log.records
    assert (first.DEVICE, first.EPOCH, first.STAGE) == ("bedroom", 411, "REM")
    assert first.SESSION == "20260212T230100-1f3a"
    assert (second.EPOCH, second.STAGE) == (412, "gap")
    assert second.getMessage() == "bedroom: epoch 412 is unscored (gap)"


async def test_a_night_that_goes_well_is_a_dozen_lines_at_info(log, scored):
    await told(*(scored(index) for index in range(960)))
    assert len(log.records) == 960
    loud = [record for record in log.records if record.levelno >= logging.INFO]
    assert [record.EPOCH for record in loud] == [119, 239, 359, 479, 599, 719, 839, 959]


async def test_moments_and_sessions_are_reported_at_info(log, reading):
    onset = SleepEvent(
        EventKind.SLEEP_ONSET, datetime(2026, 2, 12, 23, 30, tzinfo=UTC), 58, 0.9
    )
    ended = SessionState(RecordingState.ENDED, n_epochs=960)
    await told(reading(onset), reading(ended))
    assert [record.levelname for record in log.records] == ["INFO", "INFO"]
    assert log.records[0].getMessage() == "bedroom: sleep onset at 23:30:00Z"
    assert log.records[0].EPOCH == "58"
    assert "960 epochs" in log.records[1].getMessage()


async def test_systemd_is_informed_of_what_is_new_and_nothing_twice(
    tmp_path, monkeypatch, reading, scored
):
    address = tmp_path / "notify"
    monkeypatch.setenv("NOTIFY_SOCKET", str(address))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(0)
        link = reading(LinkReading(LinkState.STREAMING, LinkStats()))
        await told(link, link, scored(3))
        assert systemd.recv(999) == b"STATUS=bedroom: streaming"
        said = b"STATUS=bedroom: streaming, epoch 3 N2 84 %, 0.0 s lost"
        assert systemd.recv(999) == said
        with pytest.raises(BlockingIOError):
            systemd.recv(999)
