"""Every event in every state either has its place or is a bug."""

import itertools

import pytest

from gateway.ble.link_state import Event, State, advance

EXPECTED = {
    (State.IDLE, Event.STARTED): State.SCANNING,
    (State.SCANNING, Event.FOUND): State.CONNECTING,
    (State.CONNECTING, Event.CONNECTED): State.SUBSCRIBING,
    (State.CONNECTING, Event.BOND_WANTED): State.BONDING,
    (State.SUBSCRIBING, Event.BOND_WANTED): State.BONDING,
    (State.BONDING, Event.BONDED): State.SUBSCRIBING,
    (State.SUBSCRIBING, Event.SUBSCRIBED): State.STREAMING,
    (State.SCANNING, Event.FAILED): State.WAITING,
    (State.CONNECTING, Event.FAILED): State.WAITING,
    (State.BONDING, Event.FAILED): State.WAITING,
    (State.SUBSCRIBING, Event.FAILED): State.WAITING,
    (State.STREAMING, Event.FAILED): State.WAITING,
    (State.WAITING, Event.WAITED): State.SCANNING,
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_of_state_and_event(state, event):
    if (state, event) in EXPECTED:
        assert advance(state, event) is EXPECTED[state, event]
    else:
        with pytest.raises(RuntimeError, match=f"{event.name} while {state.name}"):
            advance(state, event)


def test_from_every_state_the_link_gets_back_to_streaming():
    for start in State:
        reached = {start}
        for _ in State:
            reached |= {EXPECTED[pair] for pair in EXPECTED if pair[0] in reached}
        assert State.STREAMING in reached
