"""Collecting stages, and comparing with an expert."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.hypnogram import Agreement, Hypnogram, Run, agreement
from gateway.staging.score import ScoredEpoch
from gateway.staging.stage import Refusal, Stage

nights = st.lists(st.sampled_from([*Stage, *Refusal]), max_size=80)


def scored(index, stage):
    start = datetime(2026, 2, 13, tzinfo=UTC)
    return ScoredEpoch(index, start, stage, (), (), asleep=None, t_rx=0.0)


@given(nights, st.randoms())
def test_epochs_may_come_in_any_order(night, random):
    order = list(enumerate(night))
    random.shuffle(order)
    hypnogram = Hypnogram()
    for index, stage in order:
        hypnogram.add(scored(index, stage))
    assert hypnogram.stages == tuple(night)


def test_epochs_never_seen_are_gaps():
    hypnogram = Hypnogram()
    hypnogram.add(scored(3, Stage.N2))
    assert hypnogram.stages == (Refusal.GAP,) * 3 + (Stage.N2,)
    assert (len(hypnogram), hypnogram.n_scored) == (4, 1)


@given(nights)
def test_runs_spell_the_night(night):
    runs = Hypnogram(night).runs()
    assert [s for run in runs for s in [run.stage] * run.length] == night
    assert [run.start for run in runs] == [
        sum(r.length for r in runs[:i]) for i in range(len(runs))
    ]
    assert all(a.stage is not b.stage for a, b in pairwise(runs))


def test_runs_of_a_small_night():
    night = [Stage.W, Stage.W, Refusal.GAP, Stage.N1]
    assert Hypnogram(night).runs() == [
        Run(0, 2, Stage.W),
        Run(2, 1, Refusal.GAP),
        Run(3, 1, Stage.N1),
    ]


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
