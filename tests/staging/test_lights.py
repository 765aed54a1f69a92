"""What counts as time in bed, however the marks were set."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.lights import Lights, is_sleep
from gateway.staging.sleep_statistics import summarise
from gateway.staging.stage import Refusal, Stage

BEGAN = datetime(2026, 2, 12, 23, tzinfo=UTC)
LETTERS = {"W": Stage.W, "2": Stage.N2, "R": Stage.R, ".": Refusal.GAP}

STAGES = st.lists(st.sampled_from(sorted(LETTERS)).map(LETTERS.get), max_size=60)


def lit(night, *marks):
    """Set marks (epoch, off) as the night goes by."""
    stages, lights = [LETTERS[letter] for letter in night], Lights()
    for epoch, off in marks:
        utc = BEGAN + timedelta(seconds=30 * epoch)
        lights = lights.marked(epoch, utc, stages[:epoch], off=off)
    return lights, stages


def in_bed(night, *marks):
    lights, stages = lit(night, *marks)
    found = lights.in_bed(stages)
    return found.start, found.stop


def test_without_marks_the_session_counts_up_to_its_last_scored_epoch():
    assert in_bed("WW22W22WW") == (0, 9)
    assert in_bed("..W22W.2....") == (0, 8)
    assert in_bed("....") == (0, 0)
    assert in_bed("") == (0, 0)


def test_lights_off_to_lights_on_counts():
    assert in_bed("WWWW22222WWWW", (3, True), (10, False)) == (3, 10)
    assert in_bed("WWWW22222....", (3, True), (11, False)) == (3, 11)
    assert in_bed("WWWW22222WW..", (3, True)) == (3, 11)
    assert in_bed("WWWW22222WW..", (10, False)) == (0, 10)


def test_lights_off_again_before_sleep_takes_the_first_back():
    assert in_bed("WWWWWWW222WW", (1, True), (5, True)) == (5, 12)
    assert in_bed("WWWWWWW222WW", (1, True), (3, False), (5, True)) == (5, 12)


def test_lights_that_go_on_in_the_night_do_not_end_it():
    marks = (1, True), (6, False), (8, True), (13, False)
    assert in_bed("WW2222WWW2222WWW", *marks) == (1, 13)


def test_the_first_of_several_lights_on_stands():
    assert in_bed("WW2222WWWWWWWW", (1, True), (7, False), (9, False)) == (1, 7)


def test_lights_on_before_anything_ends_nothing():
    assert in_bed("WWWW2222WWW", (1, False)) == (0, 11)


def test_a_mark_in_an_epoch_that_never_came_counts_to_the_end():
    assert in_bed("WW22", (1, True), (9, False)) == (1, 4)
    assert in_bed("WW22", (9, True)) == (4, 4)


def test_the_moments_are_those_of_the_marks_that_stand():
    lights, _ = lit("WWWWWW222WWW", (1, True), (4, True), (10, False), (11, False))
    assert lights.off_utc == BEGAN + timedelta(seconds=120)
    assert lights.on_utc == BEGAN + timedelta(seconds=300)


@given(STAGES, st.lists(st.tuples(st.integers(0, 70), st.booleans()), max_size=6))
def test_whatever_is_marked_the_period_lies_in_the_session(stages, marks):
    lights = Lights()
    for epoch, off in sorted(marks):
        lights = lights.marked(epoch, BEGAN, stages[:epoch], off=off)
    period = lights.in_bed(stages)
    assert 0 <= period.start <= period.stop <= len(stages)
    assert period.step == 1


@given(STAGES, st.integers(0, 60), st.integers(0, 60))
def test_the_statistics_are_those_of_the_period_alone(stages, start, stop):
    period = range(min(start, len(stages)), min(max(start, stop), len(stages)))
    summary = summarise(stages, period)
    alone = summarise(stages[period.start : period.stop])
    for name in ("tib_min", "sol_min", "se_pct", "waso_min", "lat_rem_min", "spt_min"):
        assert getattr(summary, name) == getattr(alone, name)
    assert summary.hypnogram[summary.in_bed] == alone.hypnogram
    assert summary.n_epochs == len(stages)
    onset = next((i for i in period if is_sleep(stages[i])), None)
    if onset is not None:
        assert summary.sol_min == (onset - period.start) / 2
