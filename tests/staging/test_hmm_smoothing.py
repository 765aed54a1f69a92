"""The second pass knows the neighbours, and nothing that nobody said."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.recordings.hypnogram import read_hypnogram
from gateway.staging.hmm_smoothing import LEAST, STEPS, WEIGHT, second_pass
from gateway.staging.stage import STAGES, Refusal, Stage
from tests.support.scored_nights import night_of, nights

W, N1, N2, N3, R = STAGES
MARGIN = 60  # epochs: half an hour


def density(stage, confidence=0.7):
    rest = (1 - confidence) / 4
    return tuple(confidence if s is stage else rest for s in STAGES)


@given(nights)
def test_a_refused_epoch_stays_refused_and_every_other_gets_a_stage(night):
    final = night.second_pass()
    for live, now, density in zip(
        night.stages, final.stages, final.hypnodensity, strict=True
    ):
        if isinstance(live, Refusal):
            assert now is live
            assert density == ()
        else:
            assert now is STAGES[density.index(max(density))]
            assert sum(density) == pytest.approx(1)
    changed = [a for a, b in zip(night.stages, final.stages, strict=True) if a is not b]
    assert final.n_changed == len(changed)


@given(
    st.lists(
        st.lists(st.floats(0.01, 1), min_size=5, max_size=5).map(
            lambda row: tuple(x / sum(row) for x in row)
        )
        | st.just(()),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=40)
def test_it_is_the_sum_over_all_paths(densities):
    stages = [STAGES[np.argmax(d)] if d else Refusal.GAP for d in densities]
    steps = np.array(STEPS, float)
    first = steps.sum(axis=0) / steps.sum()
    steps /= steps.sum(axis=1, keepdims=True)
    total = np.zeros((len(densities), 5))
    for path in product(range(5), repeat=len(densities)):
        chance = first[path[0]] * np.prod([steps[a, b] for a, b in pairwise(path)])
        for at, seen in zip(path, densities, strict=True):
            chance *= max(seen[at], LEAST) ** WEIGHT if seen else 1
        for epoch, at in enumerate(path):
            total[epoch, at] += chance
    total /= total.sum(axis=1, keepdims=True)
    for row, found in zip(
        total, second_pass(stages, densities).hypnodensity, strict=True
    ):
        if found:
            np.testing.assert_allclose(found, row, rtol=1e-9)


def test_a_lone_doubtful_epoch_follows_its_neighbours():
    live = [N2] * 10 + [R] + [N2] * 10
    night = [density(stage, 0.4 if stage is R else 0.8) for stage in live]
    final = second_pass(live, night)
    assert final.stages == (N2,) * 21
    assert final.n_changed == 1


def test_the_past_counts_once_where_a_context_head_saw_it():
    """Live it knows the epochs before; each later one adds what it says alone."""
    night = night_of([N2] * 9)
    alone = [density(R if 2 < at < 6 else N2, 0.9) for at in range(9)]
    epochs = tuple(
        replace(epoch, raw_hypnodensity=raw)
        for epoch, raw in zip(night.epochs, alone, strict=True)
    )
    final = replace(night, epochs=epochs).second_pass()
    last = np.maximum(epochs[-1].hypnodensity, LEAST)
    np.testing.assert_allclose(final.hypnodensity[-1], last / last.sum())
    steps = np.array(STEPS, float)
    steps /= steps.sum(axis=1, keepdims=True)
    later = steps @ np.maximum(alone[-1], LEAST) ** WEIGHT
    both = np.maximum(epochs[-2].hypnodensity, LEAST) * later
    np.testing.assert_allclose(final.hypnodensity[-2], both / both.sum())
    assert final != night.second_pass()


def test_a_refused_epoch_says_nothing_even_if_it_was_scored_alone():
    live, alone = [density(N2), (), density(N2)], [density(N2), density(R), density(R)]
    stages = [N2, Refusal.GAP, N2]
    silent = [density(N2), (), density(R)]
    assert second_pass(stages, live, alone) == second_pass(stages, live, silent)


def test_what_is_certain_stays():
    live = [W] * 5 + [N1] * 4 + [N2] * 30 + [N3] * 20 + [N2] * 6 + [R] * 20 + [W] * 3
    assert second_pass(live, [density(s, 0.97) for s in live]).stages == tuple(live)


def test_a_long_night_loses_no_precision():
    live = [N2, R] * 2880  # 48 hours
    found = second_pass(live, [density(s, 0.999) for s in live]).hypnodensity
    assert np.isfinite(found).all()


def test_no_night_at_all():
    assert second_pass([], []).stages == ()
    assert night_of([Refusal.GAP] * 3).second_pass().n_changed == 0


def test_the_steps_are_those_of_the_seventy_nights(shared_data):
    counts = Counter()
    for path in (shared_data / "hypnograms").glob("*-Hypnogram.edf"):
        stages = read_hypnogram(path)
        asleep = [i for i, s in enumerate(stages) if s not in {None, Stage.W}]
        start = max(0, asleep[0] - MARGIN)
        counts.update(pairwise(stages[start : asleep[-1] + 1 + MARGIN]))
    found = tuple(tuple(counts[a, b] for b in STAGES) for a in STAGES)
    assert found == STEPS
