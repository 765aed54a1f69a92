"""Clock of packet arrivals: the headband's time by this machine's monotonic clock.

A packet can arrive late but never early, so the line *below* all arrivals is the
clock and everything above it is the radio.
"""

from collections import deque
from operator import itemgetter

from gateway.acquisition.clock_fit import ClockFit, Point, line_below
from gateway.acquisition.counter_unwrap import unwrap

WINDOW_S = 300  # long against the jitter, short against a room's temperature
FIT_S = 30.0  # shorter spans measure the jitter
EARLY_S = 10.0  # enough to tell how late the first packet was
MAX_CRYSTAL_ERROR = 0.01  # no crystal is off by more: the night is being replayed
TICK_MODULUS = 2**32


class ArrivalClock:
    """Estimate when a second of the session happened, by this machine's clock.

    The line is fitted over the last 300 s of signal as in Moon, Skelly and Towsley,
    "Estimation and removal of clock skew from network delay measurements", INFOCOM
    1999: of all lines that pass below every arrival, the one nearest to them.

    A line that is off by more than 1 % is no crystal but a recording replayed
    faster or slower than it was made. There is no drift then, and seconds are
    counted at their nominal rate from the session's start.

    Parameters
    ----------
    fit_s : float
        Spans shorter than this measure the jitter.
    """

    def __init__(self, fit_s: float = FIT_S) -> None:
        self._fit_s = fit_s
        self._replayed = False
        self._tick_hz: float | None = None
        self._points: deque[Point] = deque(maxlen=WINDOW_S)
        self._t_start: float | None = None
        self._slope: float | None = None  # of the last good fit
        self._fit: ClockFit | None = None
        self._fresh = False
        self._ticks: int | None = None
        self._shift_s = 0.0
        # fit and shift until the last restart; seconds before `_begins` go by them
        self._before: tuple[ClockFit, float] | None = None
        self._begins = 0.0

    def observe(self, second: float, t_rx: float, *, ticks: int | None = None) -> None:
        """Record the arrival of a packet.

        Parameters
        ----------
        second : float
            Where the packet ends on the session's sample grid.
        t_rx : float
            Its arrival, monotonic seconds.
        ticks : int or None
            The headband's clock there, modulo 2**32.
        """
        if self._t_start is None:
            self._t_start = t_rx - second
        if not self._points:
            self._begins = second
        device_s = self._device_s(second, ticks)
        point = (device_s, t_rx - device_s)
        self._fresh = False
        if not self._points or device_s // 1 > self._points[-1][0] // 1:
            self._points.append(point)
        elif device_s // 1 == self._points[-1][0] // 1:
            self._points[-1] = min(point, self._points[-1], key=itemgetter(1))

    def resume(self, second: float, t: float, slope: float | None) -> None:
        """Continue a session whose `second` was at monotonic time `t`.

        Parameters
        ----------
        second, t : float
        slope : float or None
            How much later every second arrives than the one before, as was known.
        """
        self._t_start = t - second
        if slope is not None:
            self._slope = slope
            self._fit = ClockFit(t - second - slope * second, slope)
            self._fresh = True

    def restart(self, tick_hz: float | None) -> None:
        """Forget the arrivals, not the drift: the session's grid is anchored anew.

        Parameters
        ----------
        tick_hz : float or None
            Rate of the clock that stamps packets; None when it is the sample count
            that tells the headband's time.
        """
        if (fit := self._current_fit()) is not None:
            self._before = fit, self._shift_s
        self._tick_hz = tick_hz
        self._points.clear()
        self._ticks = None

    @property
    def drift_ppm(self) -> float | None:
        """Parts per million the headband is fast; None before 30 s, or in a replay."""
        self._current_fit()
        return None if self._slope is None else -self._slope / (1 + self._slope) * 1e6

    @property
    def replayed(self) -> bool:
        """Whether packets arrive faster or slower than they were recorded."""
        self._current_fit()
        return self._replayed

    @property
    def slope(self) -> float | None:
        """Seconds by which each arrives later than the last; None until fitted."""
        self._current_fit()
        return self._slope

    @property
    def started(self) -> bool:
        """Whether an arrival was observed."""
        return self._t_start is not None

    @property
    def fit(self) -> ClockFit | None:
        """Lag of the arrivals, per second; None until fitted."""
        fit = self._current_fit()
        return None if self._slope is None else fit

    def t_of(self, second: float) -> float:
        """Return the monotonic time at which `second` of the session happened.

        Raises
        ------
        ValueError
            Before the first arrival.
        """
        if self._t_start is None:
            raise ValueError("no packet was observed yet")
        if (fit := self._current_fit()) is None:
            return self._t_start + second
        (offset_s, slope), shift_s = fit, self._shift_s
        if self._before is not None and second < self._begins:
            (offset_s, slope), shift_s = self._before
        device_s = second + shift_s
        return device_s + offset_s + slope * device_s

    def second_at(self, t: float) -> float | None:
        """Return the second of the session at monotonic time `t`.

        None before the first arrival, and in a replay, whose seconds are others.
        """
        fit = self._current_fit()
        if self._t_start is None or self._replayed:
            return None
        if fit is None:
            return t - self._t_start
        offset_s, slope = fit
        return (t - offset_s) / (1 + slope) - self._shift_s

    def _device_s(self, second: float, ticks: int | None) -> float:
        if self._tick_hz is None or ticks is None:
            self._shift_s = self._shift_s if self._points else 0.0
            return second + self._shift_s
        near = ticks if self._ticks is None else self._ticks
        self._ticks = unwrap(ticks, near, TICK_MODULUS)
        device_s = self._ticks / self._tick_hz
        self._shift_s = device_s - second
        return device_s

    def _current_fit(self) -> ClockFit | None:
        if not self._fresh:
            self._fit = self._fitted()
            self._fresh = True
        return self._fit

    def _fitted(self) -> ClockFit | None:
        points = list(self._points)
        span_s = points[-1][0] - points[0][0] if points else 0.0
        if span_s >= self._fit_s:
            fit = line_below(points)
            self._replayed = abs(fit.slope) > MAX_CRYSTAL_ERROR
            self._slope = None if self._replayed else fit.slope
            return None if self._replayed else fit
        if self._slope is None:
            if span_s < EARLY_S:
                return None
            self._replayed = abs(line_below(points).slope) > MAX_CRYSTAL_ERROR
            if self._replayed:
                return None
            return ClockFit(min(y for _, y in points), 0.0)
        carried = self._slope
        return ClockFit(min(y - carried * x for x, y in points), carried)
