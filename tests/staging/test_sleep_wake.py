"""Wake and sleep, debounced."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.sleep_wake import SleepWakeDebouncer
from gateway.staging.stage import Refusal, Stage

stages = st.lists(st.sampled_from([*Stage, *Refusal]), max_size=50)


def verdicts(night):
    asleep = SleepWakeDebouncer()
    return [asleep.add_stage(stage) for stage in night]


def test_nothing_is_reported_before_the_first_scored_epoch():
    assert verdicts([Refusal.WARM_UP, Refusal.GAP, Stage.W]) == [None, None, False]


def test_one_epoch_of_sleep_does_not_turn_it_and_two_do():
    night = [Stage.W, Stage.N1, Stage.W, Stage.N1, Stage.R, Stage.N3]
    assert verdicts(night) == [False, False, False, False, True, True]


def test_one_awakening_is_slept_through_and_two_wake():
    night = [Stage.N2, Stage.W, Stage.N2, Stage.W, Stage.W]
    assert verdicts(night) == [True, True, True, True, False]


def test_refused_epochs_between_two_agreeing_ones_do_not_matter():
    night = [Stage.W, Stage.N1, Refusal.LOW_QUALITY, Refusal.GAP, Stage.N2]
    assert verdicts(night) == [False, False, False, False, True]


@given(stages)
def test_the_verdict_of_the_scored_epochs_is_that_of_the_scored_epochs_alone(night):
    kept = [
        verdict
        for verdict, stage in zip(verdicts(night), night, strict=True)
        if isinstance(stage, Stage)
    ]
    assert kept == verdicts([stage for stage in night if isinstance(stage, Stage)])


@given(stages)
def test_it_turns_only_on_two_scored_epochs_that_agree_with_it(night):
    scored = [stage for stage in night if isinstance(stage, Stage)]
    said = verdicts(scored)
    for i in range(1, len(scored)):
        if said[i] != said[i - 1]:
            assert (scored[i] is not Stage.W) == said[i]
            assert (scored[i - 1] is not Stage.W) == said[i]
