import numpy as np
import pytest

from gateway.preprocessing.filtering import Band
from training.data.dataset import (
    REAL_TEST_SUBJECTS,
    TEST_SUBJECTS,
    VALIDATION_SUBJECTS,
    read_cuts,
)
from training.data.labelled import find_labelled, read_labelled
from training.data.real_pieces import mirrored, mosaics, part_of, read_piece_nights


def test_nobody_who_is_judged_by_is_trained_on():
    parts = {subject: part_of(subject) for subject in REAL_TEST_SUBJECTS}
    assert set(parts.values()) == {"test"}
    assert {part_of(subject) for subject in VALIDATION_SUBJECTS} == {"validation"}
    assert not set(REAL_TEST_SUBJECTS) & {*VALIDATION_SUBJECTS, *TEST_SUBJECTS}


def test_a_mirrored_piece_is_continuous():
    pieces = np.random.default_rng(0).normal(0, 20, (3, 500)).cumsum(1)
    whole = mirrored(pieces)
    assert whole.shape == (3, 3000)
    np.testing.assert_array_equal(whole[:, :500], pieces)
    np.testing.assert_array_equal(whole[:, 500:1000], pieces[:, ::-1])
    steps, own = np.abs(np.diff(whole)), np.abs(np.diff(pieces))
    assert steps.max() == own.max()


def test_a_mosaic_is_of_one_stage_and_leaves_nothing_out_of_a_long_run():
    stages = np.array([0] * 7 + [2] * 5 + [3] * 12)
    pieces = np.arange(len(stages))[:, None] * np.ones((1, 500))
    uv, of = mosaics(pieces, stages)
    assert of.tolist() == [0, 3, 3]
    assert uv[0].reshape(6, 500)[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert uv[2].reshape(6, 500)[:, 0].tolist() == [18, 19, 20, 21, 22, 23]
    none, _ = mosaics(pieces[:5], stages[:5])
    assert none.shape == (0, 3000)


def test_the_pieces_are_real_nights_in_microvolts(shared_data):
    nights = read_piece_nights(shared_data)
    assert len(nights) == 26
    assert len({night.subject for night in nights}) == 13
    assert sum(len(night.stages) for night in nights) == 27_899
    deep = np.concatenate([n.pieces[n.stages == 3].std(1) for n in nights])
    cuts = read_cuts_of_deep_sleep(shared_data)
    assert np.median(deep) == pytest.approx(np.median(cuts), rel=0.3)


def test_an_archive_of_pieces_is_judged_by_either_protocol(shared_data):
    path = find_labelled(shared_data / "sleep_edf20_first5s")[0]
    whole = read_labelled(path)
    assert whole.subject == "SC402"
    assert len(whole.stages) == 1025
    joined = read_labelled(path, pieces="mosaic")
    assert 0 < len(joined.stages) <= 1025 // 6
    counts = whole.recording.counts[0][0]
    np.testing.assert_array_equal(counts[500:1000], counts[499::-1])


def read_cuts_of_deep_sleep(shared_data):
    cuts = read_cuts(shared_data, Band())
    return cuts.uv[cuts.stages == 3][:, 0].std(1)
