"""Which sessions go on: within one boot, over a reboot, never on a guess."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.session.resume import ClockInstant, ResumeDecision, decide_resume

UTC0 = datetime(2026, 2, 12, 23, tzinfo=UTC)
RESUME_S = 1800.0
AGES = st.floats(-1e5, 1e5)


def moment(boot="a", t=0.0, utc_s=0.0, *, synchronised=True):
    return ClockInstant(boot, t, UTC0 + timedelta(seconds=utc_s), synchronised)


@given(AGES, AGES, st.booleans())
def test_within_a_boot_only_the_monotonic_clock_counts(away_s, utc_s, synchronised):
    now = moment(t=away_s, utc_s=utc_s, synchronised=synchronised)
    verdict = decide_resume(moment(synchronised=synchronised), now, RESUME_S)
    goes_on = 0 <= round(away_s, 6) <= RESUME_S
    assert verdict is (ResumeDecision.RESUME if goes_on else ResumeDecision.LEAVE)


@given(AGES, AGES)
def test_over_a_reboot_a_clock_that_was_set_before_and_after_counts(t, away_s):
    verdict = decide_resume(moment(t=5e4), moment("b", t, away_s), RESUME_S)
    goes_on = 0 <= round(away_s, 6) <= RESUME_S
    assert verdict is (ResumeDecision.RESUME if goes_on else ResumeDecision.LEAVE)


def test_over_a_reboot_a_clock_that_was_never_set_tells_nothing():
    now = moment("b", 10.0, 60.0)
    assert (
        decide_resume(moment(synchronised=False), now, RESUME_S) is ResumeDecision.LEAVE
    )


def test_over_a_reboot_one_waits_for_the_clock_to_be_set():
    now = moment("b", 10.0, -5e8, synchronised=False)  # 1970 or so
    assert decide_resume(moment(), now, RESUME_S) is ResumeDecision.WAIT


@given(AGES)
def test_zero_minutes_mean_never(away_s):
    assert decide_resume(moment(), moment(t=away_s), 0.0) is ResumeDecision.LEAVE
