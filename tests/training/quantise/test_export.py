import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="needs the extra [training]")

from training.network.network import Network  # noqa: E402
from training.quantise.export import activation_ranges, convert, fold, folded_logits  # noqa: E402 (only after the skip)
from training.quantise.quantised import Quantised  # noqa: E402


@pytest.fixture(scope="module")
def network():
    """Return a network whose every tensor matters."""
    rng = np.random.default_rng(0)
    network = Network(2, seed=0)
    network.assign(
        {
            name: abs(value + rng.normal(0, 0.1, value.shape))
            if name.endswith("variance")
            else value + rng.normal(0, 0.1, value.shape)
            for name, value in network.weights().items()
        }
    )
    return network


@pytest.fixture(scope="module")
def x():
    rng = np.random.default_rng(1)
    return rng.normal(0, 1, (6, 2, 3000, 1)).clip(-4, 4).astype(np.float32)


def test_folding_changes_nothing_but_the_last_digits(network, x):
    expected = network.logits(tf.constant(x)).numpy()
    folded = folded_logits(fold(network.weights()), tf.constant(x), lambda _, v: v)
    np.testing.assert_allclose(folded.numpy(), expected, atol=2e-5)


def test_the_flatbuffer_is_int8_throughout_and_close_to_the_float_network(network, x):
    folded = fold(network.weights())
    flatbuffer = convert(folded, activation_ranges(folded, x))
    interpreter = Quantised(flatbuffer).interpreter
    kinds = {detail["dtype"] for detail in interpreter.get_tensor_details()}
    assert kinds <= {np.int8, np.int32}
    scale, zero_point = interpreter.get_input_details()[0]["quantization"]
    assert (round(scale * 255 / 8, 4), zero_point) == (1, 0)
    codes = Quantised(flatbuffer, "BUILTIN_REF").codes(
        np.rint(x[..., 0] * 255 / 8).astype(np.int8)
    )
    step, offset = interpreter.get_output_details()[0]["quantization"]
    expected = network.logits(tf.constant(x)).numpy()
    np.testing.assert_allclose(
        (codes.astype(float) - offset) * step, expected, atol=8 * step
    )
