"""A headband's state is the newest reading of each kind, whatever came between."""

from dataclasses import fields
from datetime import UTC, datetime
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import (
    Availability,
    NightEpochs,
    Reading,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.headband_fit import Contacts, HeadbandFit
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary, summarise
from gateway.staging.stage import Stage

NOW = datetime(2026, 2, 13, 2, 27, tzinfo=UTC)
EMPTY = DeviceState(device="bedroom")
FIELD_OF = {
    Availability: "availability",
    LinkReading: "link",
    Battery: "battery",
    Contacts: "contacts",
    LossCounts: "losses",
    SessionState: "session_state",
    ScoredEpoch: "epoch",
    NightSummary: "summary",
}
OF_A_SESSION = {"contacts", "losses", "session_state", "epoch", "summary"}
WITH_EVERY_READING = {"session", "model", "model_digest", "channels"}


def begins(driver, firmware):
    info = HeadbandInfo(Montage(()), firmware)
    return SignalBegins(
        info=info,
        start_utc=NOW,
        synchronised=True,
        derivations={},
        mains_hz=50.0,
        driver=driver,
    )


counts = st.integers(0, 99)
values = st.one_of(
    st.builds(Availability, st.booleans(), st.text(max_size=5)),
    st.builds(LinkReading, st.sampled_from(LinkState), st.builds(LinkStats, counts)),
    st.builds(Battery, st.integers(0, 100)),
    st.just(Contacts((), ())),
    st.builds(LossCounts, counts),
    st.builds(SessionState, st.sampled_from(RecordingState), n_epochs=counts),
    st.builds(
        ScoredEpoch,
        index=counts,
        start_utc=st.just(NOW),
        stage=st.sampled_from(Stage),
        hypnodensity=st.just((0.1, 0.1, 0.6, 0.1, 0.1)),
        quality=st.just(()),
        asleep=st.none() | st.booleans(),
        t_rx=st.just(0.0),
    ),
    st.just(summarise([Stage.N2])),
    st.builds(begins, st.sampled_from(["a", "b"]), st.none() | st.just("1.2")),
    st.just(NightEpochs((), final=False)),
    st.builds(SleepEvent, st.sampled_from(EventKind), st.just(NOW)),
)
readings = st.builds(
    Reading,
    device=st.just("bedroom"),
    session=st.sampled_from(["S1", "S2"]),
    model=st.sampled_from(["m1", "m2"]),
    model_digest=st.just("9f2c41d07a6b"),
    channels=st.just(("EEG Fpz-Cz",)),
    value=values,
)


def reduced(sequence, state=EMPTY):
    return reduce(DeviceState.add, sequence, state)


def newest(kind, sequence):
    return next(
        (r.value for r in reversed(sequence) if isinstance(r.value, kind)), None
    )


@given(st.lists(readings, max_size=30), st.integers(0, 30))
def test_readings_reduce_to_the_same_state_in_any_chunks(sequence, cut):
    in_two = reduced(sequence[cut:], reduced(sequence[:cut]))
    assert in_two == reduced(sequence)


@given(st.lists(readings, min_size=1, max_size=30))
def test_each_field_is_the_newest_reading_of_its_kind(sequence):
    state = reduced(sequence)
    last = sequence[-1]
    others = [i for i, r in enumerate(sequence) if r.session != last.session]
    session = sequence[max(others, default=-1) + 1 :]
    for kind, name in FIELD_OF.items():
        within = session if name in OF_A_SESSION else sequence
        expected = newest(kind, within)
        known = getattr(state, name)
        assert known == (getattr(EMPTY, name) if expected is None else expected), name
    start = newest(SignalBegins, sequence)
    expected = (None, None) if start is None else (start.driver, start.info.firmware)
    assert (state.driver, state.firmware) == expected
    assert (state.session, state.model) == (last.session, last.model)


@given(st.lists(readings, max_size=20), readings)
def test_a_reading_changes_no_field_of_another_kind(sequence, reading):
    before = reduced(sequence)
    after = before.add(reading)
    changed = {
        spec.name
        for spec in fields(DeviceState)
        if getattr(before, spec.name) != getattr(after, spec.name)
    }
    own = {FIELD_OF.get(type(reading.value))}
    if isinstance(reading.value, SignalBegins):
        own = {"driver", "firmware"}
    allowed = own | WITH_EVERY_READING
    if reading.session != before.session:
        allowed |= OF_A_SESSION
    assert changed <= allowed


def test_the_fit_of_a_headband_is_its_contacts():
    fit = HeadbandFit((), (), (), 0.0)
    reading = Reading("bedroom", "S1", "m", "9f2c41d07a6b", (), fit)
    assert EMPTY.add(reading).contacts is fit


@pytest.mark.parametrize(
    ("values", "runs"),
    [
        ((SessionState(RecordingState.IDLE),), True),
        ((SessionState(RecordingState.RECORDING),), True),
        ((SessionState(RecordingState.ENDED),), False),
        ((SessionState(RecordingState.RECORDING), summarise([Stage.N2])), False),
        ((), False),
    ],
)
def test_a_session_runs_until_it_ended_or_was_summed_up(values, runs):
    sequence = [Reading("bedroom", "S1", "m", "9", (), value) for value in values]
    assert (reduced(sequence).running_session is not None) is runs
