"""A run that is killed ends as one that was not, to the bit."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from gateway.models.load import try_model  # noqa: E402 (only after the skip)
from training.errors import TrainingDataError  # noqa: E402
from training.progress import Progress  # noqa: E402
from training.sleep_edf import fit as module  # noqa: E402
from training.sleep_edf.course import SleepEdfSettings  # noqa: E402
from training.sleep_edf.crossvalidate import (  # noqa: E402
    cross_validate,
    plan,
    read_scored,
)
from training.sleep_edf.export import export_run  # noqa: E402
from training.sleep_edf.fit import fit  # noqa: E402
from training.sleep_edf.nights import (  # noqa: E402
    Epochs,
    PreparedNight,
    read_nights,
    write_night,
)

COURSE = SleepEdfSettings(passes=3, batch=8, seed=2)


def night(name, seed, n_epochs=24):
    """Return a night whose stages differ in loudness."""
    rng = np.random.default_rng(seed)
    stages = rng.integers(0, 5, n_epochs).astype(np.int8)
    loud = np.array([5, 10, 20, 40, 80])[stages]
    uv = rng.standard_normal((n_epochs, 3, 3000)) * loud[:, None, None]
    about = {"prepared": {"version": 1}}
    return PreparedNight(
        name, uv.astype(np.float16), stages, np.arange(n_epochs, dtype=np.int32), about
    )


@pytest.fixture(scope="module")
def nights():
    names = ("SC4001", "SC4002", "SC4011", "SC4021", "SC4031")
    return [night(name, seed) for seed, name in enumerate(names)]


class KilledError(Exception):
    pass


def killed_after(passes):
    def told(done, _note):
        if done == passes:
            raise KilledError

    return told


def nothing(_done, _note):
    pass


def test_a_run_that_was_killed_twice_ends_to_the_bit_as_one_that_was_not(
    nights, tmp_path
):
    train, validation = Epochs(nights[:3]), Epochs(nights[3:])
    whole, curve = fit(train, validation, COURSE, tmp_path / "whole.npz", nothing)
    for passes in (1, 2):
        with pytest.raises(KilledError):
            fit(train, validation, COURSE, tmp_path / "a.npz", killed_after(passes))
    again, same = fit(train, validation, COURSE, tmp_path / "a.npz", nothing)
    assert same == curve
    for name, of in whole.items():
        np.testing.assert_array_equal(again[name], of, name)


def test_a_state_of_another_course_is_not_gone_on_from(nights, tmp_path):
    train, validation = Epochs(nights[:3]), Epochs(nights[3:])
    path = tmp_path / "s.npz"
    one, _ = fit(
        train, validation, SleepEdfSettings(passes=1, batch=8, seed=2), path, nothing
    )
    other = SleepEdfSettings(passes=1, batch=8, seed=3)
    two, _ = fit(train, validation, other, path, nothing)
    assert any((one[name] != two[name]).any() for name in one)


def test_folds_are_fitted_once_and_added_up(nights, tmp_path, monkeypatch):
    progress = Progress("train", io.StringIO())
    what = plan(nights, "subjects", [1, 2])
    assert len(what.folds) == 4
    course = SleepEdfSettings(passes=1, batch=8)
    result = cross_validate(nights, what, tmp_path, course, progress)
    for table in result["figures"].values():
        assert table["n_epochs"] == 24 * 5
        assert table["n_subjects"] == 4
        assert table["kappa"]["interval_95"] is not None
    answers = read_scored(tmp_path / "subjects" / "fold-01" / "seed-1")
    assert set(answers.subjects) == {"01"}

    def never(*_):
        raise AssertionError("fitted again")

    monkeypatch.setattr(module, "fit", never)
    again = cross_validate(nights, what, tmp_path, course, progress)
    assert again == result


def test_final_weights_leave_nobody_out_but_those_who_choose(nights, tmp_path):
    what = plan(nights, "final", [1])
    progress = Progress("train", io.StringIO())
    result = cross_validate(
        nights, what, tmp_path, SleepEdfSettings(passes=1, batch=8), progress
    )
    assert not result["folds"][0]["test"]
    assert result["figures"] == {}
    assert (tmp_path / "final" / "fold-00" / "seed-1" / "weights.npz").exists()


# --- and out comes a package ---


@pytest.fixture(scope="module")
def fitted(nights, tmp_path_factory):
    """Return the folders of two folds and of final weights, fitted in a moment."""
    folder = tmp_path_factory.mktemp("fitted")
    for one in nights:
        about = {
            "prepared": {"channels": ["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"]}
        }
        write_night(folder / "prepared", replace(one, about=about))
    mapped = read_nights(folder / "prepared")
    progress = Progress("train", io.StringIO())
    for protocol, n_folds in (("subjects", 2), ("final", None)):
        what = plan(mapped, protocol, [1], n_folds)
        course = SleepEdfSettings(passes=1, batch=8)
        cross_validate(mapped, what, folder / "runs", course, progress)
    return folder


@pytest.mark.parametrize("protocol", ["final", "subjects"])
def test_a_package_of_ones_own_is_accepted_and_answers_its_golden_vectors(
    fitted, protocol, tmp_path
):
    run = Path(protocol) / "fold-00" / "seed-1"
    made = export_run(fitted / "prepared", fitted / "runs", run, "own", steps=(5, 20))
    assert len(made) <= 64 * 1024
    path = tmp_path / "own.tflite"
    path.write_bytes(made)
    pytest.importorskip("ai_edge_litert", reason="needs LiteRT beside TensorFlow")
    trial = try_model(str(path))
    assert len(trial.verdicts) == 4  # network and head, on both sets of kernels
    assert all(verdict.passed for verdict in trial.verdicts.values())
    about = trial.card.about
    assert about["cross_validation_float32"]["seed 1"]["n_subjects"] == 4
    judged_by = {"final": "validation", "subjects": "test"}[protocol]
    assert about["figures_int8_are_of"].startswith(judged_by)
    assert trial.card.context.n_epochs == 30
    n_subjects = 1 if protocol == "final" else 2
    for judged in ("epoch alone", "in context"):
        assert about["figures_int8"][judged]["n_subjects"] == n_subjects


def test_what_was_not_fitted_cannot_be_exported(fitted):
    run = Path("subjects") / "fold-07" / "seed-1"
    with pytest.raises(TrainingDataError, match="not fitted"):
        export_run(fitted / "prepared", fitted / "runs", run, "own")
