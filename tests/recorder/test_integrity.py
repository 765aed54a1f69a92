"""Damaged, cut and foreign files: nothing of them is ever lost."""

import os

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.commands.record import command
from gateway.errors import RecordingError
from gateway.recorder import folder as folders
from gateway.recorder.export import copy
from gateway.recorder.integrity import survey
from gateway.recorder.recording_file import reopen
from tests.support.edf_recordings import header, ours

N = 20
WHOLE = ours(N)
HEADER = header().n_bytes
RECORD = header().record_bytes
TIME_AT = 200  # of a record: after 100 samples of 2 bytes


def written(folder, content, name="2026-03-02_bed_01ABC.edf"):
    path = folder / name
    path.write_bytes(content)
    return path


def everything(path):
    """Return the bytes of a recording and of all that was cut off it."""
    cuts = sorted(path.parent.glob(f"{path.name}.cut-*"))
    return path.read_bytes() + b"".join(cut.read_bytes() for cut in cuts)


def mend(path):
    file, before = reopen(path)
    file.close()
    return before


@pytest.mark.parametrize("damage", [b"\0", b"+9", b"x", b"+0\x14\x14"])
@pytest.mark.parametrize("record", [0, 1, 7, N - 2])
def test_a_damaged_record_takes_nothing_behind_it_along(tmp_path, record, damage):
    content = bytearray(WHOLE)
    at = HEADER + record * RECORD + TIME_AT
    content[at : at + len(damage)] = damage
    path = written(tmp_path, content)
    before = mend(path)
    assert path.read_bytes() == content
    assert before.n_records == N
    assert before.n_damaged in ({1} if record or damage == b"\0" else {0, 1})
    assert not list(tmp_path.glob("*.cut-*"))


@given(st.integers(0, N * RECORD), st.binary(max_size=RECORD))
@settings(max_examples=60)
def test_whatever_is_cut_off_is_kept_beside_the_file(tmp_path_factory, n_bytes, tail):
    content = WHOLE[: HEADER + n_bytes] + tail
    path = written(tmp_path_factory.mktemp("cut"), content)
    mend(path)
    assert everything(path)[244:] == content[244:]  # but for the number of records
    assert path.stat().st_size == HEADER + survey(path).n_records * RECORD
    kept = everything(path)
    mend(path)
    assert everything(path) == kept


@pytest.mark.parametrize("start_s", [range(N), [*range(5), *range(100, 120)]])
def test_another_programs_file_is_not_mended_but_read(tmp_path, start_s):
    content = ours(N, is_ours=False, start_s=start_s)[:-50]
    path = written(tmp_path, content)
    with pytest.raises(RecordingError, match="not recorded by sleepgate"):
        reopen(path)
    assert path.read_bytes() == content
    assert survey(path).n_records == N - 1
    result = CliRunner().invoke(command, ["info", str(path)])
    assert "repair" not in result.output
    assert f"{N - 1} records" in result.output


def test_a_copy_of_nothing_is_an_error(tmp_path):
    path = written(tmp_path, WHOLE[:HEADER])
    with pytest.raises(RecordingError, match="no whole data record"):
        copy(path, tmp_path / "copy.edf", anonymise=False)
    assert not (tmp_path / "copy.edf").exists()


@pytest.mark.parametrize("target", ["copy.edf", "copy.EDF"])
def test_endings_match_in_any_case(tmp_path, target):
    path = written(tmp_path, WHOLE, "NIGHT.EDF")
    result = CliRunner().invoke(command, ["export", str(path), str(tmp_path / target)])
    assert result.exit_code == 0, result.output
    assert (tmp_path / target).read_bytes() == WHOLE


def test_prune_leaves_what_others_wrote_and_names_it(tmp_path):
    mine = written(tmp_path, WHOLE)
    cut = tmp_path / f"{mine.name}.cut-1"
    cut.write_bytes(b"rest")
    its = written(tmp_path, ours(N, is_ours=False), "sub-01_task-sleep_eeg.edf")
    described = its.with_suffix(".json")
    described.write_text('{"TaskName": "sleep"}')
    diary = written(tmp_path, b"dear diary", "diary.edf")
    for path in tmp_path.iterdir():
        os.utime(path, (0, 0))
    result = CliRunner().invoke(
        command, ["prune", "--keep-days", "1", "--folder", str(tmp_path)]
    )
    assert result.exit_code == 0
    assert set(tmp_path.iterdir()) == {its, described, diary}
    for path in (its, diary):
        assert f"{path}: not recorded by sleepgate; kept" in result.output


def test_a_sidecar_that_is_not_ours_stays(tmp_path):
    path = written(tmp_path, WHOLE)
    note = path.with_suffix(".json")
    note.write_text('{"mine": 1}')
    os.utime(path, (0, 0))
    assert list(folders.prune(tmp_path, 1, 1e9)) == [path]
    assert note.exists()


def test_ls_skips_what_it_cannot_read_with_a_line(tmp_path):
    written(tmp_path, WHOLE)
    written(tmp_path, b"dear diary", "diary.edf")
    result = CliRunner().invoke(command, ["ls", "--folder", str(tmp_path)])
    assert result.exit_code == 0
    assert "2026-03-02_bed_01ABC.edf" in result.output
    assert "skipped: " in result.output
    assert "diary.edf: not an EDF file" in result.output


def test_a_hypnogram_beside_a_recording_is_no_part_of_its_session(tmp_path):
    path = written(tmp_path, WHOLE)
    written(tmp_path, b"tiny", "2026-03-02_bed_01ABC_hypnogram.edf")
    assert folders.of_session(tmp_path, "bed", "01ABC") == [path]
