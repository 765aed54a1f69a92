import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.epoch_json import Posting, epoch_document, epoch_payload
from tests.acceptance.bluez_vm.fault_cost import (
    Epoch,
    Message,
    cost,
    covers,
    epochs_of,
    streaming_since,
    was_offline,
)

MIDNIGHT_S = 1_771_000_000.0


def epoch(index, session="a", start_s=None, missing_s=0.0, reason=None):
    start_s = MIDNIGHT_S + 30 * index if start_s is None else start_s
    return Epoch(0.0, session, index, start_s, missing_s, reason)


def heard(t, leaf, payload, *, retained=False):
    return Message(t, f"sleepgate/{leaf}", payload, retained)


@given(st.lists(st.floats(0, 30), min_size=1, max_size=20), st.data())
def test_what_is_missing_and_what_was_never_published_is_lost(missing, data):
    night = [epoch(n, missing_s=lost) for n, lost in enumerate(missing)]
    kept = data.draw(st.sets(st.sampled_from(range(len(night)))))
    after = [night[n] for n in sorted(kept)]
    before = epoch(-1)

    lost_s, n_epochs, _ = cost(before, after)

    until = max(kept, default=-1)
    unpublished = sum(n not in kept for n in range(until + 1))
    assert lost_s == pytest.approx(
        sum(missing[n] for n in kept) + 30 * unpublished, abs=1e-6
    )
    assert n_epochs == len(kept)


def test_between_two_sessions_the_time_that_neither_holds_is_lost():
    before = epoch(7)  # until 240 s
    after = [epoch(0, "b", MIDNIGHT_S + 252.5), epoch(1, "b", MIDNIGHT_S + 282.5)]
    assert cost(before, after).lost_s == pytest.approx(12.5)


def test_sessions_that_overlap_lose_nothing():
    after = [epoch(0, "b", MIDNIGHT_S + 200)]
    assert cost(epoch(7), after).lost_s == 0


def test_reasons_are_kept_of_every_epoch_that_was_refused():
    after = [epoch(0, reason="gap"), epoch(1), epoch(2, reason="low_quality")]
    assert cost(None, after).refused == ("gap", "low_quality")


def test_streaming_again_is_the_last_word_and_old_news_is_no_word():
    messages = [
        heard(1, "bedroom/availability", "online"),
        heard(5, "bedroom/availability", "offline"),
        heard(6, "bedroom/availability", "online"),
        heard(7, "bedroom/availability", "offline"),
        heard(9, "bedroom/availability", "online"),
        heard(10, "bedroom/availability", "online", retained=True),
    ]
    assert streaming_since(messages, 4) == 9
    assert streaming_since(messages[:4], 4) is None
    assert streaming_since(messages, 9.5) is None


def test_a_dead_bridge_does_not_stream_whatever_stood_before():
    messages = [
        heard(1, "bedroom/availability", "online"),
        heard(2, "bridge/state", "offline"),
    ]
    assert streaming_since(messages, 0) is None
    assert was_offline(messages, 1.5)
    assert not was_offline(messages, 2.5)


def test_an_epoch_covers_a_moment_only_beyond_the_slack_of_the_clocks():
    assert covers(epoch(0), MIDNIGHT_S + 20)
    assert not covers(epoch(0), MIDNIGHT_S + 28)


def test_epochs_are_read_from_what_the_daemon_publishes(scored):
    reading = scored(412)
    posting = Posting(0, datetime.now(UTC), 0.1)
    document = epoch_document(reading, reading.value)
    payload = epoch_payload(document, posting).decode()
    live = heard(3.0, "bedroom/epoch", payload)
    twice, old, foreign = (
        live._replace(t=4.0),
        live._replace(retained=True),
        live._replace(topic="sleepgate/bedroom/stage"),
    )

    (read,) = epochs_of([old, foreign, live, twice])

    assert (read.t, read.index, read.session) == (3.0, 412, reading.session)
    assert read.start_s == reading.value.start_utc.timestamp()
    assert read.missing_s == json.loads(payload)["quality"]["missing_s"]
    assert read.reason is None
