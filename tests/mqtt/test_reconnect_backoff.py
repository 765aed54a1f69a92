"""How soon a broker is tried again."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.mqtt.connection import (
    MAX_BRIEF,
    MAX_FIRST_DELAY_S,
    STEADY_S,
    ReconnectBackoff,
)
from gateway.mqtt.paho_client import BACK_OFF_S

EPOCH_S = 30
DRAWN = 1.5  # the longest pause is drawn up to half as long again


def after(lasted_s):
    reconnect_backoff, now_s = ReconnectBackoff(), 0.0
    for each in lasted_s:
        reconnect_backoff.connected(now_s)
        now_s += each
        reconnect_backoff.lost(now_s)
        reconnect_backoff.lost(now_s)  # paho says it twice
    return reconnect_backoff


def test_a_broker_that_is_back_is_current_within_half_an_epoch():
    assert after([]).back_off_s == after([3600.0]).back_off_s == BACK_OFF_S
    assert BACK_OFF_S[1] * DRAWN <= EPOCH_S / 2


@given(st.lists(st.floats(0, 2 * STEADY_S), max_size=12))
def test_one_that_hangs_up_again_and_again_is_tried_less_often(lasted_s):
    reconnect_backoff = after(lasted_s)
    n_brief = 0
    for each in lasted_s:
        n_brief = n_brief + 1 if each < STEADY_S else 0
    assert reconnect_backoff.keeps_ending == (n_brief >= MAX_BRIEF)
    least_s, most_s = reconnect_backoff.back_off_s
    assert BACK_OFF_S[0] <= least_s <= MAX_FIRST_DELAY_S
    assert least_s <= most_s
    assert (most_s > BACK_OFF_S[1]) == reconnect_backoff.keeps_ending
