"""The wall clock against the monotonic one: who set it, and by how much.

A Raspberry Pi has no clock that runs while it is off. Until the network tells the time
its date is a guess, and then it leaps.
"""

from gateway.acquisition.packets import ClockTick

STEP_S = 0.5  # a clock is slewed by less in a second, far less


class WallClock:
    """Tell when the wall clock was set.

    Parameters
    ----------
    last : ClockTick or None
        What was read last, where the clock was watched before.

    Attributes
    ----------
    tick : ClockTick or None
        What was read last.
    """

    def __init__(self, last: ClockTick | None = None) -> None:
        self.tick = last

    def read(self, tick: ClockTick) -> float:
        """Take a reading; return by how much the clock was set since the last.

        Seconds, positive when it was set forward; 0 when it merely went on.
        """
        was, self.tick = self.tick, tick
        if was is None:
            return 0.0
        step_s = (tick.utc - was.utc).total_seconds() - (tick.t - was.t)
        return step_s if abs(step_s) >= STEP_S else 0.0
