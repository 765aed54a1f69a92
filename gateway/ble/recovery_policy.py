"""What is tried, in which order, when an adapter fails over and over. Pure.

=============  ====================================================================
failures       what is done after so many failures of the adapter in a row
=============  ====================================================================
2              end the scan that this process may have left behind
3              disconnect the headbands that nobody here streams from
4, 8, 12 ...   switch the adapter off and on
from 24 on     end the daemon with exit code 1, so that systemd starts it afresh, if
               the adapter has failed for `STUCK_S` as well
=============  ====================================================================

Only an `AdapterError` counts. A headband that is out of reach, refuses or falls
silent says nothing against the adapter, and ends the row. With the pauses of
`gateway.ble.backoff` 24 failures take a quarter of an hour.
"""

from enum import Enum

from gateway.errors import AdapterError, LinkError

STUCK = 24
STUCK_S = 900.0
CYCLE = 4


class RecoveryStep(Enum):
    """What can be tried; the value says what it does."""

    RESTART_SCAN = "restart the scan"
    DISCONNECT_STALE = "disconnect stale connections"
    POWER_CYCLE = "switch the adapter off and on"
    EXIT = "end the daemon"


def step(failures: int, failing_s: float) -> RecoveryStep | None:
    """Return what to try after `failures` of the adapter in a row, if anything.

    Parameters
    ----------
    failures : int
        From 1.
    failing_s : float
        Since the first of them.
    """
    if failures >= STUCK and failing_s >= STUCK_S:
        return RecoveryStep.EXIT
    if failures == 2:  # noqa: PLR2004 - the table says it
        return RecoveryStep.RESTART_SCAN
    if failures == 3:  # noqa: PLR2004 - the table says it
        return RecoveryStep.DISCONNECT_STALE
    return RecoveryStep.POWER_CYCLE if failures % CYCLE == 0 else None


class RecoveryPolicy:
    """The failures of an adapter in a row, as one link sees them."""

    def __init__(self) -> None:
        self._failures = 0
        self._since_s = 0.0

    def failed(self, error: LinkError, t: float) -> RecoveryStep | None:
        """Return what to try after `error` at `t`, monotonic seconds, if anything."""
        if not isinstance(error, AdapterError):
            self._failures = 0
            return None
        if not self._failures:
            self._since_s = t
        self._failures += 1
        return step(self._failures, t - self._since_s)
