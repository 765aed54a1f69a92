import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.preprocessing.filtering import Band
from training.data import features as ft
from training.data.dataset import TEST_SUBJECTS, read_cuts, read_table
from training.surrogates.epochs import Generator
from training.surrogates.event_rates import draw_events
from training.surrogates.recorders import SurrogateRecorder, lose_packets, record
from training.surrogates.spectra import FREQ_HZ, Library
from training.surrogates.spectral_shaping import background_shares, band_shares, shape

# std, IQR, skewness, kurtosis, crossings, mobility, complexity, six unused
TYPICAL = np.array(
    [
        [21.0, 0, 0, 1.2, 550, 0.53, 3.1, 0, 0, 0, 0, 0, 0],
        [8.7, 0, 0, 0.8, 747, 0.79, 1.9, 0, 0, 0, 0, 0, 0],
        [51.8, 0, 0, 1.3, 283, 0.27, 5.9, 0, 0, 0, 0, 0, 0],
    ],
    np.float32,
)
ROWS = np.stack([TYPICAL] * 20)
STAGES = np.repeat(np.arange(5), 4).astype(np.int8)
WAKE = np.zeros(20, np.int8)
BANDS = np.full((20, 3, 5), np.nan, np.float32)


@pytest.fixture(scope="module")
def generator():
    return Generator(seed=3, library_size=500)


def test_the_same_seed_makes_the_same_surrogates(generator):
    first = generator.unrecorded(ROWS, BANDS, STAGES, seed=5)
    np.testing.assert_array_equal(
        first, generator.unrecorded(ROWS, BANDS, STAGES, seed=5)
    )
    assert not np.array_equal(first, generator.unrecorded(ROWS, BANDS, STAGES, seed=6))


def test_before_the_recorder_a_surrogate_has_the_statistics_of_its_row(generator):
    uv = generator.unrecorded(ROWS, BANDS, WAKE, seed=2)
    of = ft.moments(uv)
    np.testing.assert_allclose(uv.std(-1), ROWS[:, :, 0], rtol=1e-6)
    ratio = np.median(ft.mobility(of) / ROWS[:, :, 5], axis=0)
    np.testing.assert_allclose(ratio, 1, atol=0.15)


def test_a_surrogate_has_the_bands_of_its_row(generator):
    bands = np.full_like(BANDS, [0.55, 0.15, 0.2, 0.04, 0.06])
    uv = generator.unrecorded(ROWS, bands, WAKE, seed=2)
    shares = band_shares(np.abs(np.fft.rfft(uv[:, 0])) ** 2)
    np.testing.assert_allclose(np.median(shares, 0), bands[0, 0], atol=0.1)


def test_every_surrogate_is_finite_and_alive(generator):
    uv = generator.unrecorded(ROWS, BANDS, STAGES, seed=1)
    assert uv.shape == (20, 3, 3000)
    assert np.isfinite(uv).all()
    assert (uv.std(-1) > 0.5).all()


def test_a_library_spectrum_is_a_distribution_over_frequency():
    power = Library(0, 2, 100, np.random.default_rng(0)).power
    assert power.min() >= 0
    np.testing.assert_allclose(power.sum(1), 1, rtol=1e-4)
    assert power.shape == (100, FREQ_HZ.size)


@pytest.mark.parametrize("stage", range(5))
def test_graphoelements_stay_within_their_epoch(stage):
    uv = draw_events(stage, 30, np.random.default_rng(stage))
    assert uv.shape == (30, 3, 3000)
    assert np.isfinite(uv).all()
    assert uv.any()


def test_a_recorder_changes_an_epoch_and_keeps_its_shape():
    rng = np.random.default_rng(0)
    uv = rng.normal(0, 20, (8, 3, 3000))
    recorded = record(uv, SurrogateRecorder.draw(8, rng), rng)
    assert recorded.shape == uv.shape
    correlation = [
        np.corrcoef(a, b)[0, 1]
        for a, b in zip(uv.reshape(-1, 3000), recorded.reshape(-1, 3000), strict=True)
    ]
    assert 0.5 < np.median(correlation) < 0.9999


def test_moments_of_a_spectrum_are_those_of_its_signal():
    rng = np.random.default_rng(0)
    power = 1 / (1 + np.arange(1501.0) ** 1.5)
    power[[0, -1]] = 0
    parts = rng.standard_normal((2, 400, 1501))
    uv = np.fft.irfft(np.sqrt(power) * (parts[0] + 1j * parts[1]), 3000)
    of, expected = ft.moments(uv), ft.spectral_moments(power[None])
    assert abs(np.median(ft.mobility(of)) / ft.mobility(expected)[0] - 1) < 0.05
    assert abs(np.median(ft.complexity(of)) / ft.complexity(expected)[0] - 1) < 0.05


def test_a_sine_crosses_zero_twice_a_period_and_has_no_heavy_tail():
    seconds = np.arange(3000) / 100
    sine = np.sin(2 * np.pi * 5 * seconds + 0.1)
    assert ft.zero_crossings(sine) == 299  # the last of 300 comes too late
    assert abs(ft.excess_kurtosis(sine) + 1.5) < 0.01


def test_shaping_gives_a_spectrum_its_bands_and_its_mobility():
    power = Library(0, 2, 50, np.random.default_rng(0)).power
    shares = np.tile([0.8, 0.1, 0.04, 0.04, 0.02], (50, 1))
    rest = ft.Moments(*(np.full(50, value) for value in (1.0, 0.1, 0.02)))
    shaped = shape(power, shares, rest)
    np.testing.assert_allclose(band_shares(shaped), shares, atol=0.02)
    reached = np.median(ft.mobility(ft.spectral_moments(shaped)))
    assert abs(reached / np.sqrt(0.1) - 1) < 0.1


def test_unknown_bands_leave_a_spectrum_alone():
    power = Library(0, 2, 3, np.random.default_rng(0)).power
    rest = ft.Moments(*(np.ones(3) for _ in range(3)))
    np.testing.assert_array_equal(shape(power, np.full((3, 5), np.nan), rest), power)


def test_what_graphoelements_bring_is_not_asked_of_the_background():
    shares = np.array([[0.5, 0.2, 0.1, 0.1, 0.1]])
    sine = 10 * np.sin(2 * np.pi * 13 * np.arange(3000) / 100)[None]
    left = background_shares(shares, sine, np.array([1000.0]))
    assert left[0, 3] < shares[0, 3]
    assert left[0, 0] > shares[0, 0]
    assert abs(left.sum() - 1) < 1e-12


def test_bands_come_from_the_same_night_and_the_same_stage(shared_data):
    table = read_table(shared_data)
    known = np.isfinite(table.bands).all(-1)
    assert known[:, :2].mean() > 0.99
    sums = table.bands[known].sum(-1)
    np.testing.assert_allclose(sums, 1, atol=1e-3)
    delta = [np.nanmedian(table.bands[table.stages == stage, 0, 0]) for stage in (2, 3)]
    assert delta[0] < delta[1]


@given(st.floats(0, 0.2), st.integers(0, 2**32 - 1))
def test_lost_packets_are_bridged_between_their_neighbours(fraction, seed):
    ramp = np.arange(3000.0) * np.array([[1], [-2], [0.5]])
    bridged = ramp.copy()
    lose_packets(bridged, fraction, np.random.default_rng(seed))
    np.testing.assert_allclose(bridged, ramp, atol=1e-9)
    rough = np.random.default_rng(1).normal(0, 20, (3, 3000))
    left = rough.copy()
    lose_packets(left, fraction, np.random.default_rng(seed))
    changed = (left != rough).mean()
    assert fraction - 0.01 <= changed <= fraction + 200 / 3000
    assert np.abs(left).max() <= np.abs(rough).max()


def test_the_subjects_of_the_real_cuts_are_held_out(shared_data):
    cuts = read_cuts(shared_data, Band())
    assert set(cuts.subjects) <= set(TEST_SUBJECTS)
    assert cuts.uv.shape == (117, 3, 3000)
