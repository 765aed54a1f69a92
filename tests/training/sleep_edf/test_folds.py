import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import TrainingDataError
from training.sleep_edf.catalogue import subject_of
from training.sleep_edf.folds import divide, final_fold

# subject 13 has one night, as in the data
TWENTY = [f"SC4{s:02}{n}" for s in range(20) for n in (1, 2) if (s, n) != (13, 2)]
ALL = [
    f"SC4{s:02}{n}"
    for s in range(83)
    for n in (1, 2)
    if s not in {39, 68, 69, 78, 79} and (s, n) not in {(13, 2), (36, 1), (52, 1)}
]


def people(nights):
    return {subject_of(night) for night in nights}


def test_the_sets_are_the_published_ones():
    assert (len(TWENTY), len(ALL)) == (39, 153)
    assert (len(people(TWENTY)), len(people(ALL))) == (20, 78)


def test_twenty_subjects_are_left_out_one_by_one():
    folds = divide(TWENTY)
    assert len(folds) == 20
    assert [people(fold.test) for fold in folds] == [{f"{n:02}"} for n in range(20)]


def test_seventy_eight_are_dealt_into_ten():
    folds = divide(ALL)
    assert len(folds) == 10
    assert {len(people(fold.test)) for fold in folds} == {7, 8}


@given(
    st.lists(st.sampled_from(ALL), min_size=8, max_size=60, unique=True).filter(
        lambda nights: len(people(nights)) >= 5
    ),
    st.sampled_from([None, 2, 3]),
)
def test_nobody_is_in_two_parts_and_everybody_is_judged_by_once(nights, n_folds):
    folds = divide(nights, "subjects", n_folds)
    for fold in folds:
        parts = [people(p) for p in (fold.train, fold.validation, fold.test)]
        assert all(parts)
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]
        assert sorted(fold.train + fold.validation + fold.test) == sorted(nights)
    assert sorted(night for fold in folds for night in fold.test) == sorted(nights)


def test_folds_depend_on_the_names_alone():
    shuffled = np.random.default_rng(0).permutation(ALL).tolist()
    assert divide(shuffled) == divide(ALL)


@pytest.mark.parametrize(("nights", "used"), [(TWENTY, 30), (ALL, 150)])
def test_the_papers_folds_leak_as_published(nights, used):
    folds = divide(nights, "paper")
    assert len(folds) == 10
    tested = [night for fold in folds for night in fold.test]
    assert tested == sorted(nights)[:used]
    for fold in folds:
        assert fold.validation == fold.test  # which chooses the weights
        assert len(fold.train) + len(fold.test) == used
    assert any(people(fold.train) & people(fold.test) for fold in folds)


def test_final_weights_keep_a_tenth_to_choose_by():
    fold = final_fold(ALL)
    assert not fold.test
    assert len(people(fold.validation)) == 8
    assert not people(fold.train) & people(fold.validation)


@pytest.mark.parametrize("protocol", ["subjects", "paper"])
def test_too_few_nights_are_refused(protocol):
    with pytest.raises(TrainingDataError, match="cannot be divided"):
        divide(["SC4001", "SC4002"], protocol)
