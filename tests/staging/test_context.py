from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ModelError
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import Flaw, Quality
from gateway.staging.context import Context, ContextHead, encode
from gateway.staging.epoch_scoring import EpochScorer
from gateway.staging.model_card import ModelCard
from gateway.staging.stage import Refusal, likeliest

KEPT = 4
ALONE = ModelCard("toy-1", ("EEG Fpz-Cz",), (12.0,), Band(), 1.0, "")
CARD = replace(ALONE, context=ContextHead(KEPT, 1.0))
FINE = Quality(frozenset(), 0.0, 1.0)
FLAT = Quality(frozenset({Flaw.FLAT}), 0.0, 0.0)

densities = st.lists(st.integers(0, 99), min_size=5, max_size=5).map(
    lambda weights: tuple((w + 0.01) / (sum(weights) + 0.05) for w in weights)
)
nights = st.lists(st.just(()) | densities, min_size=1, max_size=12)


class Remembering:
    """Any change of any epoch it is shown changes what it says."""

    card = CARD

    def hypnodensity(self, epoch):
        return tuple(epoch.uv[0, :5].astype(float))

    def in_context(self, codes):
        assert codes.shape == (KEPT, 6)
        dice = np.random.default_rng(codes.astype(np.uint8).ravel())
        return tuple(dice.dirichlet(np.ones(5)))


def epoch_of(index, density):
    uv = np.zeros((1, 3000), np.float32)
    uv[0, :5] = density or 0
    return Epoch(index, uv, (FINE if density else FLAT,), 30.0 * index)


def staged(night, epoch_scorer=None, first=0):
    epoch_scorer = epoch_scorer or EpochScorer(Remembering())
    return [
        epoch_scorer.score_epoch(epoch_of(first + n, of)) for n, of in enumerate(night)
    ]


@given(nights)
def test_the_head_sees_the_last_epochs_and_nothing_where_there_was_none(night):
    context = Context(KEPT)
    for index, density in enumerate(night):
        context.push(index, density)
    seen = [encode(of) if of else np.zeros(6, np.int8) for of in night]
    wanted = [np.zeros(6, np.int8)] * KEPT + seen
    np.testing.assert_array_equal(context.codes(), wanted[-KEPT:])


@given(nights, st.integers(1, 9), nights)
def test_epochs_that_never_came_are_like_refused_ones(before, lost, after):
    epoch_scorer = EpochScorer(Remembering())
    staged(before, epoch_scorer)
    holed = staged(after, epoch_scorer, first=len(before) + lost)
    assert holed == staged([*before, *[()] * lost, *after])[-len(after) :]


@given(nights, nights, nights)
def test_the_future_changes_nothing_before_it(night, one_end, other_end):
    kept = len(night)
    assert staged(night + one_end)[:kept] == staged(night + other_end)[:kept]


@given(nights, nights)
def test_after_a_restart_the_night_goes_on_as_if_there_had_been_none(before, after):
    whole = staged(before + after)
    epoch_scorer = EpochScorer(Remembering())
    for index, verdict in enumerate(whole[: len(before)]):
        epoch_scorer.remember(index, verdict.raw)
    assert staged(after, epoch_scorer, first=len(before)) == whole[len(before) :]


@given(nights)
def test_a_refused_epoch_stays_refused_whatever_came_before(night):
    for density, verdict in zip(night, staged(night), strict=True):
        if density:
            assert verdict.stage is likeliest(verdict.hypnodensity)
            assert verdict.raw == tuple(np.float32(density).astype(float))
        else:
            assert verdict == (Refusal.LOW_QUALITY, (), ())


@given(nights)
def test_without_a_head_every_epoch_is_staged_by_itself(night):
    scorer = Remembering()
    scorer.card = ALONE
    for verdict in staged(night, EpochScorer(scorer)):
        assert verdict.hypnodensity == verdict.raw
        assert not verdict.raw or verdict.stage is likeliest(verdict.raw)


def test_a_head_that_fails_refuses_its_epoch_and_the_night_goes_on():
    scorer = Remembering()
    epoch_scorer = EpochScorer(scorer)
    density = (0.6, 0.1, 0.1, 0.1, 0.1)

    def fail(codes):
        raise ModelError("toy-1: inference failed")

    scorer.in_context = fail
    assert epoch_scorer.score_epoch(epoch_of(0, density)) == (
        Refusal.MODEL_ERROR,
        (),
        (),
    )
    del scorer.in_context
    assert (
        epoch_scorer.score_epoch(epoch_of(1, density)) == staged([density, density])[1]
    )


@given(densities)
def test_an_epoch_is_encoded_as_its_logarithms(density):
    codes = encode(density)
    logs = np.clip(np.log(density) + 4, -4, 4)
    np.testing.assert_allclose(codes[:5] * (8 / 255), logs, atol=4.5 / 255)
    assert codes[5] == 127


def test_an_impossible_stage_is_as_low_as_there_is():
    assert encode((1.0, 0.0, 0.0, 0.0, 0.0)).tolist() == [127, *[-127] * 4, 127]
