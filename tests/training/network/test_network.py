import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.network.architecture import parameters  # noqa: E402 (only after the skip)
from training.network.network import Network  # noqa: E402


def test_the_network_that_trains_has_the_parameters_described():
    network = Network(3, seed=0)
    built = {name: tuple(v.shape) for name, v in network.trainable.items()}
    assert built == {p.name: p.shape for p in parameters(3)}
    assert sum(int(tf.size(v)) for v in network.trainable.values()) == 11289
    assert not {id(v) for v in network.trainable.values()} & {
        id(v) for v in network.statistics.values()
    }


@pytest.mark.parametrize(
    ("block", "half", "n_samples", "n_inputs"),
    [("block0", "a", 3000, 1), ("block0", "b", 1500, 8), ("block1", "b", 375, 16)],
)
def test_the_quick_norms_are_the_norm_of_the_batch(block, half, n_samples, n_inputs):
    dice = np.random.default_rng(0)
    network = Network(2, seed=0)
    of, norm = network.trainable, f"{block}/norm_{half}"
    for role in ("gamma", "beta"):
        variable = of[f"{norm}/{role}"]
        variable.assign(dice.normal(0, 1, variable.shape))
    x = tf.constant(dice.normal(0.5, 2, (4, 2, n_samples, n_inputs)), tf.float32)
    weights = [v for name, v in of.items() if name.startswith(f"{block}/main_{half}/d")]
    weights += [of[f"{block}/main_{half}/pointwise"], of[f"{norm}/gamma"]]

    with tf.GradientTape(persistent=True) as tape:
        groups = [x[:1], x[1:]]
        quick = tf.concat(network.normed_and_pooled(groups, block, half, "yes"), 0)
        plain, mean, variance = plainly(network, x, block, half)
        squares = tf.reduce_sum(quick**2), tf.reduce_sum(plain**2)
    np.testing.assert_allclose(quick, plain, atol=1e-3)
    for rises, expected in zip(
        *(tape.gradient(of_all, weights) for of_all in squares), strict=True
    ):
        large = float(tf.reduce_max(tf.abs(expected)))
        np.testing.assert_allclose(rises, expected, atol=1e-3 * large)
    statistics = network.statistics
    np.testing.assert_allclose(statistics[f"{norm}/mean"], 0.02 * mean, atol=1e-5)
    np.testing.assert_allclose(
        statistics[f"{norm}/variance"], 0.98 + 0.02 * variance, rtol=1e-3
    )


def plainly(network, x, block, half):
    """Return the same by TensorFlow's own norm and pool, with its statistics."""
    of = network.trainable
    name, norm = f"{block}/main_{half}", f"{block}/norm_{half}"
    kernel = of[f"{name}/depthwise"][:, :, None] * of[f"{name}/pointwise"][None]
    convolved = tf.nn.conv2d(x, kernel[None], 1, "SAME")
    normed, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        convolved, of[f"{norm}/gamma"], of[f"{norm}/beta"], epsilon=1e-3
    )
    return tf.nn.max_pool2d(normed, (1, 2), (1, 2), "SAME"), mean, variance
