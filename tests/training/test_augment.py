import numpy as np

from training.augment import CHANCES, SCALE_UV, SUBSETS, augment, network_input


def test_an_epoch_never_loses_all_its_channels():
    uv = np.ones((5000, 3, 4), np.float16)
    present = augment(uv, np.random.default_rng(0)).any(-1)
    assert present.any(1).all()
    assert {tuple(row) for row in present} == {tuple(row > 0) for row in SUBSETS}


def test_every_subset_of_the_channels_has_its_chance():
    assert len({tuple(row) for row in SUBSETS}) == 2**3 - 1
    assert abs(CHANCES.sum() - 1) < 1e-9
    assert CHANCES.min() > 0


def test_gain_and_polarity_leave_the_shape_alone():
    rng = np.random.default_rng(0)
    uv = rng.normal(0, 20, (50, 3, 3000)).astype(np.float32)
    changed = augment(uv, rng)
    for before, after in zip(
        uv.reshape(-1, 3000), changed.reshape(-1, 3000), strict=True
    ):
        if after.any():
            gain = after / before
            np.testing.assert_allclose(gain, gain[0], rtol=1e-4)
            assert 0.3 < abs(gain[0]) < 3


def test_the_network_sees_what_the_daemon_would_show_it():
    uv = np.array([12, 8, 20], np.float32)[None, :, None] * np.ones((2, 3, 3000))
    x = network_input(uv)
    assert x.shape == (2, 3, 3000, 1)
    np.testing.assert_allclose(x, np.arcsinh(1), rtol=1e-6)
    assert network_input(np.zeros((1, 3, 3000))).any() == np.False_
    assert SCALE_UV.dtype == np.float32
