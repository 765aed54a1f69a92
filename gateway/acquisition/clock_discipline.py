"""Clock discipline: true seconds of a session, by whatever clock there is."""

from collections import deque

from gateway.acquisition.arrival_clock import TICK_MODULUS, WINDOW_S, ArrivalClock
from gateway.acquisition.checkpoint import GridCheckpoint, RateCheckpoint
from gateway.acquisition.clock_fit import ClockFit, least_squares
from gateway.acquisition.counter_unwrap import unwrap
from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import SamplePacket
from gateway.acquisition.sample_grid import SampleGrid, StreamPosition

TRUST_S = 30  # of signal, before the nominal rate is given up
REFIT_S = 10  # of signal, between two fits of the rate
ARRIVALS = -1  # the clock that is followed; generations of the ticks count from 0
ROUGH_FIT_S = 20.0  # the first epoch is dated by the measured rate already
TICK_FIT_S = 25  # shorter spans measure the jitter
MAX_RATE_ERROR = 0.02  # no sampling rate is further from what the maker prints
OUTLIER_S = 0.25  # several times the jitter of the worst clock known, 33 ms
MAX_OUTLIERS = 5  # in a row; so many seconds are no outliers
STALE_S = 60.0  # packets that carry no ticks for so long will not again
RESUME_JITTER_S = 1.0  # arrivals jitter so much, and drift below 0.1 %
RESUME_DRIFT = 1e-3


class DeviceClock:
    """Clock that stamps packets: least squares over the last 300 s of samples.

    The clock is read at the mean of each second, which averages out the jitter of
    stamps that are made when a batch is. Seconds far from the fit are left out; when
    they go on, or the fit gives an impossible rate, the clock was set: reset.

    Parameters
    ----------
    sfreq : float
        Nominal sampling frequency, Hz.
    tick_hz : float

    Attributes
    ----------
    generation : int
        Counts the resets; times of different generations do not compare.
    implausible : bool
        Whether the last fit gave an impossible rate.
    """

    def __init__(self, sfreq: float, tick_hz: float) -> None:
        self.generation = 0
        self.implausible = False
        self._sfreq = sfreq
        self._tick_hz = tick_hz
        self._points: deque[tuple[float, float]] = deque(maxlen=WINDOW_S)
        self._fit: ClockFit | None = None
        self._second: list[tuple[float, float]] = []  # readings of the present second
        self._last: tuple[int, float, float] | None = None  # ticks, sample, arrival
        self._resumed: int | None = None  # ticks after the link was away
        self._n_outliers = 0

    def observe(self, sample: float, ticks: int, t_rx: float) -> None:
        """Record what the clock read, modulo 2**32, when `sample` was taken."""
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
    def last_fit(self) -> ClockFit | None:
        """Seconds by sample, as last fitted; None after a reset."""
        return self._fit

    def stale(self, now: float) -> bool:
        """Return whether the clock was not read for a minute before sample `now`."""
        return self._last is None or now - self._last[1] > STALE_S * self._sfreq

    def refit(self) -> ClockFit | None:
        """Fit anew and return seconds by sample; None while there is no sound fit."""
        points = self._points
        if points and points[-1][0] - points[0][0] >= TICK_FIT_S * self._sfreq:
            fit = least_squares(list(points))
            rate = 1 / (fit.slope * self._sfreq) if fit.slope > 0 else 0.0
            self.implausible = abs(rate - 1) > MAX_RATE_ERROR
            if self.implausible:
                self._reset()
            else:
                self._fit = fit
        return self._fit

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
        agrees = abs(off_s) <= RESUME_JITTER_S + RESUME_DRIFT * passed_s
        return ticks / self._tick_hz if agrees else None

    def restart(self, ticks: int, t_rx: float) -> None:
        """Begin at a new place on the count; the clock may have run on, or not."""
        now_s = self.resumed_s(ticks, t_rx)
        self._points.clear()
        self._second.clear()
        if now_s is None:
            self._reset()
            self._last = None
        else:
            self._resumed = round(now_s * self._tick_hz)

    def _finish_second(self) -> None:
        n = len(self._second)
        sample = sum(sample for sample, _ in self._second) / n
        time_s = sum(time_s for _, time_s in self._second) / n
        self._second.clear()
        off_s = 0.0 if self._fit is None else time_s - self._fit.at(sample)
        if abs(off_s) <= OUTLIER_S:
            self._n_outliers = 0
            self._points.append((sample, time_s))
            return
        self._n_outliers += 1
        if self._n_outliers == MAX_OUTLIERS:
            self._reset()

    def _reset(self) -> None:
        self.generation += 1
        self._points.clear()
        self._fit = None
        self._n_outliers = 0


class ClockDiscipline:
    """Time of a session: its seconds against arrivals, ticks and the wall.

    Streams of a rough rate share a grid, `grid`, whose seconds follow the rate as
    measured in the fastest of them; where all rates are true there is none.

    To measure, the headband's own clock comes first, where packets carry its ticks
    and they make sense; then the arrivals, unless they are those of a replay.
    Whichever is followed, seconds go on from where they are: when another is
    followed, or the headband's clock restarts, no phase is lost.

    Parameters
    ----------
    montage : Montage
    grid : SampleGrid or None
        Of a recording that says where true seconds begin; None to measure.

    Attributes
    ----------
    arrivals : ArrivalClock
        Of the fastest stream that sends.
    grid : SampleGrid or None
    """

    def __init__(self, montage: Montage, grid: SampleGrid | None = None) -> None:
        rough = [s.sfreq for s in montage.streams if s.rough_rate]
        self.arrivals = ArrivalClock(ROUGH_FIT_S) if rough else ArrivalClock()
        self.grid = grid
        self._measured: SampleGrid | None = None  # the same, where it is to be measured
        if rough and grid is None:
            self.grid = self._measured = SampleGrid(max(rough))
        self._t_zero: float | None = None  # arrival of second 0
        self._ticks: DeviceClock | None = None
        self._tick_hz: float | None = None
        self._followed: int | None = None
        self._zero_s = 0.0  # when second 0 was, on the clock that is followed
        self._began = 0.0  # first sample since the count was anchored
        self._before: ClockFit | None = None  # arrival of seconds before it was
        self._placed_anew = True
        self._due = 0.0

    def resume(self, point: GridCheckpoint) -> None:
        """Continue where another process stopped; before the first packet."""
        self._t_zero = point.t - point.second
        counted_s = float(point.second)
        if self.grid is not None:
            self.grid.resume(point.second, point.rate.counted, point.rate.sfreq_hz)
            counted_s = point.rate.counted / self.grid.sfreq
        self.arrivals.resume(counted_s, point.t, point.rate.slope)

    def rate_at(self, second: int) -> RateCheckpoint:
        """Return the measured clock rate, and the headband's count at `second`."""
        counted = 0 if self.grid is None else self.grid.first_sample(second)
        return RateCheckpoint(self.arrivals.slope, counted, self.sfreq_hz)

    def restart(self, tick_hz: float | None) -> None:
        """Expect the count to be anchored anew by the next packet.

        Parameters
        ----------
        tick_hz : float or None
            Rate of the clock that stamps packets, Hz; None when there is none.
        """
        if self._measured is None:
            self.arrivals.restart(tick_hz)
            return
        if not self._placed_anew:
            self._placed_anew = True
            # now, while the arrivals before the restart are still known
            self._before = self._seconds_by_arrival(self._measured)
        if tick_hz != self._tick_hz or self._ticks is None:
            self._tick_hz = tick_hz
            self._ticks = (
                DeviceClock(self._measured.sfreq, tick_hz) if tick_hz else None
            )
            if self._followed != ARRIVALS:
                self._followed = None
        self.arrivals.restart(None)

    def observe(
        self,
        packet: SamplePacket,
        first: int,
        position: StreamPosition,
        tick_hz: float | None,
    ) -> None:
        """Learn from a packet of the timekeeping stream that was written at `first`."""
        sfreq = position.stream.sfreq
        counted_s = position.progress / sfreq
        if self._measured is None:
            ticks = packet.ticks
            if ticks is not None and tick_hz is not None:
                ticks += round(packet.counts.shape[1] / sfreq * tick_hz)
            else:
                ticks = None
            self.arrivals.observe(counted_s, packet.t_rx, ticks=ticks)
            return
        self.arrivals.observe(counted_s, packet.t_rx)
        if position.stream.rough_rate:
            end = position.counted_at(position.progress)
            self._measure(self._measured, packet, position.counted_at(first), end)

    def t_of(self, second: int) -> float:
        """Return the monotonic time at which `second` of the session began."""
        if self.grid is None or self.arrivals.replayed:
            return self.arrivals.t_of(second)
        return self.arrivals.t_of(self.grid.first_sample(second) / self.grid.sfreq)

    def second_at(self, t: float) -> float | None:
        """Return the second of the session at monotonic time `t`.

        None before the first arrival, and in a replay, whose seconds are others.
        """
        counted_s = self.arrivals.second_at(t)
        if counted_s is None or self.grid is None:
            return counted_s
        counted = counted_s * self.grid.sfreq
        if self._measured is None:
            return self.grid.second_at(counted)
        fit = self._measured.fit
        return counted_s if fit is None else fit.inverse(counted)

    def second_before(
        self, packet: SamplePacket, packet_s: float, length_s: float
    ) -> float:
        """Return the second of the session `length_s` before `packet` ended.

        For a packet that is to be anchored by its arrival: `packet_s` is its own
        length. The headband's clock tells best, if it ran on while the link was away.
        """
        t_began = packet.t_rx - length_s
        if self._t_zero is None:
            self._t_zero = t_began
        arrived_s = t_began - self._t_zero
        if self._measured is None or self.sfreq_hz is None:
            return arrived_s
        resumed_s = self._resumed_s(packet, packet.t_rx - packet_s)
        if resumed_s is not None:
            return resumed_s - (length_s - packet_s)
        by_clock = self.second_at(t_began)
        return arrived_s if by_clock is None else by_clock

    @property
    def drift_ppm(self) -> float | None:
        """Parts per million the headband's clock is fast; None until fitted."""
        if self._measured is None or self._ticks is None:
            return self.arrivals.drift_ppm
        by_arrival = self._sample_arrivals(self._measured)
        by_ticks = self._ticks.last_fit
        if by_arrival is None or by_ticks is None:
            return None
        return (by_ticks.slope / by_arrival.slope - 1) * 1e6

    @property
    def sfreq_hz(self) -> float | None:
        """Measured rate of the fastest stream that needs it; None until fitted."""
        if self.grid is None or self.grid.fit is None:
            return None
        return self.grid.fit.slope

    def _resumed_s(self, packet: SamplePacket, t_began: float) -> float | None:
        """Return the second at which a connection's first packet begins, if known."""
        now_s = t_began if self._followed == ARRIVALS else None
        ticks = self._ticks
        if ticks is not None and ticks.generation == self._followed:
            stamp = packet.ticks
            now_s = None if stamp is None else ticks.resumed_s(stamp, packet.t_rx)
        return None if now_s is None else now_s - self._zero_s

    def _measure(
        self, grid: SampleGrid, packet: SamplePacket, first: float, end: float
    ) -> None:
        """Learn from a packet that lies at ``[first, end)`` on the grid's count."""
        if self._placed_anew:
            self._placed_anew = False
            self._began = first
            if self._ticks is not None and packet.ticks is not None:
                self._ticks.restart(packet.ticks, packet.t_rx)
            if self._followed is None:
                self._due = first + TRUST_S * grid.sfreq
        if self._ticks is not None and packet.ticks is not None:
            self._ticks.observe(first, packet.ticks, packet.t_rx)
        if end >= self._due:
            self._due = end + REFIT_S * grid.sfreq
            self._discipline(grid, end)

    def _discipline(self, grid: SampleGrid, now: float) -> None:
        """Let the grid follow the best clock there is at sample `now`."""
        if (chosen := self._choose(grid, now)) is None:
            return
        source, fit = chosen
        if source != self._followed:
            # Two clocks agree on how long a second is, not on when second 0 was.
            # Second 0 on the new clock is put where the seconds of the old one go on.
            self._zero_s = self._zero_of(grid, fit, now)
            self._followed = source
        self._before = None
        grid.follow(ClockFit(fit.inverse(self._zero_s), 1 / fit.slope))

    def _choose(self, grid: SampleGrid, now: float) -> tuple[int, ClockFit] | None:
        if self._ticks is not None and not self._ticks.stale(now):
            if (fit := self._ticks.refit()) is not None:
                return self._ticks.generation, fit
            if not self._ticks.implausible:
                return None  # it will soon be known
        arrivals = self._sample_arrivals(grid)
        return None if arrivals is None else (ARRIVALS, arrivals)

    def _zero_of(self, grid: SampleGrid, fit: ClockFit, now: float) -> float:
        """Return when second 0 was on a clock that was not followed before."""
        if grid.fit is None:
            return fit.at(self._began) - grid.second_at(self._began)
        second = grid.fit.inverse(now)
        if (
            self._before is not None
            and (arrivals := self._sample_arrivals(grid)) is not None
        ):
            # The first packet after a restart may have been late, and is misplaced
            # then; the line below all arrivals since is not.
            second = self._before.inverse(arrivals.at(now))
        return fit.at(now) - second

    def _sample_arrivals(self, grid: SampleGrid) -> ClockFit | None:
        """Return when samples arrive, by their place on the grid's count."""
        if (lag := self.arrivals.fit) is None:
            return None
        return ClockFit(lag.offset, (1 + lag.slope) / grid.sfreq)

    def _seconds_by_arrival(self, grid: SampleGrid) -> ClockFit | None:
        """Return when seconds arrive."""
        arrivals = self._sample_arrivals(grid)
        if arrivals is None or grid.fit is None:
            return None
        return ClockFit(arrivals.at(grid.fit.offset), arrivals.slope * grid.fit.slope)
