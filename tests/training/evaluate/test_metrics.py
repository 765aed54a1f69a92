import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training.evaluate.metrics import beside, compare

stages = arrays(np.int8, 60, elements=st.integers(0, 4))


@given(stages)
def test_perfect_scoring_has_all_figures_at_one(true):
    agreement = compare(true, true)
    assert agreement.accuracy == 1
    if len(set(true.tolist())) > 1:
        assert abs(agreement.kappa - 1) < 1e-12
    else:
        assert np.isnan(agreement.kappa)
    assert all(f1 == 1 or np.isnan(f1) for f1 in agreement.f1)


@given(stages, stages)
def test_kappa_is_symmetric_and_never_above_accuracy(true, scored):
    one, other = compare(true, scored), compare(scored, true)
    assert one.n_epochs == 60
    assert one.accuracy == other.accuracy
    np.testing.assert_allclose(one.kappa, other.kappa, rtol=1e-9)
    assert np.isnan(one.kappa) or one.kappa <= one.accuracy + 1e-12


def test_a_worked_example():
    # Cohen 1960: 20 + 15 of 50 agree; by chance half would
    true = np.repeat([0, 0, 1, 1], [20, 5, 10, 15])
    scored = np.repeat([0, 1, 0, 1], [20, 5, 10, 15])
    agreement = compare(true, scored)
    assert abs(agreement.kappa - 0.4) < 1e-12
    assert agreement.confusion[1, 0] == 10
    document = agreement.document()
    assert document["accuracy"] == 0.7
    assert set(document["f1"]) == {"W", "N1"}


def test_figures_on_a_card_say_how_many_people_they_come_from():
    stages = np.array([0, 1, 2])
    assert compare(stages, stages, n_subjects=2).document()["n_subjects"] == 2


def test_what_is_lost_beside_a_peer():
    true, by_peer = np.array([0, 0, 2, 2, 3, 4]), np.array([0, 0, 2, 2, 3, 1])
    scored = np.array([0, 1, 2, 2, 3, 1])
    lost = beside(true, scored, by_peer)
    assert lost["same_stage"] == pytest.approx(5 / 6, abs=1e-4)
    assert lost["accuracy_lost"] == pytest.approx(1 / 6, abs=1e-4)
    kappas = (5 / 6 - 9 / 36) / (1 - 9 / 36), (4 / 6 - 7 / 36) / (1 - 7 / 36)
    assert lost["kappa_lost"] == pytest.approx(kappas[0] - kappas[1], abs=1e-4)
    assert set(beside(true, by_peer, by_peer).values()) == {1.0, 0.0}
