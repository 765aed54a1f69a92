"""The pause grows, has a ceiling, and is never in step with another gateway's."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.ble.recovery_policy import STEADY_S, FailureStreak, delay_s
from gateway.errors import AdapterError, BondingError, LinkError

JITTER = st.floats(0, 1, exclude_max=True)
ATTEMPTS = st.integers(1, 10**6)


@given(ATTEMPTS, JITTER)
def test_the_pause_is_positive_and_at_most_a_minute(attempt, jitter):
    assert 0.5 <= delay_s(LinkError("gone"), attempt, jitter) <= 60


@given(ATTEMPTS, JITTER)
def test_the_pause_never_shrinks(attempt, jitter):
    error = LinkError("gone")
    assert delay_s(error, attempt, jitter) <= delay_s(error, attempt + 1, jitter)


def test_the_first_retry_comes_within_a_second_and_the_tenth_after_half_a_minute():
    assert delay_s(LinkError("gone"), 1, 0.999) < 1
    assert delay_s(AdapterError("no hci0"), 10, 0.0) == 30


@given(ATTEMPTS)
def test_pairing_waits_for_a_person(attempt):
    assert delay_s(BondingError("pair it"), attempt, 0.0) == 30


@given(ATTEMPTS, JITTER, JITTER)
def test_jitter_spreads_over_half_of_the_pause(attempt, one, other):
    error = LinkError("gone")
    a, b = delay_s(error, attempt, one), delay_s(error, attempt, other)
    assert a <= 2 * b
    assert one == other or (a < b) == (one < other) or a == b


@given(st.integers(1, 40), st.floats(0, STEADY_S - 1))
def test_a_short_stream_ends_no_row_of_failures(n, seconds):
    streak = FailureStreak()
    for _ in range(n):
        streak.failed(LinkError("gone"), 0.5)
    streak.stream_began(100.0)
    streak.stream_lasted(100.0 + seconds)
    assert streak.failures == n
    assert streak.failed(LinkError("gone"), 0.5) == delay_s(LinkError(""), n + 1, 0.5)


def test_a_steady_stream_does():
    streak = FailureStreak()
    for _ in range(9):
        streak.failed(LinkError("gone"), 0.5)
    streak.stream_began(100.0)
    streak.stream_lasted(100.0 + STEADY_S)
    assert streak.failures == 0
    assert streak.failed(LinkError("gone"), 0.5) == 0.75
