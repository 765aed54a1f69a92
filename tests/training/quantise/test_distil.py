import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.network.network import Network  # noqa: E402
from training.quantise.distil import DistillationSettings, distil  # noqa: E402
from training.quantise.export import activation_ranges, convert, fold, folded_logits  # noqa: E402
from training.quantise.quantised import Quantised  # noqa: E402
from training.surrogates.augment import network_input  # noqa: E402 (only after the skip)


def test_distilling_brings_int8_logits_nearer_to_the_float_ones():
    rng = np.random.default_rng(0)
    network = Network(3, seed=0)
    restless = {
        name: value * np.exp(rng.normal(0, 0.5, value.shape))
        + 0.3 * rng.random(value.shape)
        for name, value in network.weights().items()
    }
    folded = fold(restless)
    uv = rng.normal(0, 15, (128, 3, 3000)).astype(np.float32)
    lonely = uv[:20] * np.array([1, 0, 0], np.float32)[:, None]
    ranges = activation_ranges(folded, network_input(uv[:40]))
    taught = distil(
        folded, ranges, uv, DistillationSettings(steps=60, batch=16, rate=3e-4)
    )
    x = tf.constant(network_input(lonely))
    wanted = folded_logits(folded, x, lambda _, value: value).numpy()
    before, after = (
        np.abs(Quantised(convert(of, ranges)).infer(lonely) - wanted).mean()
        for of in (folded, taught)
    )
    assert after < before


def test_the_same_lesson_teaches_the_same():
    uv = np.random.default_rng(0).normal(0, 15, (32, 3, 3000)).astype(np.float32)
    folded = fold(Network(3, seed=0).weights())
    ranges = activation_ranges(folded, network_input(uv))
    one, other = (
        distil(folded, ranges, uv, DistillationSettings(steps=3, batch=8))
        for _ in range(2)
    )
    for name, kernel in one.kernels.items():
        np.testing.assert_array_equal(kernel, other.kernels[name])
