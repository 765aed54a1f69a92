import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.architecture import parameters  # noqa: E402 (only after the skip)
from training.network import Network  # noqa: E402


def test_the_network_that_trains_has_the_parameters_described():
    network = Network(3, seed=0)
    built = {name: tuple(v.shape) for name, v in network.trainable.items()}
    assert built == {p.name: p.shape for p in parameters(3)}
    assert sum(int(tf.size(v)) for v in network.trainable.values()) == 11289
    assert not {id(v) for v in network.trainable.values()} & {
        id(v) for v in network.statistics.values()
    }


def test_the_first_layer_is_normed_by_its_batch_like_any_other():
    network = Network(2, seed=0)
    x = np.random.default_rng(0).normal(0.5, 2, (4, 2, 3000, 1)).astype(np.float32)
    quick = network.normed_and_pooled(tf.constant(x), "block0", "a", "yes").numpy()
    of = network.trainable
    kernel = (
        of["block0/main_a/depthwise"][:, :, None] * of["block0/main_a/pointwise"][None]
    )
    plain = tf.nn.conv2d(x, kernel[None], 1, "SAME").numpy()
    spread = np.sqrt(plain.var((0, 1, 2)) + 1e-3)
    normed = (plain - plain.mean((0, 1, 2))) / spread
    pooled = normed.reshape(4, 2, 1500, 2, 8).max(3)
    np.testing.assert_allclose(quick, pooled, atol=2e-4)
