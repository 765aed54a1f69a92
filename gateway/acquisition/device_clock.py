"""The sample count against the headband's own clock."""

from collections import deque
from typing import NamedTuple

from gateway.acquisition.arrival_clock import TICK_MODULUS, WINDOW_S
from gateway.acquisition.counter_unwrap import unwrap

FIT_S = 25  # shorter spans measure the jitter
UNLIKELY = 0.02  # no sampling rate is further from what the maker prints
ASTRAY_S = 0.25  # several times the jitter of the worst clock known, 33 ms
ASTRAY_N = 5  # so many seconds astray are no outliers
STALE_S = 60.0  # packets that carry no ticks for so long will not again
RESUMED_S = 1.0  # arrivals jitter so much, and drift below 0.1 %
RESUMED = 1e-3


class SampleTimes(NamedTuple):
    """When samples were taken: sample `i` at ``start_s + period_s * i``."""

    start_s: float
    period_s: float

    def at(self, sample: float) -> float:
        """Return when `sample` was taken, seconds."""
        return self.start_s + self.period_s * sample


class DeviceClock:
    """Least squares through the headband's clock over the last 300 s of samples.

    The clock is read at the mean of each second, which takes the jitter of stamps
    that are made when a batch is. Seconds that lie far from the line are left out;
    when they go on, or the line gives a rate that cannot be, everything begins anew.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency, Hz.
    tick_hz : float

    Attributes
    ----------
    stretch : int
        Counts the beginnings; times of different stretches do not compare.
    refused : bool
        Whether the last fit gave a rate that cannot be.
    """

    def __init__(self, sfreq: float, tick_hz: float) -> None:
        self.stretch = 0
        self.refused = False
        self._sfreq = sfreq
        self._tick_hz = tick_hz
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW_S)
        self._line: SampleTimes | None = None
        self._second: list[tuple[float, float]] = []  # readings of the present second
        self._last: tuple[int, float, float] | None = None  # ticks, sample, arrival
        self._resumed: int | None = None  # ticks after the link was away
        self._astray = 0

    def observe(self, sample: float, ticks: int, t_rx: float) -> None:
        """Note what the clock read, modulo 2**32, when `sample` was taken."""
        near = ticks
        if self._resumed is not None:
            near = self._resumed
        elif self._last is not None:
            passed_s = (sample - self._last[1]) / self._sfreq
            near = self._last[0] + round(passed_s * self._tick_hz)
        self._resumed = None
        ticks = unwrap(ticks, near, TICK_MODULUS)
        self._last = ticks, sample, t_rx
        if self._second and sample // self._sfreq > self._second[0][0] // self._sfreq:
            self._finish_second()
        self._second.append((sample, ticks / self._tick_hz))

    @property
    def trusted(self) -> SampleTimes | None:
        """The last line that gave a rate which can be; None after a new beginning."""
        return self._line

    def stale(self, now: float) -> bool:
        """Tell whether the clock was not read for a minute before sample `now`."""
        return self._last is None or now - self._last[1] > STALE_S * self._sfreq

    def fit(self) -> SampleTimes | None:
        """Draw the line anew; None unless there is one to be trusted."""
        points = self._points
        if points and points[-1][0] - points[0][0] >= FIT_S * self._sfreq:
            line = least_squares(list(points))
            rate = 1 / (line.period_s * self._sfreq) if line.period_s > 0 else 0.0
            self.refused = abs(rate - 1) > UNLIKELY
            if self.refused:
                self._begin_anew()
            else:
                self._line = line
        return self._line

    def resumed_s(self, ticks: int, t_rx: float) -> float | None:
        """Return what the clock reads now if it ran on while the link was away.

        None if it does not agree with the time that passed here meanwhile.
        """
        if self._last is None:
            return None
        passed_s = t_rx - self._last[2]
        near = self._last[0] + round(passed_s * self._tick_hz)
        ticks = unwrap(ticks, near, TICK_MODULUS)
        off_s = (ticks - self._last[0]) / self._tick_hz - passed_s
        agrees = abs(off_s) <= RESUMED_S + RESUMED * passed_s
        return ticks / self._tick_hz if agrees else None

    def restart(self, ticks: int, t_rx: float) -> None:
        """Begin at a new place on the count; the clock may have run on, or not."""
        now_s = self.resumed_s(ticks, t_rx)
        self._points.clear()
        self._second.clear()
        if now_s is None:
            self._begin_anew()
            self._last = None
        else:
            self._resumed = round(now_s * self._tick_hz)

    def _finish_second(self) -> None:
        n = len(self._second)
        sample = sum(sample for sample, _ in self._second) / n
        time_s = sum(time_s for _, time_s in self._second) / n
        self._second.clear()
        off_s = 0.0 if self._line is None else time_s - self._line.at(sample)
        if abs(off_s) <= ASTRAY_S:
            self._astray = 0
            self._points.append((sample, time_s))
            return
        self._astray += 1
        if self._astray == ASTRAY_N:
            self._begin_anew()

    def _begin_anew(self) -> None:
        self.stretch += 1
        self._points.clear()
        self._line = None
        self._astray = 0


def least_squares(points: list[tuple[float, float]]) -> SampleTimes:
    """Return the line nearest to `points` in the mean square.

    Parameters
    ----------
    points : list of (float, float)
        At least two, with different abscissas.
    """
    n = len(points)
    x_mean = sum(x for x, _ in points) / n
    y_mean = sum(y for _, y in points) / n
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * (y - y_mean) for x, y in points) / spread
    return SampleTimes(y_mean - slope * x_mean, slope)
