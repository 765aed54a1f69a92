"""What a power cut may leave of a disk, and whether it would be noticed."""

import io
import random
import sqlite3
from contextlib import closing
from shutil import copytree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.acceptance.power_cut.subjects import journal
from tests.acceptance.power_cut.write_log import (
    SECTOR_BYTES,
    Flush,
    Loss,
    Marked,
    Write,
    cut_at,
    pack,
    read_log,
)

N_SECTORS = 6
SIZE = N_SECTORS * SECTOR_BYTES


@st.composite
def histories(draw):
    """Writes of whole sectors, each of a value of its own, flushes and promises."""
    events = []
    for value in range(1, draw(st.integers(1, 20))):
        sector = draw(st.integers(0, N_SECTORS - 1))
        n_sectors = draw(st.integers(1, N_SECTORS - sector))
        data = bytes([value]) * SECTOR_BYTES * n_sectors
        events.append(Write(sector * SECTOR_BYTES, data))
        more = st.sampled_from([None, Flush(), Marked({"value": value})])
        events += filter(None, [draw(more)])
    return events


def disks(events, upto):
    """Return the disk at the last flush, and each sector's values since."""
    safe, now, since = bytearray(SIZE), bytearray(SIZE), {}
    for event in events[:upto]:
        if isinstance(event, Write):
            now[event.offset : event.offset + len(event.data)] = event.data
            for at in range(event.offset, event.offset + len(event.data), SECTOR_BYTES):
                since.setdefault(at, set()).add(event.data[0])
        elif isinstance(event, Flush):
            safe, since = bytearray(now), {}
    return safe, now, since


@given(histories(), st.integers(0, 99))
def test_a_cut_takes_nothing_that_was_flushed_and_invents_nothing(events, seed):
    dice = random.Random(seed)  # noqa: S311 - repeatable
    for image in cut_at(events, SIZE, range(len(events)), dice):
        safe, now, since = disks(events, image.event)
        if image.loss is Loss.NOTHING:
            assert image.data == now
        for at in range(0, SIZE, SECTOR_BYTES):
            sector = set(image.data[at : at + SECTOR_BYTES])
            assert len(sector) == 1, "a sector is written whole or not at all"
            assert sector <= {safe[at]} | since.get(at, set())
        before = events[: image.event]
        promised = [event.promise for event in before if isinstance(event, Marked)]
        assert image.promises == promised


@given(histories(), st.integers(0, 600))
def test_a_log_comes_back_and_a_torn_end_harms_only_the_last(events, n_lost):
    log = b"".join(map(pack, events))
    assert [*read_log(io.BytesIO(log))] == events
    torn = [*read_log(io.BytesIO(log[: len(log) - n_lost]))]
    assert torn == events[: len(torn)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder, promises = tmp_path_factory.mktemp("whole"), []
    journal.write(folder, promises.append, n_steps=120)
    return folder, promises


@pytest.fixture
def kept(whole, tmp_path):
    folder, promises = whole
    return copytree(folder, tmp_path / "kept"), promises


def test_a_whole_journal_passes(kept):
    assert [*journal.find_errors(*kept)] == []


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM entry WHERE seq = 30",
        "UPDATE entry SET acknowledged = 1 - acknowledged WHERE seq = 40",
        "UPDATE entry SET document = x'00' WHERE seq = 41",
        "UPDATE counter SET next_seq = next_seq - 1",
        "UPDATE session SET last_epoch = last_epoch - 1",
    ],
)
def test_a_journal_that_lost_something_is_noticed(kept, damage):
    folder, promises = kept
    with closing(sqlite3.connect(folder / journal.JOURNAL)) as db, db:
        assert db.execute(damage).rowcount == 1
    assert [*journal.find_errors(folder, promises)]
