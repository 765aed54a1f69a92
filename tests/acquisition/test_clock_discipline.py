import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.clock_discipline import DeviceClock
from gateway.acquisition.clock_fit import least_squares

SFREQ, RATE = 256.0, 256.26
N = 64  # samples a packet


def read(line, seconds, *, clock):
    """Read `clock`, a function of true seconds, with every packet."""
    for first in range(0, int(seconds * RATE), N):
        true_s = first / RATE
        line.observe(first, round(clock(true_s) * 1000) % 2**32, true_s)
        if first // N % 40 == 0:
            line.refit()
    line.refit()


def rate_of(line):
    return None if line.last_fit is None else 1 / line.last_fit.slope


@pytest.mark.parametrize("jitter_s", [0.0, 0.003, 0.033])
@pytest.mark.parametrize("start_s", [5.0, 2**32 / 1000 - 40])
def test_the_rate_is_found_under_the_jitter_and_over_a_wrap(jitter_s, start_s):
    dice, line = np.random.default_rng(0), DeviceClock(SFREQ, 1000.0)
    read(line, 400, clock=lambda s: start_s + s + dice.normal(0, jitter_s))
    assert rate_of(line) == pytest.approx(RATE, rel=3e-5 if jitter_s > 0.01 else 5e-6)


def test_nothing_is_known_before_half_a_minute():
    line = DeviceClock(SFREQ, 1000.0)
    read(line, 24, clock=lambda s: s)
    assert rate_of(line) is None
    assert not line.implausible


@pytest.mark.parametrize(
    "clock",
    [lambda s: 7.0, lambda s: 1e4 - s, lambda s: 1.03 * s, lambda s: 0.97 * s],
    ids=["still", "backwards", "fast", "slow"],
)
def test_a_rate_that_cannot_be_is_not_believed(clock):
    line = DeviceClock(SFREQ, 1000.0)
    read(line, 120, clock=clock)
    assert rate_of(line) is None
    assert line.implausible


@pytest.mark.parametrize("shift_s", [-100.0, -0.5, 0.5, 100.0])
def test_a_clock_that_is_set_begins_a_new_stretch_with_the_same_rate(shift_s):
    line = DeviceClock(SFREQ, 1000.0)
    read(line, 400, clock=lambda s: 1000 + s + shift_s * (s > 200))
    assert line.generation == 1
    assert rate_of(line) == pytest.approx(RATE, rel=5e-6)


@settings(max_examples=30)
@given(st.sets(st.integers(60, 300), max_size=20), st.integers(0, 2**32 - 1))
def test_single_readings_that_are_garbage_change_little(at, garbage):
    line, given_at = DeviceClock(SFREQ, 1000.0), set()
    for first in range(0, int(400 * RATE), N):
        second, ticks = first // 256, round(first / RATE * 1000)
        if second in at - given_at:
            given_at.add(second)
            ticks = garbage
        line.observe(first, ticks, first / RATE)
        line.refit()
    assert rate_of(line) is None or rate_of(line) == pytest.approx(RATE, rel=2e-3)


def test_a_clock_that_stood_still_is_followed_again():
    line = DeviceClock(SFREQ, 1000.0)
    read(line, 600, clock=lambda s: s if s < 100 else max(100, s - 200))
    assert rate_of(line) == pytest.approx(RATE, rel=5e-6)
    assert not line.implausible


@pytest.mark.parametrize(
    ("away_s", "clock_s", "agrees"),
    [(60, 60.3, True), (7200, 7201.0, True), (60, 3, False), (60, -500, False)],
)
def test_a_clock_that_ran_on_while_the_link_was_away_is_known_by_the_time_that_passed(
    away_s, clock_s, agrees
):
    line = DeviceClock(SFREQ, 1000.0)
    read(line, 100, clock=lambda s: 50 + s)
    last_s = (int(100 * RATE) - 1) // N * N / RATE
    ticks = round((50 + last_s + clock_s) * 1000)
    resumed_s = line.resumed_s(ticks, last_s + away_s)
    stretch = line.generation
    line.restart(ticks, last_s + away_s)
    if agrees:
        assert resumed_s == pytest.approx(50 + last_s + clock_s, abs=0.001)
        assert line.generation == stretch
    else:
        assert resumed_s is None
        assert line.generation == stretch + 1
        assert rate_of(line) is None


def test_least_squares_agrees_with_numpy():
    dice = np.random.default_rng(1)
    x = np.cumsum(dice.uniform(0.1, 2, 50)) + 1e6
    y = 3 * x - 7 + dice.normal(0, 1, 50)
    line = least_squares(list(zip(x.tolist(), y.tolist(), strict=True)))
    slope, offset = np.polyfit(x - 1e6, y, 1)
    assert line.slope == pytest.approx(slope)
    assert line.at(1e6) == pytest.approx(offset)
