from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.models.load import read_model
from gateway.models.model_file import DEFAULT
from gateway.preprocessing.epoching import Epoch
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import ABSENT, Quality
from gateway.staging.epoch_scoring import EpochScorer, score_or_refuse
from gateway.staging.model_card import HEAD_GOLDEN, read_golden, unpack
from gateway.staging.scorers.litert import Kernels, load
from gateway.staging.stage import STAGES, Refusal, Stage
from training.data.dataset import read_cuts
from training.evaluate.metrics import compare

FINE = Quality(frozenset(), 0.0, 1.0)
PACKAGE = (files("gateway") / "models" / DEFAULT).read_bytes()
CODES_APART = 4  # between kernels, of 256; the stage must not change


@pytest.fixture(scope="module")
def scorer():
    return read_model("default")


def epoch_of(uv, index=0):
    present = np.asarray(uv).any(1)
    quality = tuple(FINE if there else ABSENT for there in present)
    return Epoch(index, np.asarray(uv, np.float32), quality, 30.0)


def agreement(scorer, cuts, channels):
    whole = cuts.uv[:, channels].any(-1).all(1)
    uv = np.zeros_like(cuts.uv)
    uv[:, channels] = cuts.uv[:, channels]
    scored = [score_or_refuse(epoch_of(epoch), scorer)[0] for epoch in uv[whole]]
    codes = np.array([STAGES.index(stage) for stage in scored])
    return compare(cuts.stages[whole], codes)


def test_the_file_is_small_enough_to_ship():
    assert len(PACKAGE) <= 64 * 1024


def test_the_network_on_the_card_is_ulw_sleepnet(scorer):
    card = scorer.card
    assert card.about["trainable_parameters"] == 11289
    assert card.channels == ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
    assert card.band == Band()


def test_the_card_says_what_it_is_worth_and_where_it_ends(scorer):
    about = scorer.card.about
    assert about["licence"] == "MIT"
    assert "not a medical device" in about["intended_use"]
    assert about["retrain"].startswith("python -m training")
    for name, figures in about["figures_int8"].items():
        assert {"accuracy", "kappa", "f1", "n_epochs", "n_subjects"} <= set(figures)
        low, high = figures["kappa"]["interval_95"]
        assert low <= figures["kappa"]["value"] <= high
        assert sum(map(sum, figures["confusion"])) == figures["n_epochs"], name


def test_the_subjects_judged_by_were_not_learnt_from(scorer):
    protocol = scorer.card.about["protocol"]
    assert {"01", "07", "09"} <= set(protocol["test_subjects"])
    assert not set(protocol["test_subjects"]) & set(protocol["validation_subjects"])


def test_reference_kernels_answer_the_golden_vectors_bit_for_bit():
    golden = read_golden(PACKAGE, DEFAULT)
    reference = load(PACKAGE, DEFAULT, Kernels.REFERENCE)
    answers = np.array([reference.logits(codes) for codes in golden.inputs])
    np.testing.assert_array_equal(answers, golden.logits)
    assert len(answers) >= 4


def test_the_fastest_kernels_differ_by_a_few_codes_and_in_no_stage(scorer):
    golden = read_golden(PACKAGE, DEFAULT)
    answers = np.array([scorer.logits(codes) for codes in golden.inputs])
    apart = np.abs(answers.astype(int) - golden.logits)
    assert apart.max() <= CODES_APART
    np.testing.assert_array_equal(answers.argmax(1), golden.logits.argmax(1))


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.1, 10.0, 1e3, 1e6]),
    st.sampled_from([0, 1, 2]),
)
def test_any_single_channel_gives_probabilities(scorer, seed, amplitude_uv, channel):
    uv = np.zeros((3, 3000))
    uv[channel] = np.random.default_rng(seed).normal(0, amplitude_uv, 3000)
    hypnodensity = scorer.hypnodensity(epoch_of(uv))
    assert len(hypnodensity) == 5
    assert abs(sum(hypnodensity) - 1) < 1e-9
    assert min(hypnodensity) >= 0


def test_an_epoch_is_scored_by_itself_whatever_came_before(scorer):
    rng = np.random.default_rng(0)
    first, second = (epoch_of(rng.normal(0, 20, (3, 3000))) for _ in range(2))
    alone = scorer.hypnodensity(second)
    scorer.hypnodensity(first)
    assert scorer.hypnodensity(second) == alone


def test_real_cassette_cuts_are_scored_far_better_than_chance(scorer, shared_data):
    cuts = read_cuts(shared_data, scorer.card.band)
    assert agreement(scorer, cuts, [0, 1, 2]).kappa >= 0.7
    assert agreement(scorer, cuts, [0]).kappa >= 0.7


def test_int8_costs_next_to_nothing_whatever_is_absent(scorer):
    costs = scorer.card.about["int8_against_float"]
    assert len(costs) == 2**3 - 1
    whole = costs[", ".join(scorer.card.channels)]
    assert whole["same_stage"] >= 0.985
    assert whole["accuracy_lost"] <= 0.003
    for names, cost in costs.items():
        if "EEG" in names:  # without any an epoch is refused
            assert cost["same_stage"] >= 0.975
            assert cost["accuracy_lost"] <= 0.005
            assert cost["kappa_lost"] <= 0.005


def test_deep_sleep_and_wake_are_not_taken_for_each_other(scorer, shared_data):
    cuts = read_cuts(shared_data, scorer.card.band)
    wake, deep = STAGES.index(Stage.W), STAGES.index(Stage.N3)
    confusion = agreement(scorer, cuts, [0, 1, 2]).confusion
    assert confusion[wake, deep] + confusion[deep, wake] <= 1


def test_the_figures_on_the_card_are_those_of_the_file(scorer, shared_data):
    cuts = read_cuts(shared_data, scorer.card.band)
    figures = scorer.card.about["figures_int8"]
    printed = figures["real cassette cuts, 3 channels, epoch alone"]
    found = agreement(scorer, cuts, [0, 1, 2])
    assert found.n_epochs == printed["n_epochs"]
    assert abs(found.accuracy - printed["accuracy"]["value"]) <= 0.02  # other kernels


def night(scorer, seed=0, n_epochs=40):
    """A night of noise whose depth wanders, with holes, and what is said of it."""
    dice = np.random.default_rng(seed)
    epoch_scorer, depth = EpochScorer(scorer), 20.0
    for index in range(n_epochs):
        depth *= np.exp(dice.normal(0, 0.4))
        uv = np.cumsum(dice.normal(0, 1, (3, 3000)), axis=1)
        uv = depth * (uv - uv.mean(1, keepdims=True)) / uv.std(1, keepdims=True)
        yield epoch_scorer, epoch_of(uv * (dice.random() > 0.1), index)


def test_the_head_sees_the_night_and_nothing_of_its_future(scorer):
    whole = [epoch_scorer.score_epoch(epoch) for epoch_scorer, epoch in night(scorer)]
    assert any(verdict.hypnodensity != verdict.raw for verdict in whole)
    assert any(isinstance(verdict.stage, Refusal) for verdict in whole)
    epochs = [epoch for _, epoch in night(scorer)]
    other = [epoch for _, epoch in night(scorer, seed=1)]
    changed = EpochScorer(scorer)
    mixed = [changed.score_epoch(epoch) for epoch in [*epochs[:20], *other[20:]]]
    assert mixed[:20] == whole[:20]
    resumed = EpochScorer(scorer)
    for index, verdict in enumerate(whole[:30]):
        resumed.remember(index, verdict.raw)
    assert [resumed.score_epoch(epoch) for epoch in epochs[30:]] == whole[30:]


def test_the_head_answers_its_golden_vectors_as_the_network_does(scorer):
    golden = read_golden(PACKAGE, DEFAULT, HEAD_GOLDEN)
    reference = load(PACKAGE, DEFAULT, Kernels.REFERENCE)
    answers = np.array([reference.head_logits(codes) for codes in golden.inputs])
    np.testing.assert_array_equal(answers, golden.logits)
    fastest = np.array([scorer.head_logits(codes) for codes in golden.inputs])
    assert np.abs(fastest.astype(int) - golden.logits).max() <= CODES_APART
    np.testing.assert_array_equal(fastest.argmax(1), golden.logits.argmax(1))


def test_context_and_calibration_are_worth_what_the_card_says(scorer):
    figures = scorer.card.about["figures_int8"]
    alone = figures["surrogate nights, 3 channels, epoch alone"]
    together = figures["surrogate nights, 3 channels, in context"]
    assert together["kappa"]["value"] > alone["kappa"]["value"] + 0.02
    assert scorer.card.about["context"]["taught"]["parameters"] <= 8000
    assert {"10"} == {str(of["n_subjects"]) for of in (alone, together)}


def test_the_card_can_be_read_without_any_runtime():
    assert unpack(PACKAGE, DEFAULT)[1].name == DEFAULT.removesuffix(".tflite")
