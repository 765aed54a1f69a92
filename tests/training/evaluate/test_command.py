"""Any labelled recording is judged as the daemon would have scored it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from gateway.models.load import read_model
from gateway.offline.score_recording import score
from gateway.session.pipeline import Night
from gateway.staging.scored_epoch import ScoredEpoch
from tests.support.sleep_edf_files import write_hypnogram, write_night, write_psg
from training.data.labelled import find_labelled, read_labelled, without
from training.errors import TrainingDataError
from training.evaluate.command import command
from training.evaluate.peers import Tree, judge_by_yasa
from training.evaluate.score_nights import score_labelled

STAGES = "WW" + "1" + "2" * 4 + "3" * 2 + "4" + "R" * 2 + "M?"


@pytest.fixture(scope="module")
def scorer():
    return read_model("default")


@pytest.fixture
def psg(tmp_path):
    return write_night(tmp_path, "SC4001", STAGES)


def archive(path, where, *, name="ucddb002", sfreq=128):
    """Write an archive with holes, as the apnoea patients have."""
    rng = np.random.default_rng(0)
    content = {
        "eeg": rng.integers(-900, 900, (len(where), 30 * sfreq)).astype(np.int16),
        "units_per_lsb_eeg": np.float32(1e-3),
        "fs_eeg": np.float32(sfreq),
        "labels": np.arange(len(where), dtype=np.uint8) % 6,
        "epoch_index": np.array(where, np.int32),
        "record_id": np.array(name),
    }
    np.savez(path, **content)
    return path


def test_a_recording_gets_the_answers_the_daemon_gives(psg, scorer):
    night = read_labelled(psg)
    said = score_labelled(night, scorer)["model"]
    assert said.subjects.tolist() == ["SC400"] * 12
    assert said.true.tolist() == [0, 0, 1, 2, 2, 2, 2, 3, 3, 3, 4, 4]
    live = [
        value.hypnodensity
        for value in score(night.recording, Night(scorer, {}, 50))
        if isinstance(value, ScoredEpoch)
    ]
    np.testing.assert_array_equal(said.proba, np.array(live)[:12])


def test_epochs_the_daemon_refuses_are_refused_here(tmp_path, scorer):
    path = write_night(tmp_path, "SC4001", STAGES, quiet=[3])
    said = score_labelled(read_labelled(path), scorer)["model"]
    assert np.flatnonzero(~said.answered).tolist() == [3]


def test_an_archive_with_holes_lies_where_it_was_in_the_night(tmp_path, scorer):
    where = [2, 3, 4, 9, 10, 40]
    night = read_labelled(archive(tmp_path / "a.npz", where))
    assert sorted(night.stages) == where[:5]  # the sixth label is movement
    said = score_labelled(night, scorer, {"EEG Fpz-Cz": "EEG"})["model"]
    assert said.answered.all()
    assert said.true.tolist() == [0, 1, 2, 3, 4]
    alone = read_labelled(archive(tmp_path / "b.npz", range(6)))
    packed = score_labelled(alone, scorer, {"EEG Fpz-Cz": "EEG"})["model"]
    if scorer.card.context is None:  # each epoch by itself: place does not matter
        np.testing.assert_array_equal(said.proba, packed.proba)


def test_real_cuts_are_read_in_microvolts(shared_data, scorer):
    paths = find_labelled(shared_data / "sleep_edf_cuts")
    nights = [read_labelled(path) for path in paths]
    assert len({night.subject for night in nights}) == 3
    assert sum(len(night.stages) for night in nights) == 117
    said = score_labelled(nights[0], scorer)["model"]
    assert said.answered.all()


def test_a_channel_is_left_out_by_the_models_name_for_it(psg):
    night = read_labelled(psg)

    def labels(of):
        return [c.label for s in of.recording.montage.streams for c in s.channels]

    assert labels(night) == ["Fpz-Cz", "Pz-Oz", "EOG", "EMG"]
    fewer = without(night, frozenset({"EOG horizontal", "EEG Pz-Oz"}))
    assert labels(fewer) == ["Fpz-Cz", "EMG"]
    np.testing.assert_array_equal(
        fewer.recording.counts[0][0], night.recording.counts[0][0]
    )


def test_what_nobody_labelled_is_refused(tmp_path, psg):
    (tmp_path / "SC4001EC-Hypnogram.edf").unlink()
    with pytest.raises(TrainingDataError, match="--hypnogram"):
        read_labelled(psg)
    write_hypnogram(tmp_path / "other.edf", "??" * 6)
    with pytest.raises(TrainingDataError, match="nothing in it is labelled"):
        read_labelled(psg, hypnogram=tmp_path / "other.edf")
    np.savez(tmp_path / "x.npz", data=np.zeros(3))
    with pytest.raises(TrainingDataError, match="no 'labels'"):
        read_labelled(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_bytes(b"PK")
    with pytest.raises(TrainingDataError, match="not a readable"):
        read_labelled(tmp_path / "y.npz")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(TrainingDataError, match=r"no \.npz"):
        find_labelled(empty)


def test_the_command_prints_where_its_figures_come_from(tmp_path, psg):
    write_night(tmp_path, "SC4011", STAGES, seed=1)
    out = tmp_path / "out"
    matplotlib = pytest.importorskip("matplotlib", reason="needs [training]")
    assert matplotlib
    result = CliRunner().invoke(
        command, ["default", str(tmp_path), "--out", str(out)], catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    assert "2 recordings" in result.stdout
    assert "2 subjects, 24 epochs" in result.stdout
    [document] = json.loads((out / "figures.json").read_text())
    assert document["recordings"] == ["SC4001E0-PSG", "SC4011E0-PSG"]
    assert document["figures"]["model"]["n_subjects"] == 2
    assert len(list(out.glob("*.png"))) == 3


def test_other_labels_are_mapped_by_hand(tmp_path, scorer):
    path = tmp_path / "n.edf"
    write_psg(path, STAGES)
    write_hypnogram(tmp_path / "h.edf", STAGES)
    mapped = {"EEG Fpz-Cz": "EEG Pz-Oz"}
    night = read_labelled(path, mapped, tmp_path / "h.edf")
    assert score_labelled(night, scorer)["model"].answered.all()


# --- peers ---


def feature_table(path, subjects=("SC400", "SC401", "SC402")):
    """Write a table in which loud epochs are deep."""
    rng = np.random.default_rng(0)
    n = 300
    stages = rng.integers(0, 5, n)
    features = rng.normal(1, 0.1, (n, 3, 13))
    features[:, :, 0] = (10 + 20 * stages)[:, None]
    record = np.array([f"{subjects[i % len(subjects)]}1" for i in range(n)])
    np.savez(path, features=features, labels=stages, record=record)
    return path


def test_the_tree_never_learns_from_who_it_is_judged_by(tmp_path, psg):
    pytest.importorskip("sklearn", reason="needs the extra [training]")
    nights = [read_labelled(psg)]
    tree = Tree(feature_table(tmp_path / "t.npz"), nights, rounds=2)
    assert tree.n_subjects == 2
    assert tree.sites == ["Fpz-Cz", "Pz-Oz", "EOG"]
    said = tree.judge(nights[0])
    np.testing.assert_allclose(said.proba.sum(1), 1)
    assert len(said.true) == 12


def test_the_trees_features_are_those_of_the_table(shared_data):
    from training.evaluate.peers import COLUMNS, _features  # noqa: PLC0415

    night = read_labelled(
        shared_data / "sleep_edf_cuts" / "SC4012E0_epoch0657-0658.npz"
    )
    with np.load(shared_data / "sleep_edf_features" / "time_domain.npz") as table:
        mine = table["record"] == "SC4012"
        rows = table["features"][mine][:, 0][:, COLUMNS]
    for row in _features(night, "Fpz-Cz").values():
        off = np.abs(rows / row - 1).max(1)
        assert off.min() < 0.01  # one zero crossing more or less


def test_yasa_is_not_asked_about_what_is_too_short_or_has_holes(tmp_path, psg):
    short = write_night(tmp_path, "SC4011", "WW22")
    assert judge_by_yasa("no-python", read_labelled(short)) is None
    holes = read_labelled(archive(tmp_path / "a.npz", [*range(12), 20]))
    assert judge_by_yasa("no-python", holes) is None


def test_yasas_answers_are_put_beside_the_labels(tmp_path, psg):
    python = tmp_path / "python"
    python.write_text(
        "#!/usr/bin/env python3\n"
        "import pathlib, sys\n"
        "pathlib.Path(sys.argv[3]).write_bytes(pathlib.Path(__file__).with_name('a')"
        ".read_bytes())\n"
    )
    python.chmod(0o755)
    answer = np.zeros((14, 5))
    answer[:, 2] = 1
    with (tmp_path / "a").open("wb") as file:
        np.save(file, answer)
    said = judge_by_yasa(python, read_labelled(psg))
    assert said.scored.tolist() == [2] * 12
    python.write_text("#!/bin/sh\necho 'ImportError: no yasa' >&2\nexit 1\n")
    with pytest.raises(TrainingDataError, match="ImportError: no yasa"):
        judge_by_yasa(python, read_labelled(psg))
