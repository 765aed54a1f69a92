import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.preprocessing.filtering import Band, band_limit

SFREQS = [100.0, 128.0, 200.0, 250.0, 256.0, 500.0, 51.2, 52.1, 33.3]
BAND = Band()
OUT = np.arange(3000) / 100
MIDDLE = slice(500, 2500)  # away from the extension of the ends


def at(sfreq):
    return np.arange(round(30 * sfreq)) / sfreq


def limited(uv, sfreq, band=BAND):
    return band_limit(np.atleast_2d(uv).astype(np.float32), sfreq, band)[0]


def noise(sfreq, seed=0):
    """Pink-like noise of 20 uV between 1 and 30 Hz, and its samples at 100 Hz."""
    dice = np.random.default_rng(seed)
    hz = np.arange(1, 30, 0.173)
    phase = dice.uniform(0, 2 * np.pi, hz.size)
    size = dice.rayleigh(1, hz.size) / np.sqrt(hz)
    size *= 20 / np.sqrt((size**2).sum() / 2)

    def wave(time):
        return size @ np.sin(2 * np.pi * hz[:, None] * time + phase[:, None])

    return wave(at(sfreq)), wave(OUT)


@settings(max_examples=60)
@given(
    st.sampled_from(SFREQS),
    st.floats(0.05, 0.98),
    st.floats(0, 2 * np.pi),
    st.sampled_from([None, 50.0, 60.0]),
)
def test_a_sine_keeps_its_phase_and_takes_the_gain(sfreq, part, phase, notch_hz):
    hz = part * min(sfreq / 2, 80)
    band = Band(notch_hz=notch_hz, high_pass_hz=45, high_stop_hz=49.5)
    result = limited(100 * np.sin(2 * np.pi * hz * at(sfreq) + phase), sfreq, band)
    gain = float(band.gain(np.array([hz]))[0])
    expected = 100 * gain * np.sin(2 * np.pi * hz * OUT + phase)
    np.testing.assert_allclose(result[MIDDLE], expected[MIDDLE], atol=1)


@pytest.mark.parametrize("sfreq", SFREQS)
def test_every_rate_comes_out_at_the_models_rate(sfreq):
    result = limited(20 * np.sin(2 * np.pi * 7.3 * at(sfreq)), sfreq)
    assert result.shape == (3000,)
    assert result.dtype == np.float32
    expected = 20 * np.sin(2 * np.pi * 7.3 * OUT)
    np.testing.assert_allclose(result[MIDDLE], expected[MIDDLE], atol=0.2)


@pytest.mark.parametrize("sfreq", [100.0, 128.0, 200.0, 250.0, 256.0, 500.0])
def test_a_signal_in_the_band_comes_out_as_if_sampled_so(sfreq):
    uv, expected = noise(sfreq)
    np.testing.assert_allclose(limited(uv, sfreq)[MIDDLE], expected[MIDDLE], atol=0.5)


def test_an_envelope_of_one_hertz_comes_out_smooth():
    wave = 10 * np.sin(2 * np.pi * 0.3 * at(1.0) + 1)
    result = limited(wave, 1.0)
    expected = 10 * 0.5 * np.sin(2 * np.pi * 0.3 * OUT + 1)
    np.testing.assert_allclose(result[MIDDLE], expected[MIDDLE], atol=0.3)


@pytest.mark.parametrize("sfreq", [128.0, 256.0, 500.0])
@pytest.mark.parametrize("hz", [45.5, 48.0, 50.0, 52.0, 58.0, 60.0, 63.9])
def test_nothing_above_45_hz_comes_through_or_folds_back(sfreq, hz):
    result = limited(1000 * np.sin(2 * np.pi * hz * at(sfreq)), sfreq)
    assert np.abs(result[MIDDLE]).max() < 5


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_are_removed_even_where_the_band_is_open(mains_hz):
    wide = Band(high_pass_hz=90, high_stop_hz=100, notch_hz=mains_hz, sfreq=256.0)
    time = at(512.0)
    hum = 500 * np.sin(2 * np.pi * mains_hz * time)
    eeg = 20 * np.sin(2 * np.pi * 10 * time)
    result = limited(hum + eeg, 512.0, wide)
    clean = limited(eeg, 512.0, wide)
    middle = slice(5 * 256, 25 * 256)
    assert np.abs(result - clean)[middle].max() < 2


@pytest.mark.parametrize("offset_uv", [-200_000.0, 200_000.0])
def test_an_electrodes_offset_of_200_mv_does_no_harm(offset_uv):
    uv, _ = noise(256.0)
    result = limited(uv + offset_uv, 256.0)
    np.testing.assert_allclose(result, limited(uv, 256.0), atol=0.1)


@pytest.mark.parametrize("uv_per_s", [-1000.0, 1000.0])
def test_a_steady_drift_does_no_harm(uv_per_s):
    uv, _ = noise(256.0)
    result = limited(uv + uv_per_s * at(256.0), 256.0)
    np.testing.assert_allclose(result, limited(uv, 256.0), atol=0.1)


@pytest.mark.parametrize("sfreq", [128.0, 200.0, 250.0, 256.0, 500.0])
def test_resampling_agrees_with_scipy(sfreq):
    uv, _ = noise(sfreq, seed=3)
    theirs = scipy.signal.resample(uv, 3000)
    np.testing.assert_allclose(limited(uv, sfreq)[MIDDLE], theirs[MIDDLE], atol=0.5)


def test_filtering_agrees_with_scipy():
    uv = np.random.default_rng(5).normal(0, 30, 3000)
    hz = np.linspace(0, 50, 2049)
    taps = scipy.signal.firwin2(2001, hz, np.sqrt(BAND.gain(hz)), fs=100)
    theirs = scipy.signal.filtfilt(taps, [1.0], uv, padlen=2999)
    ours = limited(uv, 100.0)
    assert np.std((ours - theirs)[1000:2000]) < 0.01 * np.std(theirs)


@given(st.integers(1, 4), st.floats(-1e3, 1e3))
@settings(max_examples=20)
def test_channels_do_not_touch_each_other_and_gain_is_linear(n_channels, times):
    uv = np.random.default_rng(n_channels).normal(0, 30, (n_channels, 7680))
    together = band_limit(uv.astype(np.float32), 256.0, BAND)
    for row, alone in zip(together, uv, strict=True):
        np.testing.assert_allclose(row, limited(alone, 256.0), atol=1e-4)
        scaled = limited(times * alone, 256.0)
        np.testing.assert_allclose(
            scaled, times * row, atol=1e-3 + 1e-4 * abs(times) * 30
        )


def test_the_gain_is_the_one_described():
    hz = np.array([0, 0.1, 0.3, 0.5, 10, 35, 40, 45, 60])
    np.testing.assert_allclose(
        BAND.gain(hz), [0, 0, 0.5, 1, 1, 1, 0.5, 0, 0], atol=1e-12
    )
    hum = Band(notch_hz=20.0)
    np.testing.assert_allclose(
        hum.gain(np.array([18, 18.5, 19, 20, 21, 21.5, 22])),
        [1, 0.5, 0, 0, 0, 0.5, 1],
        atol=1e-12,
    )


@given(st.floats(0, 1e4), st.sampled_from([None, 50.0, 60.0]))
def test_no_gain_is_below_0_or_above_1(hz, notch_hz):
    assert 0 <= Band(notch_hz=notch_hz).gain(np.array([hz]))[0] <= 1
