"""A clock that is set is told from one that goes on."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.packets import ClockTick
from gateway.acquisition.wall_clock import STEP_S, WallClock

UTC0 = datetime(2026, 2, 12, 23, tzinfo=UTC)


def tick(t, utc_s):
    return ClockTick(t, UTC0 + timedelta(seconds=utc_s), synchronised=True)


@given(st.lists(st.tuples(st.floats(0, 100), st.floats(-0.4, 0.4)), max_size=50))
def test_a_clock_that_is_slewed_was_not_set(passed):
    clock, t, utc_s = WallClock(), 0.0, 0.0
    for seconds, off_s in passed:
        t, utc_s = t + seconds, utc_s + seconds + off_s
        assert clock.read(tick(t, utc_s)) == 0


@given(st.floats(0.6, 2e9), st.booleans())
def test_a_step_is_reported_once_and_to_the_microsecond(size_s, back):
    step_s = -size_s if back else size_s
    clock = WallClock(tick(10.0, 2.1e9))
    assert clock.read(tick(11.0, 2.1e9 + 1 + step_s)) == pytest.approx(step_s, abs=2e-6)
    assert clock.read(tick(12.0, 2.1e9 + 2 + step_s)) == 0


def test_the_first_reading_is_no_step():
    assert WallClock().read(tick(1e6, -5e8)) == 0
    assert STEP_S < 1
