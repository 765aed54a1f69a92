import numpy as np
import pytest

from gateway.acquisition.arrival_clock import WINDOW_S, ArrivalClock
from gateway.acquisition.clock_fit import line_below

PACKET_S = 0.1
TICK_HZ = 32768


def exponential(dice, n):
    return dice.exponential(0.03, n)


def connection_events(dice, n):
    return dice.uniform(0, 0.05, n)


def bursts(dice, n):
    """Half-second stalls, after which the backlog arrives at once."""
    delay = dice.exponential(0.005, n)
    for start in range(0, n - 5, 37):
        delay[start : start + 5] += np.arange(5, 0, -1) * PACKET_S
    return delay


def play(clock, seconds, *, ppm=0.0, jitter=exponential, ticks=None):
    """Play a headband that is `ppm` fast; `ticks` is its clock at second 0."""
    ends = np.arange(PACKET_S, seconds, PACKET_S)
    delays = jitter(np.random.default_rng(0), ends.size)
    arrivals = np.maximum.accumulate(5000 + ends / (1 + ppm * 1e-6) + delays)
    for end, t_rx in zip(ends.tolist(), arrivals.tolist(), strict=True):
        count = None if ticks is None else (ticks + round(end * TICK_HZ)) % 2**32
        clock.observe(end, t_rx, ticks=count)


@pytest.mark.parametrize("jitter", [exponential, connection_events, bursts])
@pytest.mark.parametrize("ppm", [0.0, 40.0, -40.0, 1000.0, -1000.0])
def test_the_drift_is_found_under_the_jitter(ppm, jitter):
    clock = ArrivalClock()
    play(clock, 320, ppm=ppm, jitter=jitter)
    assert clock.drift_ppm == pytest.approx(ppm, abs=15)
    truth = 5000 + 290 / (1 + ppm * 1e-6)
    assert clock.t_of(290) == pytest.approx(truth, abs=0.01)


@pytest.mark.parametrize("seconds", [5, 29])
def test_a_short_span_gives_no_drift_and_the_nominal_rate(seconds):
    clock = ArrivalClock()
    play(clock, seconds, jitter=lambda _, n: np.zeros(n))
    assert clock.drift_ppm is None
    assert clock.t_of(20) == pytest.approx(5020)


def test_a_first_packet_that_came_late_does_not_misdate_the_first_epoch():
    clock = ArrivalClock()
    clock.observe(0.1, 5004.0)  # a backlog of four seconds
    for n in range(4, 290):
        clock.observe(n / 10, 5000 + n / 10)
    assert clock.drift_ppm is None
    assert clock.t_of(0) == pytest.approx(5000)


@pytest.mark.parametrize("speed", [0.5, 60, 480])
def test_a_replay_has_no_drift_and_its_seconds_are_nominal(speed):
    clock = ArrivalClock()
    for second in range(1, 2000):
        clock.observe(second, 100 + second / speed)
    start = 100 + 1 / speed - 1
    assert clock.drift_ppm is None
    assert clock.t_of(900) == pytest.approx(start + 900)


def test_ticks_are_preferred_to_the_sample_count_and_may_wrap():
    clock = ArrivalClock()
    clock.restart(TICK_HZ)
    play(clock, 320, ppm=40, ticks=2**32 - 100 * TICK_HZ)
    assert clock.drift_ppm == pytest.approx(40, abs=15)
    assert clock.t_of(300) == pytest.approx(5000 + 300 / (1 + 40e-6), abs=0.01)


def test_a_sample_rate_that_is_not_the_tick_rate_does_not_pass_for_drift():
    clock = ArrivalClock()
    clock.restart(TICK_HZ)
    for n in range(3200):  # samples are counted at 256, made at 256.26 Hz
        true_s = n * PACKET_S
        second = true_s * 256.26 / 256
        clock.observe(second, 7000 + true_s, ticks=round(true_s * TICK_HZ))
    assert clock.drift_ppm == pytest.approx(0, abs=1)
    assert clock.t_of(second) == pytest.approx(7000 + true_s, abs=0.001)


def test_a_restart_keeps_the_drift_and_finds_the_new_place():
    clock = ArrivalClock()
    play(clock, 320, ppm=1000)
    clock.restart(None)
    for second in range(400, 410):
        clock.observe(second, 9000 + second / 1.001)
    assert clock.drift_ppm == pytest.approx(1000, abs=15)
    assert clock.t_of(405) == pytest.approx(9000 + 405 / 1.001, abs=0.001)


@pytest.mark.parametrize("ticks", [None, 12345])
def test_a_restart_dates_by_the_old_arrivals_until_there_are_new_ones(ticks):
    clock = ArrivalClock()
    clock.restart(None if ticks is None else TICK_HZ)
    play(clock, 320, ppm=40, ticks=ticks)
    before = clock.t_of(310), clock.drift_ppm
    clock.restart(TICK_HZ)
    assert (clock.t_of(310), clock.drift_ppm) == before


def test_what_was_before_a_restart_is_dated_as_it_was():
    clock = ArrivalClock()
    play(clock, 320, ppm=40)
    before = clock.t_of(310)
    clock.restart(None)
    clock.observe(400, 9000.0)
    assert clock.t_of(310) == before
    assert clock.t_of(400) == pytest.approx(9000)


def test_a_packet_that_overtakes_another_does_no_harm():
    ordered, disordered = ArrivalClock(), ArrivalClock()
    for second in range(100):
        ordered.observe(second, second)
    for second in range(0, 100, 2):
        disordered.observe(second + 1, second + 1)
        disordered.observe(second, second + 1.01)
    assert disordered.t_of(99) == pytest.approx(ordered.t_of(99))
    assert disordered.drift_ppm == pytest.approx(0, abs=1e-3)


def test_a_night_does_not_fill_the_memory():
    clock = ArrivalClock()
    for second in range(8 * 3600):
        clock.observe(second, second)
    assert len(clock._points) == WINDOW_S  # noqa: SLF001 (memory is internal)


@pytest.mark.parametrize("ticks", [None, 12345])
def test_seconds_are_computed_from_times_as_times_from_seconds(ticks):
    clock = ArrivalClock()
    assert clock.second_at(5000.0) is None
    clock.restart(None if ticks is None else TICK_HZ)
    for seconds in (0.2, 15, 320):
        play(clock, seconds, ppm=100, ticks=ticks)
        assert clock.second_at(clock.t_of(3.0)) == pytest.approx(3.0)


def test_the_seconds_of_a_replay_cannot_be_computed_from_times():
    clock = ArrivalClock()
    for second in range(1, 20):
        clock.observe(second, second / 60)
    assert clock.replayed
    assert clock.second_at(0.2) is None


def test_nothing_is_dated_before_the_first_arrival():
    with pytest.raises(ValueError, match="no packet"):
        ArrivalClock().t_of(0)


def test_the_line_below_is_the_nearest_of_all_lines_below():
    dice = np.random.default_rng(1)
    x = np.sort(dice.uniform(0, 100, 60))
    y = dice.exponential(1.0, 60) + 0.02 * x
    offset, slope = line_below(list(zip(x.tolist(), y.tolist(), strict=True)))
    below = y - (offset + slope * x)
    assert below.min() > -1e-9
    pairs = [(i, j) for i in range(60) for j in range(i)]
    for i, j in pairs:  # an optimal line touches two points
        b = (y[i] - y[j]) / (x[i] - x[j])
        rest = y - (y[i] + b * (x - x[i]))
        assert rest.min() < -1e-9 or rest.sum() >= below.sum() - 1e-9
