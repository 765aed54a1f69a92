"""The life of one headband's link, without a radio or a clock. Pure.

::

    IDLE -> SCANNING -> CONNECTING -> STREAMING
                ^  |         |            |
                |  +---------+------------+   absent, refused, silent, dropped
                |  v
               WAITING
"""

from enum import Enum


class State(Enum):
    """Where a link stands; the value is its name in messages."""

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    STREAMING = "streaming"
    WAITING = "waiting"


class Event(Enum):
    """What can happen to a link."""

    STARTED = "started"
    FOUND = "found"
    SUBSCRIBED = "subscribed"
    FAILED = "failed"
    WAITED = "waited"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.STARTED): State.SCANNING,
    (State.SCANNING, Event.FOUND): State.CONNECTING,
    (State.SCANNING, Event.FAILED): State.WAITING,
    (State.CONNECTING, Event.SUBSCRIBED): State.STREAMING,
    (State.CONNECTING, Event.FAILED): State.WAITING,
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
