from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ModelError
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import ABSENT, Flaw, Quality
from gateway.staging.epoch_scoring import score_or_refuse
from gateway.staging.model_card import ModelCard
from gateway.staging.stage import STAGES, Refusal, Stage

CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
CARD = ModelCard("toy-1", CHANNELS, (12.0, 8.0, 20.0), Band(), 1.0, "")
FINE = Quality(frozenset(), 0.0, 1.0)
FLAWS = [flaw for flaw in Flaw if flaw is not Flaw.ABSENT]

flawed = st.builds(
    lambda flaws, missing_s: Quality(frozenset(flaws), missing_s, 0.0),
    st.sets(st.sampled_from(FLAWS), min_size=1),
    st.floats(0, 30),
)
verdicts = st.one_of(st.just(FINE), st.just(ABSENT), flawed)
useless = st.one_of(st.just(ABSENT), flawed)


class Answering:
    """A scorer with one answer, which remembers what it was asked."""

    card = CARD

    def __init__(self, hypnodensity):
        self.answer = tuple(hypnodensity)
        self.asked = []

    def hypnodensity(self, epoch):
        self.asked.append(epoch)
        return self.answer


class Failing:
    card = CARD

    def hypnodensity(self, epoch):
        raise ModelError("toy-1: inference failed: out of memory")


def epoch_of(*quality):
    uv = np.zeros((len(quality), 3000), np.float32)
    return Epoch(0, uv, tuple(quality), 30.0)


def verdict(flaws, missing_s=0.0):
    return Quality(frozenset(flaws), missing_s, 0.0)


@given(st.permutations([0.4, 0.3, 0.15, 0.1, 0.05]))
def test_the_stage_is_the_likeliest(hypnodensity):
    stage, shown = score_or_refuse(epoch_of(FINE, FINE, FINE), Answering(hypnodensity))
    assert stage is STAGES[hypnodensity.index(0.4)]
    assert shown == tuple(hypnodensity)


@given(verdicts, verdicts)
def test_one_flawless_eeg_derivation_is_enough(other_eeg, eog):
    scorer = Answering([0, 0, 1, 0, 0])
    for quality in ((FINE, other_eeg, eog), (other_eeg, FINE, eog)):
        assert score_or_refuse(epoch_of(*quality), scorer)[0] is Stage.N2


@given(useless, useless, verdicts)
def test_without_eeg_nothing_is_scored_and_nobody_asked(first, second, eog):
    scorer = Answering([0, 0, 1, 0, 0])
    stage, hypnodensity = score_or_refuse(epoch_of(first, second, eog), scorer)
    assert stage in {Refusal.GAP, Refusal.LOW_QUALITY}
    assert hypnodensity == ()
    assert scorer.asked == []


@given(st.lists(st.one_of(st.just(ABSENT), flawed), min_size=2, max_size=2), verdicts)
def test_a_gap_is_named_when_every_eeg_there_is_has_one(eeg, eog):
    stage, _ = score_or_refuse(epoch_of(*eeg, eog), Answering([1, 0, 0, 0, 0]))
    there = [quality for quality in eeg if quality is not ABSENT]
    gap = bool(there) and all(Flaw.GAP in quality.flaws for quality in there)
    assert stage is (Refusal.GAP if gap else Refusal.LOW_QUALITY)


def test_losing_more_than_a_fifth_of_the_only_eeg_is_a_gap():
    lost = verdict({Flaw.GAP}, missing_s=6.1)
    stage, _ = score_or_refuse(epoch_of(lost, ABSENT, FINE), Answering([1, 0, 0, 0, 0]))
    assert stage is Refusal.GAP


def test_a_flat_electrode_is_low_quality_and_no_gap():
    flat = verdict({Flaw.FLAT})
    stage, _ = score_or_refuse(epoch_of(flat, ABSENT, FINE), Answering([1, 0, 0, 0, 0]))
    assert stage is Refusal.LOW_QUALITY


@pytest.mark.parametrize(
    ("flaws", "reason"),
    [({Flaw.RAILED}, Refusal.OFF_HEAD), ({Flaw.GAP}, Refusal.GAP)],
)
def test_off_the_head_is_reported_unless_the_samples_were_lost(flaws, reason):
    epoch = replace(epoch_of(verdict(flaws), ABSENT, FINE), off_head=True)
    assert score_or_refuse(epoch, Answering([1, 0, 0, 0, 0])) == (reason, ())


def test_what_can_be_scored_is_scored():
    epoch = replace(epoch_of(FINE, verdict({Flaw.WILD}), FINE), off_head=True)
    assert score_or_refuse(epoch, Answering([0, 0, 1, 0, 0]))[0] is Stage.N2


def test_an_eog_alone_is_not_scored():
    stage, _ = score_or_refuse(
        epoch_of(ABSENT, ABSENT, FINE), Answering([1, 0, 0, 0, 0])
    )
    assert stage is Refusal.LOW_QUALITY


def test_a_failed_inference_costs_one_epoch_and_not_the_night():
    assert score_or_refuse(epoch_of(FINE, FINE, FINE), Failing()) == (
        Refusal.MODEL_ERROR,
        (),
    )
