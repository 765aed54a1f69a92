import numpy as np

from training.surrogates.augment import (
    CHANCES,
    SCALE_UV,
    SUBSETS,
    augment,
    leave_out,
    network_input,
    rerecord,
)


def test_an_epoch_never_loses_all_its_channels():
    uv = np.ones((5000, 3, 4), np.float32)
    present = leave_out(uv, np.random.default_rng(0)).any(-1)
    assert present.any(1).all()
    assert {tuple(row) for row in present} == {tuple(row > 0) for row in SUBSETS}


def test_every_subset_of_the_channels_has_its_chance():
    assert len({tuple(row) for row in SUBSETS}) == 2**3 - 1
    assert abs(CHANCES.sum() - 1) < 1e-9
    assert CHANCES.min() > 0


def test_another_recorder_leaves_the_rhythm_where_it_was():
    rng = np.random.default_rng(0)
    spindle = 20 * np.sin(2 * np.pi * 13 * np.arange(3000) / 100)
    uv = np.tile(spindle, (30, 3, 1)).astype(np.float16)
    recorded = rerecord(uv, rng)
    assert recorded.dtype == np.float32
    assert np.isfinite(recorded).all()
    peaks = np.abs(np.fft.rfft(recorded))[..., 300:].argmax(-1) + 300
    assert (peaks == 390).mean() > 0.9
    gains = recorded.std(-1) / spindle.std()
    assert 0.8 < np.median(gains) < 1.2
    assert 0.1 < np.log(gains).std() < 0.6


def test_one_recorder_is_the_same_all_night():
    spindle = 20 * np.sin(2 * np.pi * 13 * np.arange(3000) / 100)
    uv = np.tile(spindle, (30, 3, 1)).astype(np.float32)
    recorded = rerecord(uv, np.random.default_rng(3), n_recorders=1)
    gains = np.log(np.median(np.abs(recorded), axis=-1))  # pops and losses aside
    assert (gains.std(0) < 0.05).all()
    assert np.ptp(gains.mean(0)) > 0.01


def test_a_channel_that_is_absent_stays_absent():
    uv = np.random.default_rng(0).normal(0, 20, (40, 3, 3000)).astype(np.float32)
    changed = augment(uv, np.random.default_rng(1))
    assert 0 < changed.any(-1).mean() < 1


def test_the_network_sees_what_the_daemon_would_show_it():
    uv = np.array([12, 8, 20], np.float32)[None, :, None] * np.ones((2, 3, 3000))
    x = network_input(uv)
    assert x.shape == (2, 3, 3000, 1)
    np.testing.assert_allclose(x, np.arcsinh(1), rtol=1e-6)
    assert network_input(np.zeros((1, 3, 3000))).any() == np.False_
    assert SCALE_UV.dtype == np.float32
