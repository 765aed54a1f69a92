"""How a link fares: counted for telemetry and for the log at the end. Pure."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from gateway.ble.link_state import LinkState
from gateway.ble.recovery_policy import RecoveryStep
from gateway.errors import StallError


@dataclass(frozen=True, slots=True)
class LinkStats:
    """What happened to one headband's link so far.

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
        Rungs of `gateway.ble.recovery_policy` that were tried.
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
        """Say what happened, for the log."""
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
    """Where a link stands, how it fared until now, and what failed since it streamed.

    `why` is empty while it streams and until something fails.
    """

    state: LinkState
    tally: LinkStats
    why: str = ""
