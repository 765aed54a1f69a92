"""Two hypnograms of one night."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.evaluation.agreement import Agreement, agreement
from gateway.staging.stage import Refusal, Stage

nights = st.lists(st.sampled_from([*Stage, *Refusal]), max_size=80)


def test_agreement_counts_only_what_both_scored_and_what_we_refused():
    ours = [Stage.W, Stage.N1, Refusal.GAP, Stage.N2, Stage.R]
    expert = [Stage.W, Stage.N2, Stage.N2, None, Stage.R, Stage.R]
    found = agreement(ours, expert)
    assert (found.n_both, found.n_refused) == (3, 2)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.confusion[2] == (0, 1, 0, 0, 0)


def test_kappa_of_a_worked_example():
    # Cohen 1960's form, 2 x 2: p_o = 0.7, p_e = 0.5 * 0.6 + 0.5 * 0.4 = 0.5
    confusion = [[0] * 5 for _ in range(5)]
    confusion[0][0], confusion[0][2] = 20, 5
    confusion[2][0], confusion[2][2] = 10, 15
    found = Agreement(tuple(map(tuple, confusion)), 0)
    assert found.kappa == pytest.approx(0.4)


@given(nights)
def test_a_night_agrees_with_itself(night):
    found = agreement(night, night)
    assert found.n_refused == 0
    assert found.accuracy == (1.0 if found.n_both else None)
    n_kinds = len({s for s in night if isinstance(s, Stage)})
    assert found.kappa == (pytest.approx(1.0) if n_kinds > 1 else None)


def test_nothing_in_common_has_no_figures():
    found = agreement([], [Stage.W])
    assert (found.accuracy, found.kappa, found.n_refused) == (None, None, 1)


@given(nights, nights)
def test_pooled_nights_are_the_sum_of_their_epochs(a, b):
    ours, reference = a[: len(b)], b[: len(a)]
    one, both = agreement(ours, reference), agreement(ours * 2, reference * 2)
    assert one + one == both


@given(nights, nights)
def test_figures_by_stage_are_those_of_their_definitions(ours, reference):
    found = agreement(ours, reference)
    pairs = [
        (a, b)
        for a, b in zip(ours, reference, strict=False)
        if isinstance(a, Stage) and isinstance(b, Stage)
    ]
    for stage, of in found.stages.items():
        mine = sum(a is stage for a, _ in pairs)
        its = sum(b is stage for _, b in pairs)
        hits = sum(a is b is stage for a, b in pairs)
        assert of.precision == (hits / mine if mine else None)
        assert of.recall == (hits / its if its else None)
        assert of.f1 == (2 * hits / (mine + its) if mine + its else None)
    n_reference = sum(isinstance(stage, Stage) for stage in reference)
    assert found.coverage == (len(pairs) / n_reference if n_reference else None)
