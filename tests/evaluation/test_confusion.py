"""Figures of a confusion matrix; scripts/test-yasa compares them with scikit-learn."""

import doctest
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gateway.evaluation import confusion
from gateway.evaluation.confusion import (
    accuracy,
    cohen_kappa,
    confusion_matrix,
    f1_scores,
    macro_f1,
)

stages = arrays(np.int8, 60, elements=st.integers(0, 4))
counts = arrays(np.int64, (5, 5), elements=st.integers(0, 500))


def test_cohens_own_kind_of_example():
    # Cohen 1960's form: 35 of 50 agree, 25 would by chance
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_no_epoch_has_no_figure():
    nothing = confusion_matrix([], [])
    assert nothing.shape == (5, 5)
    figures = (accuracy(nothing), cohen_kappa(nothing), macro_f1(nothing))
    assert all(map(math.isnan, figures))


@given(stages)
def test_one_stage_alone_leaves_no_room_for_kappa(scored):
    found = cohen_kappa(confusion_matrix(scored, scored))
    assert math.isnan(found) if len(set(scored.tolist())) == 1 else found == 1


@given(stages, stages)
def test_kappa_is_symmetric_and_never_above_accuracy(reference, ours):
    one = confusion_matrix(reference, ours)
    other = confusion_matrix(ours, reference)
    np.testing.assert_array_equal(one.T, other)
    np.testing.assert_allclose(cohen_kappa(one), cohen_kappa(other))
    assert not cohen_kappa(one) > accuracy(one) + 1e-12


@given(st.lists(counts, min_size=1, max_size=4))
def test_a_stack_of_matrices_has_the_figures_of_each(matrices):
    stack = np.array(matrices)
    for figure in (accuracy, cohen_kappa, macro_f1, f1_scores):
        np.testing.assert_array_equal(figure(stack), [figure(m) for m in matrices])


def test_the_examples_in_the_docstrings_hold():
    found = doctest.testmod(confusion)
    assert (found.failed, found.attempted > 0) == (0, True)
