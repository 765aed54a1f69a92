"""Device time against this machine's clock."""

import asyncio
from math import inf, isinf

A_MOMENT_S = 1e-5  # after one sample, before the next
NAP_S = 0.01  # what is due within it goes out together


class PlaybackPace:
    """The clock of a headband that plays a recording `speed` times as fast.

    It runs from `begin` on, whether anybody listens or not. At unlimited speed it
    stands where the last frame was.

    Parameters
    ----------
    speed : float
        Times real time; 0 or inf for unlimited.
    start_s : float
        Device time at which it begins.
    drift_ppm : float
        How much too fast its crystal runs.
    """

    def __init__(self, speed: float, start_s: float, drift_ppm: float) -> None:
        self._speed = speed
        self._rate = (speed or inf) * (1 + drift_ppm * 1e-6)
        self._start_s = self._reached_s = start_s
        self._began: float | None = None

    def anew(self, start_s: float, drift_ppm: float) -> "PlaybackPace":
        """Return another clock of this speed, that has not begun."""
        return PlaybackPace(self._speed, start_s, drift_ppm)

    @property
    def unlimited(self) -> bool:
        """Whether nothing waits."""
        return isinf(self._rate)

    @property
    def now_s(self) -> float:
        """Device time now."""
        if self.unlimited or self._began is None:
            return self._reached_s
        return self._start_s + (self._time() - self._began) * self._rate

    def after_s(self, seconds: float) -> float:
        """Return the device time in so many `seconds` of this machine."""
        return self.now_s if self.unlimited else self.now_s + seconds * self._rate

    def begin(self) -> float:
        """Return the device time now; the first call sets it going."""
        if self._began is None:
            self._began = self._time()
            return self._start_s
        return self.now_s

    def wait_s(self, due_s: float) -> float:
        """Return how long device time `due_s` is away, seconds of this machine."""
        return 0.0 if self.unlimited else max(0.0, (due_s - self.now_s) / self._rate)

    async def until(self, due_s: float) -> None:
        """Sleep until device time `due_s`; a nap at least, or not at all."""
        wait_s = self.wait_s(due_s)
        if wait_s > 0:
            await asyncio.sleep(max(wait_s, NAP_S))
        self._reached_s = due_s + A_MOMENT_S

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()
