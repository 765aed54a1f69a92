"""``sleepgate journal`` on a journal that somebody else may be writing."""

import json
from contextlib import closing

import pytest
from click.testing import CliRunner

from gateway.commands.journal import command
from gateway.errors import ConfigError
from gateway.journal.store import JournalStore


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "journal.sqlite"
    with closing(JournalStore(path)) as store:
        for session in ("first", "second"):
            for epoch in range(40):
                store.append(
                    device="bedroom",
                    session=session,
                    epoch=epoch,
                    recorded_s=1_770_937_260.0 + epoch,
                    document=b"x" * 700,
                )
        store.acknowledge(range(60))
    return path


def said(*arguments):
    result = CliRunner().invoke(command, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result


def test_sessions_are_listed_with_what_is_owed(path):
    result = said("ls", "--file", path)
    rows = [line.split() for line in result.stdout.splitlines()[1:]]
    assert rows == [
        ["first", "bedroom", "0-39", "0-39", "0"],
        ["second", "bedroom", "0-39", "40-79", "20"],
    ]
    assert "80 epochs" in result.stderr
    assert "20 owed to the broker, the oldest since 2026-02-12T23:01:20" in (
        result.stderr
    )


def test_a_replay_owes_the_broker_again_beside_a_running_daemon(path):
    with closing(JournalStore(path)) as daemon:
        assert "10 epochs" in said("replay", 50, 60, "--file", path).stderr
        assert [entry.seq for entry in daemon.owed(-1, 99)] == list(range(50, 80))


def test_vacuum_drops_what_is_old_and_gives_space_back(path):
    before = path.stat().st_size
    said("vacuum", "--keep-days", 1, "--file", path)
    assert path.stat().st_size < before
    with closing(JournalStore(path)) as store:
        assert store.contents().rows == 20


def test_a_journal_that_is_not_there_is_not_made(tmp_path):
    missing = tmp_path / "none.sqlite"
    result = CliRunner().invoke(command, ["ls", "--file", str(missing)])
    assert isinstance(result.exception, ConfigError)
    assert str(missing) in str(result.exception)
    assert not missing.exists()


def test_sessions_are_listed_for_programs(path):
    rows = json.loads(said("ls", "--json", "--file", path).stdout)
    assert [(row["session"], row["owed"]) for row in rows] == [
        ("first", 0),
        ("second", 20),
    ]
