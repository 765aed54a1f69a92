"""A session that was interrupted, and whether it goes on. Pure.

Within one boot of this machine the monotonic clock tells how long it was interrupted;
over a reboot only the wall clock can, and only if it was right before and is now.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from gateway.acquisition.checkpoint import GridCheckpoint
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import ClockTick
from gateway.messages.outputs import SessionState
from gateway.staging.scored_epoch import ScoredEpoch


class ClockInstant(NamedTuple):
    """Both clocks of this machine, and its boot: monotonic time counts from there.

    Attributes
    ----------
    boot : str
    t : float
        Monotonic seconds.
    utc : datetime
    synchronised : bool
        Whether the wall clock was set by the network.
    """

    boot: str
    t: float
    utc: datetime
    synchronised: bool

    @property
    def tick(self) -> ClockTick:
        """The clocks alone."""
        return ClockTick(self.t, self.utc, self.synchronised)


class Ending(Enum):
    """How a session came to stand still."""

    CUT = "cut"  # nobody said anything
    STOPPED = "stopped"  # the daemon was told to stop, and took leave
    OVER = "over"  # the headband was off or away for long
    ASKED = "asked"  # somebody asked for the end of the session


@dataclass(frozen=True, slots=True)
class InterruptedSession:
    """What is known of a session that another process had.

    Attributes
    ----------
    session : str
        Its identifier.
    scored_by : str
        Digest of the model.
    info : HeadbandInfo
        What the headband said of itself.
    state : SessionState
    epochs : tuple of ScoredEpoch
        All of them.
    grid : GridCheckpoint
        Where it stands, at the end of the last epoch.
    last : ClockInstant
        When something was noted last.
    ending : Ending
    """

    session: str
    scored_by: str
    info: HeadbandInfo
    state: SessionState
    epochs: tuple[ScoredEpoch, ...]
    grid: GridCheckpoint
    last: ClockInstant
    ending: Ending = Ending.CUT

    def seen_from(self, now: ClockInstant) -> "InterruptedSession":
        """Return this by the monotonic clock of `now`'s boot."""
        if now.boot == self.last.boot:
            return self
        shift_s = (self.last.utc - now.utc).total_seconds() - (self.last.t - now.t)
        last = self.last._replace(boot=now.boot, t=self.last.t + shift_s)
        return replace(self, grid=self.grid.moved(shift_s), last=last)


class ResumeDecision(Enum):
    """What is to become of a session."""

    RESUME = "resume"
    LEAVE = "leave"
    WAIT = "wait"  # until the clock is right


def judge(last: ClockInstant, now: ClockInstant, resume_s: float) -> ResumeDecision:
    """Tell whether a session that was heard of at `last` goes on.

    Parameters
    ----------
    last, now : ClockInstant
    resume_s : float
        It goes on unless it was interrupted for longer; 0: never.
    """
    if not resume_s:
        return ResumeDecision.LEAVE
    if last.boot == now.boot:
        away = timedelta(seconds=now.t - last.t)
    elif not last.synchronised:
        return ResumeDecision.LEAVE
    elif not now.synchronised:
        return ResumeDecision.WAIT
    else:
        away = now.utc - last.utc
    there = timedelta(0) <= away <= timedelta(seconds=resume_s)
    return ResumeDecision.RESUME if there else ResumeDecision.LEAVE
