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


class State(Enum):
    """Where a link stands; the value is its name in messages."""

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    BONDING = "bonding"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    WAITING = "waiting"


class Event(Enum):
    """What can happen to a link."""

    STARTED = "started"
    FOUND = "found"
    CONNECTED = "connected"
    BOND_WANTED = "bond wanted"
    BONDED = "bonded"
    SUBSCRIBED = "subscribed"
    FAILED = "failed"
    WAITED = "waited"


TRANSITIONS: dict[tuple[State, Event], State] = {
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


def advance(state: State, event: Event) -> State:
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
