"""The journal's file: what is written stays, in order, once, whatever happens."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
)

from gateway.errors import DamagedJournalError, FullDiskError, JournalError
from gateway.journal.entry import JournalLimits
from gateway.journal.store import JournalStore

DAY_S = 86_400.0
KEEP = JournalLimits(keep_days=30, max_bytes=64_000_000)
WRITER = """
import sys
from pathlib import Path
from gateway.journal.store import JournalStore
store = JournalStore(Path(sys.argv[1]))
for epoch in range(int(sys.argv[2]), 1_000_000):
    store.append(device="a", session="n", epoch=epoch, recorded_s=0, document=b"x")
    print(epoch, flush=True)
    if epoch % 3 == 0:
        store.acknowledge([epoch])
"""


def append(store, epoch, session="night", recorded_s=0.0, document=b"{}"):
    return store.append(
        device="bedroom",
        session=session,
        epoch=epoch,
        recorded_s=recorded_s,
        document=document,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "journal.sqlite"


@pytest.fixture
def store(path):
    with closing(JournalStore(path)) as store:
        yield store


def test_an_entry_comes_back_to_the_byte_after_reopening(store, path):
    entry = append(store, 7, document=b'{"stage":"N2"}\x00\xff')
    with closing(JournalStore(path)) as again:
        assert again.owed(after=-1, limit=9) == [entry]


def test_sequence_has_no_hole_and_ignores_what_is_known(store):
    seqs = [append(store, epoch).seq for epoch in range(5)]
    assert append(store, 4) is None
    assert append(store, 2) is None
    assert [*seqs, append(store, 0, session="next").seq] == list(range(6))


def test_what_was_pruned_is_still_known(store):
    append(store, 0)
    store.acknowledge([0])
    store.prune(KEEP, now_s=31 * DAY_S)
    assert store.contents().rows == 0
    assert append(store, 0) is None
    assert append(store, 1).seq == 1


def test_what_no_broker_had_outlives_its_days_but_not_the_size(store):
    for epoch in range(400):
        append(store, epoch, document=b"x" * 1000)
    store.acknowledge(range(100, 200))
    assert store.prune(KEEP, now_s=99 * DAY_S) == 0
    assert [e.seq for e in store.owed(-1, 999)] == [*range(100), *range(200, 400)]
    lost = store.prune(JournalLimits(30, 200_000), now_s=99 * DAY_S)
    contents = store.contents()
    assert contents.size_bytes <= 200_000
    assert contents.dropped == lost == 300 - contents.owed > 0
    assert store.owed(-1, 999)[-1].seq == 399, "the newest stay"


def test_a_replay_owes_again_what_is_still_there(store):
    for epoch in range(10):
        append(store, epoch)
    store.acknowledge(range(10))
    assert store.owed(-1, 99) == []
    assert store.replay(6) == 4
    assert store.replay(0, 2) == 2
    assert [entry.seq for entry in store.owed(-1, 99)] == [0, 1, 6, 7, 8, 9]


def test_a_session_is_recalled_in_order_and_alone(store):
    for epoch in range(4):
        append(store, epoch, document=b"%d" % epoch)
        append(store, epoch, session="other")
    store.acknowledge([0, 2])
    assert store.documents("night") == [b"0", b"1", b"2", b"3"]
    assert store.documents("never") == []


def test_entries_are_handed_out_from_a_place_on(store):
    for epoch in range(30):
        append(store, epoch)
    assert [entry.seq for entry in store.owed(after=9, limit=4)] == [10, 11, 12, 13]


def test_contents_tell_how_things_stand(store):
    for epoch in range(4):
        append(store, epoch, recorded_s=100.0 + epoch)
    store.acknowledge([0, 2])
    contents = store.contents()
    assert (contents.rows, contents.owed, contents.next_seq) == (4, 2, 4)
    assert contents.oldest_owed_s == 101.0


def test_a_damaged_file_is_named(path):
    path.parent.mkdir()
    path.write_bytes(b"this is no database, but it is long enough to be one" * 99)
    with pytest.raises(DamagedJournalError, match=r"journal\.sqlite"):
        JournalStore(path)


def test_a_later_format_is_refused(store, path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version=9")
    with pytest.raises(JournalError, match="format 9"):
        JournalStore(path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="file"):
        JournalStore(tmp_path / "file" / "journal.sqlite")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte, where this machine lets one be mounted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(store):
    written = []
    try:
        while True:
            written.append(append(store, len(written), document=b"x" * 500))
    except FullDiskError:
        return written


def test_a_full_disk_is_reported_and_harms_nothing_written(small_disk):
    with closing(JournalStore(small_disk / "journal.sqlite")) as store:
        written = fill(store)
        for _ in range(3):
            with pytest.raises(FullDiskError, match=r"journal\.sqlite"):
                append(store, len(written))
        assert store.owed(-1, 10_000) == written
        store.acknowledge(entry.seq for entry in written)
        assert store.owed(-1, 10_000) == []
        store.prune(JournalLimits(0, 64_000_000), now_s=DAY_S)
        assert append(store, len(written)).seq == len(written)


@pytest.mark.integration
def test_what_was_written_survives_kill_9_at_any_instant(path):
    """The writer says an epoch only after `append` returned."""
    said = -1
    for _ in range(12):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, path, str(said + 1)],
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = [writer.stdout.readline() for _ in range(25)]
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().splitlines()
        writer.wait()
        writer.stdout.close()
        said = int((lines + rest)[-1])
        with closing(JournalStore(path)) as store:
            contents = store.contents()
            assert contents.next_seq - 1 in (said, said + 1)
            assert contents.rows == contents.next_seq
            said = contents.next_seq - 1


class JournalAgainstModel(RuleBasedStateMachine):
    """Any order of uses leaves what a plain list and a set would hold."""

    @initialize()
    def begin(self):
        self.folder = TemporaryDirectory()
        self.store = JournalStore(Path(self.folder.name) / "journal.sqlite")
        self.rows, self.acknowledged, self.last = {}, set(), {}
        self.seq = self.now_s = 0

    @rule(session=st.sampled_from("abc"), epoch=st.integers(0, 20))
    def append(self, session, epoch):
        entry = append(self.store, epoch, session, recorded_s=self.now_s)
        if epoch <= self.last.get(session, -1):
            assert entry is None
            return
        assert entry.seq == self.seq
        self.rows[self.seq] = self.now_s
        self.last[session] = epoch
        self.seq += 1

    @rule(seqs=st.sets(st.integers(0, 30)))
    def acknowledge(self, seqs):
        self.store.acknowledge(seqs)
        self.acknowledged |= seqs & self.rows.keys()

    @rule(since=st.integers(0, 30), n=st.integers(0, 30))
    def replay(self, since, n):
        self.store.replay(since, since + n)
        self.acknowledged -= set(range(since, since + n))

    @rule(days=st.integers(1, 20))
    def time_passes(self, days):
        self.now_s += days * DAY_S

    @rule(days=st.integers(1, 20))
    def prune(self, days):
        self.store.prune(JournalLimits(days, 64_000_000), self.now_s)
        gone = {
            seq
            for seq in self.acknowledged
            if self.rows[seq] < self.now_s - days * DAY_S
        }
        self.acknowledged -= gone
        for seq in gone:
            del self.rows[seq]

    @invariant()
    def owes_what_the_model_owes(self):
        owed = sorted(self.rows.keys() - self.acknowledged)
        assert [entry.seq for entry in self.store.owed(-1, 999)] == owed
        contents = self.store.contents()
        assert contents.rows == len(self.rows)
        assert contents.next_seq == self.seq

    def teardown(self):
        self.store.close()
        self.folder.cleanup()


TestJournalAgainstModel = JournalAgainstModel.TestCase
TestJournalAgainstModel.settings = settings(max_examples=100, deadline=None)
