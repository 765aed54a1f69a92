"""Results replace results of ours, and nothing else."""

import pytest

from gateway.errors import RecordingError
from gateway.offline.result_files import is_result, write_results
from gateway.offline.score_file import RESULTS, ScoreOptions, ScoreTask, run_task
from tests.offline.test_batch import cut

ENDINGS = sorted({end for writers in RESULTS.values() for end in writers})
OPTIONS = ScoreOptions(outs=tuple(RESULTS))
EXPERTS = {
    "_night.json": b'{"epochs": [], "model": "a person"}',
    "_hypnogram.csv": b"epoch,stage\n0,W\n",
    "_hypnogram.edf": b"0".ljust(88) + b"Startdate X X X X".ljust(424),
    "_hypnogram.tsv": b"onset\tduration\tstage\n0\t30\tW\n",
    "_hypnogram.json": b'{"GeneratedBy": [{"Name": "a person"}]}',
}


def task(folder):
    cut(folder / "n.npz")
    return ScoreTask(recording=folder / "n.npz", stem=folder / "n", options=OPTIONS)


def test_results_of_ours_are_known_and_replaced(tmp_path):
    assert run_task(task(tmp_path)).error is None
    for end in ENDINGS:
        assert is_result(tmp_path / f"n{end}")
    assert run_task(task(tmp_path)).error is None


@pytest.mark.parametrize("content", ["experts", b"", b"[]", b"\xff\xfe"])
@pytest.mark.parametrize("end", ENDINGS)
def test_what_a_person_scored_stays(tmp_path, end, content):
    path = tmp_path / f"n{end}"
    written = EXPERTS[end] if content == "experts" else content
    path.write_bytes(written)
    outcome = run_task(task(tmp_path))
    assert f"{path}: there already" in outcome.error
    assert "--into" in outcome.error
    assert path.read_bytes() == written
    assert {p.name for p in tmp_path.iterdir()} == {"n.npz", path.name}


def test_none_is_written_where_one_is_not_ours(tmp_path):
    (tmp_path / "a.tsv").write_bytes(b"mine")
    with pytest.raises(RecordingError):
        write_results({tmp_path / "b.csv": b"1", tmp_path / "a.tsv": b"2"})
    assert not (tmp_path / "b.csv").exists()


@pytest.mark.parametrize(
    ("recording", "result"),
    [
        ("sub-01_task-sleep_eeg", "sub-01_task-sleep_hypnogram.tsv"),
        ("night_eeg", "night_eeg_hypnogram.tsv"),
    ],
)
def test_a_bids_suffix_is_replaced(tmp_path, recording, result):
    options = ScoreOptions(outs=("bids", "json"))
    made = ScoreTask(
        recording=tmp_path / "x.edf", stem=tmp_path / recording, options=options
    )
    names = {path.name for path in made.results}
    assert {result, f"{recording}_night.json"} <= names
