"""How long to wait before the radio is tried again. Pure."""

from gateway.errors import BondingError, LinkError

FIRST_S = 1.0
GROWTH = 1.8
LONGEST_S = 60.0
STEADY_S = 30.0
_ENOUGH = 20  # by then the longest is reached, and the power stays a number


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
    """The failures in a row of one link.

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
        self._asked = False

    def began(self, t: float) -> None:
        """Note that a stream began at `t`, monotonic seconds."""
        self._began_s = t

    def lasted(self, t: float) -> None:
        """Note that it goes on at `t`."""
        if self.failures and t - self._began_s >= STEADY_S:
            self.failures = 0
            self._asked = False

    def is_news(self, error: LinkError) -> bool:
        """Tell whether a person should hear of `error`: the first, or one to mend.

        A headband that wants to be paired is mostly found in the middle of a row that
        began when it was switched off.
        """
        return not self.failures or (
            isinstance(error, BondingError) and not self._asked
        )

    def failed(self, error: LinkError, jitter: float) -> float:
        """Count a failure; return the pause after it, seconds."""
        self.failures += 1
        self._asked = self._asked or isinstance(error, BondingError)
        return delay_s(error, self.failures, jitter)
