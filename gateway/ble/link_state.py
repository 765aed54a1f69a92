"""Link state of one headband: transitions, and counts for telemetry. Pure.

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

from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from gateway.ble.recovery_policy import RecoveryStep
from gateway.errors import StallError


class LinkState(Enum):
    """State of a link; the value is its name in messages."""

    IDLE = "idle"
    SCANNING = "scanning"
    CONNECTING = "connecting"
    BONDING = "bonding"
    SUBSCRIBING = "subscribing"
    STREAMING = "streaming"
    WAITING = "waiting"


class LinkEvent(Enum):
    """Event that changes the state of a link."""

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


@dataclass(frozen=True, slots=True)
class LinkStats:
    """Counts of what happened to one headband's link so far.

    Attributes
    ----------
    attempts : int
        Times it was looked for.
    connections : int
        Times it came to stream.
    drops, stalls : int
        Streams that ended because the connection did, and because no samples came.
    scans : int
        Begun by the adapter, on behalf of all its headbands.
    restarts, disconnects, power_cycles : int
        Steps of `gateway.ble.recovery_policy` that were tried.
    """

    attempts: int = 0
    connections: int = 0
    drops: int = 0
    stalls: int = 0
    scans: int = 0
    restarts: int = 0
    disconnects: int = 0
    power_cycles: int = 0

    def __str__(self) -> str:
        """Return the counts as text, for the log."""
        return (
            f"looked for {self.attempts} times, streamed {self.connections} times, "
            f"{self.drops} drops, {self.stalls} stalls, {self.scans} scans, "
            f"{self.restarts} scans restarted, {self.disconnects} times stale "
            f"connections cut, {self.power_cycles} power cycles"
        )

    def ended(self, error: Exception) -> "LinkStats":
        """Return this with one more stream that ended by `error`."""
        if isinstance(error, StallError):
            return replace(self, stalls=self.stalls + 1)
        return replace(self, drops=self.drops + 1)

    def tried(self, step: RecoveryStep) -> "LinkStats":
        """Return this with `step` counted."""
        name = _COUNTED_AS.get(step)
        if name is None:
            return self
        return replace(self, **{name: getattr(self, name) + 1})


_COUNTED_AS = {
    RecoveryStep.RESTART_SCAN: "restarts",
    RecoveryStep.DISCONNECT_STALE: "disconnects",
    RecoveryStep.POWER_CYCLE: "power_cycles",
}


class LinkReading(NamedTuple):
    """State of a link, its counts, and the last failure since it streamed.

    `why` is empty while it streams and until something fails.
    """

    state: LinkState
    stats: LinkStats
    why: str = ""
