"""Recovery policy: pauses and adapter recovery steps after failures in a row. Pure.

A link that failed waits before it is tried again, longer after each failure in a row.
When it is the adapter that fails, it is given a push as well:

=============  ====================================================================
failures       recovery step after so many failures of the adapter in a row
=============  ====================================================================
2              end the scan that this process may have left behind
3              disconnect the headbands that nobody here streams from
4, 8, 12 ...   switch the adapter off and on
from 24 on     end the daemon with exit code 1, so that systemd starts it afresh, if
               the adapter has failed for `STUCK_S` as well
=============  ====================================================================

The steps come in order of what they cost: the first harms nobody, the second ends
connections that nobody reads, the third all connections, the last every session's
process. Only an `AdapterError` counts. A headband that is out of reach, refuses or
falls silent says nothing against the adapter, and ends the row. With these pauses 24
failures take a quarter of an hour.
"""

from enum import Enum

from gateway.errors import AdapterError, BondingError, LinkError

FIRST_S = 1.0
GROWTH = 1.8
LONGEST_S = 60.0
STEADY_S = 30.0
_ENOUGH = 20  # by then the longest is reached, and the power stays a number
STUCK = 24
STUCK_S = 900.0
CYCLE = 4


def delay_s(error: LinkError, attempt: int, jitter: float) -> float:
    """Return the pause after failed attempt number `attempt`.

    Parameters
    ----------
    error : LinkError
        Why it failed. Pairing needs a person, so a `BondingError` waits longest.
    attempt : int
        Failures in a row so far, from 1.
    jitter : float
        Uniform in [0, 1), drawn by the caller: several gateways that lost power
        together do not come back in step.

    Returns
    -------
    float
        Seconds, from half of the nominal pause to all of it.
    """
    if isinstance(error, BondingError):
        nominal = LONGEST_S
    else:
        nominal = min(FIRST_S * GROWTH ** min(attempt - 1, _ENOUGH), LONGEST_S)
    return nominal * (0.5 + 0.5 * jitter)


class FailureStreak:
    """Failures in a row of one link.

    A stream of `STEADY_S` ends the row. A shorter one does not: a headband at the
    edge of the radio's reach, or one that sends rubbish, is not connected to again
    and again every second, all night.

    Attributes
    ----------
    failures : int
        In a row so far.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._began_s = 0.0
        self._bonding_reported = False

    def stream_began(self, t: float) -> None:
        """Record that a stream began at `t`, monotonic seconds."""
        self._began_s = t

    def stream_lasted(self, t: float) -> None:
        """Record that the stream goes on at `t`; end the row if it is steady."""
        if self.failures and t - self._began_s >= STEADY_S:
            self.failures = 0
            self._bonding_reported = False

    def is_news(self, error: LinkError) -> bool:
        """Return whether `error` is worth a warning: the first, or a bond to make.

        A headband that wants to be paired is mostly found in the middle of a row that
        began when it was switched off.
        """
        return not self.failures or (
            isinstance(error, BondingError) and not self._bonding_reported
        )

    def failed(self, error: LinkError, jitter: float) -> float:
        """Count a failure; return the pause after it, seconds."""
        self.failures += 1
        self._bonding_reported = self._bonding_reported or isinstance(
            error, BondingError
        )
        return delay_s(error, self.failures, jitter)


class RecoveryStep(Enum):
    """Recovery step; the value describes it in the log."""

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
    """Failures of an adapter in a row, as one link meets them."""

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
