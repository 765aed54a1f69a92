"""The life of one headband's link, without a radio or a clock. Pure.

::

    IDLE -> SCANNING -> CONNECTING -> SUBSCRIBING -> STREAMING
                ^  |         | |        ^  |            |
                |  |         | v        |  |            |
                |  |         BONDING ---+  |            |
                |  |         | ^-----------+            |
                |  +---------+-------------+------------+  absent, refused, silent,
                |  v                                       dropped
               WAITING

A headband that wants a bond says so when it is connected, or when it is asked for
something; a bond is only made while a person pairs.
"""

from enum import Enum


class LinkState(Enum):
    """Where a link stands; the value is its name in messages."""

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    BONDING = "bonding"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    WAITING = "waiting"


class LinkEvent(Enum):
    """What can happen to a link."""

    STARTED = "started"
    FOUND = "found"
    CONNECTED = "connected"
    BOND_WANTED = "bond wanted"
    BONDED = "bonded"
    SUBSCRIBED = "subscribed"
    FAILED = "failed"
    WAITED = "waited"


TRANSITIONS: dict[tuple[LinkState, LinkEvent], LinkState] = {
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


def advance(state: LinkState, event: LinkEvent) -> LinkState:
    """Return the state after `event`.

    Raises
    ------
    RuntimeError
        If `event` cannot happen in `state`: a bug.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise RuntimeError(f"{event.name} while {state.name}") from None
