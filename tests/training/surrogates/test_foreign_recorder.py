import numpy as np

from training.surrogates.foreign_recorder import draw_gains, rerecord_real


def test_gains_reach_from_a_third_to_three_and_both_polarities():
    gains = draw_gains(4000, np.random.default_rng(0))
    assert np.quantile(np.abs(gains), 0.05) < 0.4
    assert np.quantile(np.abs(gains), 0.95) > 2.5
    assert 0.45 < (gains < 0).mean() < 0.55


def test_the_same_draw_gives_the_same_signal_and_no_step_at_its_ends():
    time_s = np.arange(500) / 100
    uv = np.tile(30 * np.sin(2 * np.pi * 1.3 * time_s), (64, 1)).astype(np.float32)
    once, again = (rerecord_real(uv, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(once, again)
    assert once.shape == uv.shape
    assert np.isfinite(once).all()
    # a slow wave stays one: what is added lies below it
    kept = np.abs([np.corrcoef(a, b)[0, 1] for a, b in zip(once, uv, strict=True)])
    assert np.median(kept) > 0.85
