"""Moments of the night, told once and never before they are known."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.staging.events import EventKind, SleepEvents
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_wake import SleepWakeDebouncer
from gateway.staging.stage import Refusal, Stage

BEGAN = datetime(2026, 2, 12, 23, tzinfo=UTC)
LETTERS = {**{s.value: s for s in Stage}, "2": Stage.N2, "3": Stage.N3}
LETTERS |= {"-": Refusal.LOW_QUALITY, "o": Refusal.OFF_HEAD, ".": Refusal.GAP}


def night(text):
    debounced = SleepWakeDebouncer()
    for index, letter in enumerate(text):
        stage = LETTERS[letter]
        scored = isinstance(stage, Stage)
        yield ScoredEpoch(
            index=index,
            start_utc=BEGAN + timedelta(seconds=30 * index),
            stage=stage,
            hypnodensity=(0.1, 0.1, 0.6, 0.1, 0.1) if scored else (),
            quality=(),
            asleep=debounced.add_stage(stage),
            t_rx=0.0,
        )


def told(text, *, ended=False):
    events = SleepEvents()
    said = [event for scored in night(text) for event in events.add_epoch(scored)]
    return said + (list(events.final_events()) if ended else [])


def words(text, **how):
    return [(event.what.value, event.epoch) for event in told(text, **how)]


def test_a_night_is_reported_in_its_moments():
    assert words("WWW22233322RRR22WW22WWW", ended=True) == [
        ("sleep_onset", 3),
        ("n3_start", 6),
        ("rem_start", 11),
        ("rem_end", 14),
        ("awakening", 16),
        ("awakening", 20),
        ("final_wake", 20),
    ]


def test_a_single_epoch_is_no_moment():
    assert words("WWWW2WWWW") == []
    assert words("W222R2223222") == [("sleep_onset", 1)]


def test_sleep_from_the_first_epoch_on_is_an_onset():
    assert words("2222")[:1] == [("sleep_onset", 0)]


def test_refused_epochs_neither_count_nor_interrupt():
    assert words("WW2.2") == [("sleep_onset", 2)]
    assert words("WW.2.") == []


def test_a_bad_signal_is_reported_once_until_it_is_good_again():
    assert words("W---------W----") == [
        ("unstable_signal", 4),
        ("unstable_signal", 14),
    ]
    assert words("Wooooooo") == [("headband_off", 2)]


def test_the_final_awakening_needs_the_end_and_sleep_before_it():
    assert words("WWWW", ended=True) == []
    assert ("final_wake", 4) not in words("W222", ended=True)


def test_an_event_carries_its_time_and_confidence():
    event = told("WW22")[0]
    assert event.utc == BEGAN + timedelta(seconds=60)
    assert event.confidence == 0.6


NIGHTS = st.text("W23R1-o.".replace("1", ""), max_size=120)


@given(NIGHTS, st.integers(0, 120))
def test_what_was_reported_never_depends_on_the_future(text, end):
    before = told(text[:end])
    assert told(text)[: len(before)] == before


@given(NIGHTS)
def test_rem_ends_only_after_it_began_and_onset_comes_once(text):
    kinds = [event.what for event in told(text, ended=True)]
    assert kinds.count(EventKind.SLEEP_ONSET) <= 1
    rem = [k for k in kinds if k in (EventKind.REM_START, EventKind.REM_END)]
    turns = [EventKind.REM_START, EventKind.REM_END] * len(rem)
    assert rem == turns[: len(rem)]
    epochs = [event.epoch for event in told(text)]
    assert all(0 <= epoch < len(text) for epoch in epochs)
