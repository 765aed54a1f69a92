"""Hold the session's seconds to true ones, by whatever clock there is."""

from gateway.acquisition.arrival_clock import ArrivalClock
from gateway.acquisition.device_clock import DeviceClock, SampleTimes
from gateway.acquisition.packets import SamplePacket
from gateway.acquisition.sample_grid import ClockFit, SampleGrid

TRUST_S = 30  # of signal, before the nominal rate is given up
REFIT_S = 10  # of signal, between two looks at the rate
ARRIVALS = -1  # what is followed; the stretches of the ticks count from 0


class ClockDiscipline:
    """Measure the sampling rate and steer a grid by it.

    The headband's own clock comes first, where packets carry its ticks and they make
    sense; then the arrivals, unless they are those of a replay. Whichever is
    followed, seconds go on from where they are: when another is followed, or the
    headband's clock restarts, no phase is lost.

    Parameters
    ----------
    grid : SampleGrid
    clock : ArrivalClock
        Of arrivals against the sample count at the grid's nominal rate.
    """

    def __init__(self, grid: SampleGrid, clock: ArrivalClock) -> None:
        self._grid = grid
        self._clock = clock
        self._ticks: DeviceClock | None = None
        self._tick_hz: float | None = None
        self._followed: int | None = None
        self._zero_s = 0.0  # when second 0 was, on the clock that is followed
        self._began = 0.0  # first sample of this place on the count
        self._before: ClockFit | None = None  # seconds by arrival in the place before
        self._placed_anew = True
        self._due = 0.0

    def restart(self, tick_hz: float | None) -> None:
        """Expect the count to be placed anew by the next packet.

        To be called while the clock still knows the arrivals of the place before.
        """
        if not self._placed_anew:
            self._placed_anew = True
            self._before = self._seconds_by_arrival()
        if tick_hz != self._tick_hz or self._ticks is None:
            self._tick_hz = tick_hz
            self._ticks = DeviceClock(self._grid.sfreq, tick_hz) if tick_hz else None
            if self._followed != ARRIVALS:
                self._followed = None

    def resumed_s(self, packet: SamplePacket, t_began: float) -> float | None:
        """Return the second at which a connection's first packet begins.

        By the headband's clock if that ran on while the link was away, else by
        `t_began`, monotonic seconds; None while neither tells.
        """
        now_s = t_began if self._followed == ARRIVALS else None
        ticks = self._ticks
        if ticks is not None and ticks.stretch == self._followed:
            stamp = packet.ticks
            now_s = None if stamp is None else ticks.resumed_s(stamp, packet.t_rx)
        return None if now_s is None else now_s - self._zero_s

    def observe(self, packet: SamplePacket, first: float, end: float) -> None:
        """Learn from a packet that lies at ``[first, end)`` on the grid's count."""
        if self._placed_anew:
            self._placed_anew = False
            self._began = first
            if self._ticks is not None and packet.ticks is not None:
                self._ticks.restart(packet.ticks, packet.t_rx)
            if self._followed is None:
                self._due = first + TRUST_S * self._grid.sfreq
        if self._ticks is not None and packet.ticks is not None:
            self._ticks.observe(first, packet.ticks, packet.t_rx)
        if end >= self._due:
            self._due = end + REFIT_S * self._grid.sfreq
            self._steer(end)

    @property
    def drift_ppm(self) -> float | None:
        """Parts per million the headband's clock is fast; None until fitted."""
        if self._ticks is None:
            return self._clock.drift_ppm
        by_arrival, by_ticks = self._arrivals(), self._ticks.trusted
        if by_arrival is None or by_ticks is None:
            return None
        return (by_ticks.period_s / by_arrival.period_s - 1) * 1e6

    def _steer(self, now: float) -> None:
        if (chosen := self._choose(now)) is None:
            return
        source, line = chosen
        if source != self._followed:
            self._zero_s = self._zero_of(line, now)
            self._followed = source
        self._before = None
        start = (self._zero_s - line.start_s) / line.period_s
        self._grid.steer(ClockFit(start, 1 / line.period_s))

    def _choose(self, now: float) -> tuple[int, SampleTimes] | None:
        if self._ticks is not None and not self._ticks.stale(now):
            if (line := self._ticks.fit()) is not None:
                return self._ticks.stretch, line
            if not self._ticks.refused:
                return None  # it will soon be known
        arrivals = self._arrivals()
        return None if arrivals is None else (ARRIVALS, arrivals)

    def _zero_of(self, line: SampleTimes, now: float) -> float:
        """Return when second 0 was on a clock that was not followed before."""
        course = self._grid.course
        if course is None:
            return line.at(self._began) - self._grid.second_at(self._began)
        second = course.second_at(now)
        if self._before is not None and (arrivals := self._arrivals()) is not None:
            # the first packet of this place may have been late, and misplaced
            second = self._before.second_at(arrivals.at(now))
        return line.at(now) - second

    def _arrivals(self) -> SampleTimes | None:
        if (fit := self._clock.line) is None:
            return None
        offset_s, slope = fit
        return SampleTimes(offset_s, (1 + slope) / self._grid.sfreq)

    def _seconds_by_arrival(self) -> ClockFit | None:
        """Return when seconds arrive, as a course on this machine's clock."""
        arrivals, course = self._arrivals(), self._grid.course
        if arrivals is None or course is None:
            return None
        return ClockFit(arrivals.at(course.start), arrivals.period_s * course.rate)
