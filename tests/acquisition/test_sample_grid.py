from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.clock_fit import ClockFit
from gateway.acquisition.montage import Stream
from gateway.acquisition.sample_grid import SampleGrid, StreamPosition

NOMINAL = st.sampled_from([50.0, 51.2, 128.0, 200.0, 250.0, 256.0, 500.0])


def followed(sfreq, fits):
    """Return a grid steered by each course for some seconds, and where it ended."""
    grid, second = SampleGrid(sfreq), 0
    for seconds, late_s, off in fits:
        second += seconds
        edge, rate = grid.first_sample(second), sfreq * (1 + off)
        grid.follow(ClockFit(edge + (late_s - second) * rate, rate))
    return grid, second


COURSES = st.lists(
    st.tuples(st.integers(0, 90), st.floats(-0.5, 0.5), st.floats(-0.01, 0.01)),
    max_size=6,
)


@given(NOMINAL, st.integers(0, 10_000))
def test_before_the_rate_is_known_seconds_are_nominal(sfreq, second):
    assert SampleGrid(sfreq).first_sample(second) == Stream(sfreq, ()).first_sample(
        second
    )


@given(NOMINAL, COURSES)
def test_a_second_is_at_most_a_sample_longer_or_shorter_than_the_rate(sfreq, fits):
    grid, second = followed(sfreq, fits)
    edges = [grid.first_sample(second + k) for k in range(100)]
    usual = round(grid.fit.slope if grid.fit else sfreq)
    assert all(abs(b - a - usual) <= 1 for a, b in pairwise(edges))


@given(NOMINAL, COURSES)
def test_what_is_cut_is_never_cut_again(sfreq, fits):
    grid, second = followed(sfreq, fits)
    before = [grid.first_sample(k) for k in range(second + 3)]
    grid.follow(ClockFit(1e6, sfreq * 1.01))
    assert [grid.first_sample(k) for k in range(second + 3)] == before


@given(NOMINAL, COURSES, st.integers(0, 100_000), NOMINAL)
def test_every_sample_of_every_stream_lies_in_one_second(
    sfreq, fits, sample, other_sfreq
):
    grid, _ = followed(sfreq, fits)
    position = StreamPosition(Stream(other_sfreq, (), rough_rate=True), grid)
    second = position.second_of(sample)
    assert position.first_sample(second) <= sample < position.first_sample(second + 1)
    assert position.n_samples(second) > 0


@given(NOMINAL, COURSES, st.floats(0, 500))
def test_places_within_a_second_go_there_and_back(sfreq, fits, second):
    grid, _ = followed(sfreq, fits)
    there = grid.second_at(grid.sample_at(second))
    assert there == pytest.approx(second, abs=1e-6)


@pytest.mark.parametrize("late_s", [-0.2, 0.03, 0.2])
def test_a_phase_is_made_up_for_and_then_held(late_s):
    grid, rate = SampleGrid(256.0), 256.26
    fit = ClockFit(late_s * rate, rate)
    grid.follow(fit)
    for second in (120, 5000, 28_800):
        off_s = fit.inverse(grid.first_sample(second)) - second
        assert abs(off_s) <= 0.51 / rate
