"""Every event in every state either has its place or is a bug."""

import itertools

import pytest

from gateway.ble.link_state import LinkEvent, LinkState, advance

EXPECTED = {
    (LinkState.IDLE, LinkEvent.STARTED): LinkState.SCANNING,
    (LinkState.SCANNING, LinkEvent.FOUND): LinkState.CONNECTING,
    (LinkState.CONNECTING, LinkEvent.CONNECTED): LinkState.SUBSCRIBING,
    (LinkState.CONNECTING, LinkEvent.BOND_WANTED): LinkState.BONDING,
    (LinkState.SUBSCRIBING, LinkEvent.BOND_WANTED): LinkState.BONDING,
    (LinkState.BONDING, LinkEvent.BONDED): LinkState.SUBSCRIBING,
    (LinkState.SUBSCRIBING, LinkEvent.SUBSCRIBED): LinkState.STREAMING,
    (LinkState.SCANNING, LinkEvent.FAILED): LinkState.WAITING,
    (LinkState.CONNECTING, LinkEvent.FAILED): LinkState.WAITING,
    (LinkState.BONDING, LinkEvent.FAILED): LinkState.WAITING,
    (LinkState.SUBSCRIBING, LinkEvent.FAILED): LinkState.WAITING,
    (LinkState.STREAMING, LinkEvent.FAILED): LinkState.WAITING,
    (LinkState.WAITING, LinkEvent.WAITED): LinkState.SCANNING,
}


@pytest.mark.parametrize(
    ("state", "event"), list(itertools.product(LinkState, LinkEvent))
)
def test_every_pair_of_state_and_event(state, event):
    if (state, event) in EXPECTED:
        assert advance(state, event) is EXPECTED[state, event]
    else:
        with pytest.raises(RuntimeError, match=f"{event.name} while {state.name}"):
            advance(state, event)


def test_from_every_state_the_link_gets_back_to_streaming():
    for start in LinkState:
        reached = {start}
        for _ in LinkState:
            reached |= {EXPECTED[pair] for pair in EXPECTED if pair[0] in reached}
        assert LinkState.STREAMING in reached
