import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gateway.preprocessing.input_scaling import CLIP, compress

SCALE = np.array([20.0, 5.0], np.float32)
UV = arrays(np.float32, (2, 30), elements=st.floats(-1e6, 1e6, width=32))


@given(UV)
def test_what_was_compressed_can_be_expanded_within_the_clip(uv):
    inside = np.abs(uv) < SCALE[:, None] * np.sinh(3.9)
    expanded = np.sinh(compress(uv, SCALE).astype(np.float64)) * SCALE[:, None]
    np.testing.assert_allclose(expanded[inside], uv[inside], rtol=1e-4, atol=1e-4)


@given(UV)
def test_the_result_is_bounded_odd_and_in_order(uv):
    out = compress(uv, SCALE)
    assert out.dtype == np.float32
    assert np.abs(out).max() <= CLIP
    np.testing.assert_array_equal(compress(-uv, SCALE), -out)
    order = np.argsort(uv, axis=1)
    assert (np.diff(np.take_along_axis(out, order, axis=1)) >= 0).all()


def test_it_is_linear_near_zero():
    uv = np.array([[0.1], [0.1]], np.float32)
    np.testing.assert_allclose(compress(uv, SCALE)[:, 0], [0.005, 0.02], rtol=1e-3)


def test_batches_are_compressed_like_single_epochs():
    uv = np.random.default_rng(0).normal(0, 50, (4, 2, 30)).astype(np.float32)
    for one, of_batch in zip(uv, compress(uv, SCALE), strict=True):
        np.testing.assert_array_equal(compress(one, SCALE), of_batch)
