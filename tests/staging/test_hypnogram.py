"""Collecting stages."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.hypnogram import Hypnogram, StageRun
from gateway.staging.scored_epoch import ScoredEpoch
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
        StageRun(0, 2, Stage.W),
        StageRun(2, 1, Refusal.GAP),
        StageRun(3, 1, Stage.N1),
    ]
