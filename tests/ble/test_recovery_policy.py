"""The ladder is climbed by failures of the adapter alone, and its end is far off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ble.recovery_policy import (
    STUCK,
    STUCK_S,
    RecoveryPolicy,
    RecoveryStep,
    delay_s,
    step,
)
from gateway.errors import AdapterError, BondingError, LinkError, StallError

BROKEN = AdapterError("scan: [org.bluez.Error.NotReady]")
INNOCENT = [LinkError("not in reach"), BondingError("pair it"), StallError("silent")]


def climb(n, every_s=10.0):
    policy = RecoveryPolicy()
    return [policy.failed(BROKEN, i * every_s) for i in range(n)]


def test_each_failure_has_its_rung():
    cycle = RecoveryStep.POWER_CYCLE
    assert climb(12) == [
        *(None, RecoveryStep.RESTART_SCAN, RecoveryStep.DISCONNECT_STALE, cycle),
        *(None, None, None, cycle),
        *(None, None, None, cycle),
    ]


@given(st.integers(1, 10**6), st.floats(0, 1e9))
def test_the_end_needs_many_failures_and_a_long_time(failures, failing_s):
    ends = step(failures, failing_s) is RecoveryStep.EXIT
    assert ends == (failures >= STUCK and failing_s >= STUCK_S)


@given(st.integers(STUCK, 10**6))
def test_many_failures_in_a_short_time_are_not_the_end(failures):
    assert step(failures, STUCK_S - 1) is not RecoveryStep.EXIT


@pytest.mark.parametrize("innocent", INNOCENT)
@given(st.lists(st.booleans(), max_size=60))
def test_only_failures_of_the_adapter_in_a_row_count(innocent, faults):
    policy, row = RecoveryPolicy(), 0
    for t, fault in enumerate(faults):
        row = row + 1 if fault else 0
        tried = policy.failed(BROKEN if fault else innocent, float(t))
        assert tried == (step(row, row - 1.0) if fault else None)


def test_with_the_pauses_of_the_back_off_the_end_comes_after_a_quarter_of_an_hour():
    t, policy, n = 0.0, RecoveryPolicy(), 0
    while policy.failed(BROKEN, t) is not RecoveryStep.EXIT:
        n += 1
        t += delay_s(BROKEN, n, 0.5)
    assert STUCK_S <= t < STUCK_S + 120
    assert n >= STUCK - 1
