from functools import partial

import numpy as np
import pytest

from training.data.dataset import (
    REAL_TEST_SUBJECTS,
    TEST_SUBJECTS,
    VALIDATION_SUBJECTS,
    read_table,
)
from training.surrogates import nights
from training.surrogates.epochs import Generator
from training.surrogates.nights import UNSTAGED, plan_nights, read_nights, staged


@pytest.fixture(scope="module")
def table(shared_data):
    return read_table(shared_data)


@pytest.fixture(scope="module")
def plans(shared_data, table):
    return plan_nights(shared_data, table)


def test_a_planned_night_is_made_of_its_own_rows_and_stages(plans, table):
    assert len(plans) == 153
    for plan in plans[::10]:
        known = plan.stages != UNSTAGED
        rows = plan.rows[known]
        assert set(table.records[rows]) == {plan.record}
        np.testing.assert_array_equal(table.stages[rows], plan.stages[known])
        assert known.mean() > 0.9


def test_within_a_stage_the_night_goes_forward(plans):
    plan = plans[0]
    for stage in range(5):
        assert (np.diff(plan.rows[plan.stages == stage]) >= 0).all()


def test_the_first_nights_planned_are_of_all_subjects(plans):
    assert len({plan.record[3:5] for plan in plans[:78]}) >= 75
    assert plans[0].record[3:5] in TEST_SUBJECTS


def test_few_nights_are_of_many_subjects_and_of_all_who_judge(plans):
    some = nights.chosen(plans, 55)
    learnt = [plan for plan in some if plan.is_for_training]
    judging = {plan.record[3:5] for plan in some if not plan.is_for_training}
    assert len(learnt) == len({plan.record[3:5] for plan in learnt}) == 55
    assert judging == {*TEST_SUBJECTS, *VALIDATION_SUBJECTS}
    assert not {plan.record[3:5] for plan in some} & {*REAL_TEST_SUBJECTS}
    assert nights.chosen(plans, None) == plans


def test_no_subject_is_both_learnt_from_and_judged_by(tmp_path, plans):
    folder = tmp_path / "nights"
    folder.mkdir()
    uv = np.zeros((1, 3, 3000), np.float16)
    for plan in plans:
        np.savez(folder / f"{plan.record}.npz", uv=uv, stages=np.zeros(1, np.int8))
    subjects = {
        part: {night.record[3:5] for night in read_nights(tmp_path, part)}
        for part in ("train", "validation", "test")
    }
    assert subjects["test"] == set(TEST_SUBJECTS)
    assert subjects["validation"] == set(VALIDATION_SUBJECTS)
    assert len(subjects["train"]) == 60 - len(REAL_TEST_SUBJECTS)
    judging = subjects["test"] | subjects["validation"] | {*REAL_TEST_SUBJECTS}
    assert not subjects["train"] & judging


def test_epochs_without_a_stage_are_not_learnt_from(tmp_path):
    folder = tmp_path / "nights"
    folder.mkdir()
    stages = np.array([0, UNSTAGED, 4], np.int8)
    uv = np.arange(3, dtype=np.float16)[:, None, None] * np.ones((1, 3, 3000))
    np.savez(folder / "SC4021.npz", uv=uv, stages=stages)
    found = staged(read_nights(tmp_path, "train"))
    assert found.stages.tolist() == [0, 4]
    assert found.uv[:, 0, 0].tolist() == [0, 2]
    assert found.subjects.tolist() == ["02", "02"]


def test_making_goes_on_where_it_was_interrupted(tmp_path, monkeypatch, table):
    some = table.only(table.records == "SC4021")
    rows = np.arange(0, len(some.stages), 100)
    plan = nights.NightPlan("SC4021", some.stages[rows], rows)
    small = partial(Generator, library_size=50)
    monkeypatch.setattr(nights, "Generator", small)
    monkeypatch.setattr(nights, "read_table", lambda data: some)
    monkeypatch.setattr(nights, "plan_nights", lambda data, table: [plan])
    nights.make_nights(tmp_path, tmp_path, seed=1, workers=1)
    (path,) = (tmp_path / "nights").iterdir()
    before = path.read_bytes()
    with np.load(path) as night:
        alive = night["uv"].astype(float).std(-1)
        np.testing.assert_array_equal(night["stages"], plan.stages)
    wanted = some.rows[rows][:, :, 0]
    assert abs(np.median(alive / wanted) - 1) < 0.25  # the band takes a little
    monkeypatch.setattr(nights, "_uv", None)
    nights.make_nights(tmp_path, tmp_path, seed=1, workers=1)
    assert path.read_bytes() == before
