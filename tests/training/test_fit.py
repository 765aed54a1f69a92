"""A run that is killed ends as one that was not, to the bit."""

import io

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.progress import Progress  # noqa: E402 (only after the skip)
from training.sleep_edf import fit as module  # noqa: E402
from training.sleep_edf.course import Course  # noqa: E402
from training.sleep_edf.crossvalidate import (  # noqa: E402
    cross_validate,
    plan,
    read_scored,
)
from training.sleep_edf.fit import fit  # noqa: E402
from training.sleep_edf.nights import Epochs, PreparedNight  # noqa: E402

COURSE = Course(passes=3, batch=8, seed=2)


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
    one, _ = fit(train, validation, Course(passes=1, batch=8, seed=2), path, nothing)
    other = Course(passes=1, batch=8, seed=3)
    two, _ = fit(train, validation, other, path, nothing)
    assert any((one[name] != two[name]).any() for name in one)


def test_folds_are_fitted_once_and_added_up(nights, tmp_path, monkeypatch):
    progress = Progress("train", io.StringIO())
    what = plan(nights, "subjects", [1, 2])
    assert len(what.folds) == 4
    course = Course(passes=1, batch=8)
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
    result = cross_validate(nights, what, tmp_path, Course(passes=1, batch=8), progress)
    assert not result["folds"][0]["test"]
    assert result["figures"] == {}
    assert (tmp_path / "final" / "fold-00" / "seed-1" / "weights.npz").exists()
