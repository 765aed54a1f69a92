"""A part that promised to move and did not is named."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.daemon.watchdog import Watchdog

PARTS = st.sampled_from(["link of a", "link of b", "output mqtt"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("moved"), PARTS, st.floats(0, 100)),
        st.tuples(st.just("rests"), PARTS, st.just(0.0)),
        st.tuples(st.just("passes"), PARTS, st.floats(0, 100)),
    )
)


@given(STEPS)
def test_stuck_is_whoever_is_overdue_and_does_not_rest(steps):
    now, due = 0.0, {}
    watchdog = Watchdog(lambda: now)
    for what, part, seconds in steps:
        if what == "moved":
            watchdog.moved(part, seconds)
            due[part] = now + seconds
        elif what == "rests":
            watchdog.rests(part)
            due.pop(part, None)
        else:
            now += seconds
        assert watchdog.stuck() == sorted(p for p, t in due.items() if t < now)
