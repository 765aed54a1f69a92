"""Folders of the state, as systemd, the XDG variables and several folders say."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from gateway import paths
from gateway.config.schema import Config, DeviceConfig
from gateway.daemon.build import setup
from gateway.doctor import machine_checks
from gateway.journal.options import JournalOptions
from gateway.recorder.options import EdfOptions
from gateway.session.checkpoint_file import SessionClosed
from gateway.session.resume import ClockInstant, Ending


@pytest.fixture
def two_folders(tmp_path, monkeypatch):
    """Return the first of two folders, as of ``StateDirectory=first second``."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", f"{first}:{second}")
    return first


def test_of_two_state_folders_all_goes_to_the_first(two_folders, monkeypatch):
    assert paths.state_folder() == two_folders
    assert paths.cache_folder() == two_folders
    assert EdfOptions().folder == two_folders / "recordings"
    assert JournalOptions().file == two_folders / "journal.sqlite"
    scorer = SimpleNamespace(card=None)
    headband = DeviceConfig(name="bedroom")
    ready = setup(headband, Config(devices=(headband,)), scorer, None)
    at = ClockInstant("boot", 0.0, datetime.now(UTC), synchronised=True)
    ready.checkpoint_file.add(SessionClosed(Ending.OVER, at))
    assert (two_folders / "night-bedroom.jsonl").exists()
    monkeypatch.setattr(machine_checks, "SERVICES_STATE", two_folders / "absent")
    (disk,) = (f for f in machine_checks.machine_findings() if f.check == "disk")
    assert disk.words.endswith(str(two_folders))


def test_without_systemd_the_state_is_the_users(tmp_path, monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert paths.state_folder() == tmp_path / "sleepgate"
