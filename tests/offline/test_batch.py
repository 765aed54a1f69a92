"""Many recordings: each once, whoever dies, whatever is corrupt, however often."""

import json
import os
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gateway.atomic_write import write_result
from gateway.errors import ConfigError, RecordingError
from gateway.offline.batch import BatchPlan, score_archive
from gateway.offline.manifest import NAME, Manifest
from gateway.offline.score_file import ScoreOptions, ScoreOutcome, ScoreTask
from gateway.offline.workers import KILLED, score_locally

DEADLY = "deadly"


def cut(path, n_epochs=2, seed=0):
    """Write a short recording, as the cuts of Sleep-EDF are kept."""
    noise = np.random.default_rng(seed).normal(0, 400, 3000 * n_epochs)
    np.savez(
        path,
        eeg_fpz_cz=noise.astype(np.int16),
        fs_eeg_fpz_cz=100.0,
        uV_per_lsb_eeg_fpz_cz=0.05,
        labels=np.zeros(n_epochs, np.int8),
    )
    return path


def tasks_in(folder, names):
    return [
        ScoreTask(recording=folder / name, stem=folder / name, options=ScoreOptions())
        for name in names
    ]


def die_or_score(task):
    """Do what a worker does, and what one out of memory does."""
    if DEADLY in task.recording.name:
        os._exit(9)
    return ScoreOutcome(n_epochs=1)


def plan(**how):
    told = {"options": ScoreOptions(), "into": None, "jobs": 1, "dask": None}
    return BatchPlan(**{**told, "again": False, **how})


def test_a_worker_that_dies_takes_no_other_recording_with_it(tmp_path):
    names = [f"night{i}" for i in range(12)]
    names[5] = DEADLY
    found = list(score_locally(tasks_in(tmp_path, names), 2, die_or_score))
    assert Counter(task.recording.name for task, _ in found) == Counter(names)
    errors = {task.recording.name: outcome.error for task, outcome in found}
    assert {name for name, error in errors.items() if error} == {DEADLY}
    assert errors[DEADLY] == KILLED


def test_what_a_killed_writer_left_goes_when_its_recording_is_done(tmp_path):
    cut(tmp_path / "n[1].npz")
    left = tmp_path / ".n[1]_night.json.k1ll3d_x"
    another = tmp_path / ".n1_night.json.ab_12cde"
    for path in (left, another):
        path.write_text("half")
    assert score_archive([tmp_path / "n[1].npz"], plan()) == 0
    assert not left.exists()
    assert another.exists()
    assert json.loads((tmp_path / "n[1]_night.json").read_text())["epochs"]


def test_an_archive_is_scored_once_and_the_corrupt_is_reported(tmp_path, capsys):
    folder = tmp_path / "archive" / "2026"
    folder.mkdir(parents=True)
    for i in range(4):
        cut(folder / f"n{i}.npz", seed=i)
    (folder / "corrupt.edf").write_text("dear diary")
    (folder / "n0_hypnogram.edf").write_text("no recording, by its name")
    out = tmp_path / "out"
    archive = tmp_path / "archive"
    assert score_archive([archive], plan(into=out)) == 1
    said = capsys.readouterr().err
    assert "4 recordings scored, 8 epochs" in said
    assert f"not scored: {folder / 'corrupt.edf'}: not an EDF file" in said
    results = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.json"))
    assert results == [f"2026/n{i}_night.json" for i in range(4)]
    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.json")}
    # once more: only what failed, what changed and what is gone
    cut(folder / "n1.npz", n_epochs=3)
    (out / "2026" / "n2_night.json").unlink()
    assert score_archive([archive], plan(into=out)) == 1
    assert "2 of 5 are done already" in capsys.readouterr().err
    for path, stamp in written.items():
        same = path.exists() and path.stat().st_mtime_ns == stamp
        assert same == (path.name[:2] in {"n0", "n3"})
    assert json.loads((out / "2026" / "n1_night.json").read_text())["n_epochs"] == 3
    assert not list(out.rglob(".*"))  # nothing half written


def test_the_results_do_not_depend_on_the_number_of_processes(tmp_path):
    for i in range(3):
        cut(tmp_path / f"n{i}.npz", seed=i)
    one, two = tmp_path / "one", tmp_path / "two"
    every = ScoreOptions(outs=("json", "csv", "edf", "bids"))
    for out, jobs in ((one, 1), (two, 2)):
        assert score_archive([tmp_path], plan(into=out, jobs=jobs, options=every)) == 0
    names = sorted(path.name for path in one.iterdir() if path.name != NAME)
    assert len(names) == 3 * 5
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_a_line_cut_short_by_a_power_cut_is_passed_over(tmp_path):
    task = tasks_in(tmp_path, [cut(tmp_path / "n.npz").name])[0]
    for path in task.results:
        path.write_text("{}")
    ledger = Manifest(tmp_path, "digest")
    ledger.note(task, ScoreOutcome(n_epochs=2, n_scored=1, notes=("odd",)))
    with (tmp_path / NAME).open("a") as file:
        file.write('{"recording": "')
    again = Manifest(tmp_path, "digest")
    assert again.done(task) == ScoreOutcome(n_epochs=2, n_scored=1, notes=("odd",))
    assert Manifest(tmp_path, "another model").done(task) is None
    other = replace(task, options=ScoreOptions(mains_hz=60))
    assert again.done(other) is None
    again.note(task, ScoreOutcome(error="broke"))
    assert Manifest(tmp_path, "digest").done(task) is None


def test_recordings_that_would_write_the_same_results_are_refused(tmp_path):
    cut(tmp_path / "n.npz")
    (tmp_path / "n.edf").write_text("")
    with pytest.raises(RecordingError, match="would write the same results"):
        score_archive([tmp_path], plan())


def test_a_folder_without_recordings_is_refused(tmp_path):
    with pytest.raises(RecordingError, match=r"no \.edf, \.bdf or \.npz file"):
        score_archive([tmp_path], plan())


def test_a_result_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "r.json"
    write_result(path, b"old")
    with pytest.raises(ConfigError, match="--into"):
        write_result(path / "under", b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
