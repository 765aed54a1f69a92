import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.network.network import Network  # noqa: E402
from training.quantise.distil import DistillationSettings  # noqa: E402
from training.quantise.equalise import equalised  # noqa: E402
from training.quantise.export import FoldedNetwork, fold, folded_logits  # noqa: E402
from training.quantise.quantised import Quantised  # noqa: E402
from training.quantise.to_int8 import to_int8  # noqa: E402
from training.surrogates.augment import leave_out, network_input  # noqa: E402 (after the skip)


@pytest.fixture(scope="module")
def uneven():
    """A network whose features differ in size by orders of magnitude."""
    folded = fold(Network(3, seed=0).weights())
    size = np.exp(np.random.default_rng(0).normal(0, 1.5, 32))
    kernels = dict(folded.kernels)
    kernels["2b"], kernels["2s"] = kernels["2b"] * size, kernels["2s"] * size
    kernels["head"] = kernels["head"] / np.tile(size, 3)[:, None]
    return FoldedNetwork(kernels, folded.biases, 3)


@pytest.fixture(scope="module")
def uv():
    return np.random.default_rng(1).normal(0, 15, (96, 3, 3000)).astype(np.float32)


def logits_of(folded, uv):
    x = tf.constant(network_input(uv))
    return folded_logits(folded, x, lambda _, value: value).numpy()


def test_equalising_changes_nothing_but_what_all_stages_share(uneven, uv):
    even = equalised(uneven, network_input(uv[:20]))
    before, after = logits_of(uneven, uv[20:40]), logits_of(even, uv[20:40])
    np.testing.assert_allclose(before - before.mean(1, keepdims=True), after, atol=1e-4)
    assert np.abs(even.kernels["2b"]).max() > 0


def test_in_int8_the_stages_stay_whatever_channels_there_are(uneven, uv):
    sample = leave_out(uv[:32], np.random.default_rng(2))
    made = to_int8(
        uneven, sample, uv[32:], DistillationSettings(steps=30, batch=16, rate=3e-4)
    )
    network = Quantised(made)
    for present in ([1, 1, 1], [1, 0, 0], [0, 0, 1]):
        epochs = uv[32:] * np.array(present, np.float32)[:, None]
        wanted = logits_of(uneven, epochs)
        wanted -= wanted.mean(1, keepdims=True)
        missed = network.infer(epochs) - wanted
        assert np.abs(missed).mean() < 0.3 * wanted.std()
