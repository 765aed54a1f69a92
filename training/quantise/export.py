"""Trained weights to a fully quantised TFLite flatbuffer.

Batch norm, separable pairs, the linear shortcut and the two linear dense layers are
multiplied out in float64, which leaves nine convolutions and one matrix. Activation
ranges are set by fake-quantisation nodes: the converter needs no data, and the
range of a tensor is the 98th percentile of its per-epoch extremes, because the
extreme over all epochs belongs to an artefact.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.input_scaling import CLIP
from training.network.architecture import BATCH_NORM_EPSILON, N_SAMPLES, WIDTHS
from training.quantise.zero_bias import with_biases

Array = NDArray[np.float64]
Kernels = dict[str, Array]
Tap = Callable[[str, tf.Tensor], tf.Tensor]
PERCENTILE = 98.0


@dataclass(frozen=True, slots=True, eq=False)
class FoldedNetwork:
    """The network multiplied out.

    Attributes
    ----------
    kernels, biases : mapping of str to ndarray
        ``"0a"``, ``"0b"``, ``"0s"`` ... of each block (shape (length, n_in, n_out)
        and (n_out,)), and ``"head"`` ((32 * n_channels, 5) and (5,)).
    n_channels : int
    """

    kernels: Mapping[str, Array]
    biases: Mapping[str, Array]
    n_channels: int


def fold(weights: Mapping[str, NDArray[np.floating]]) -> FoldedNetwork:
    """Multiply out whatever is linear, in float64."""
    of = {name: tensor.astype(np.float64) for name, tensor in weights.items()}
    kernels, biases = {}, {}
    for number in range(len(WIDTHS)):
        block = f"block{number}"
        for half in "ab":
            kernels[f"{number}{half}"], biases[f"{number}{half}"] = _fold_main(
                of, f"{block}/main_{half}", f"{block}/norm_{half}"
            )
        kernels[f"{number}s"], biases[f"{number}s"] = _fold_shortcut(of, block)
    kernels["head"] = of["hidden/kernel"] @ of["logits/kernel"]
    biases["head"] = of["hidden/bias"] @ of["logits/kernel"] + of["logits/bias"]
    return FoldedNetwork(kernels, biases, len(kernels["head"]) // WIDTHS[-1])


def _fold_main(of: Mapping[str, Array], main: str, norm: str) -> tuple[Array, Array]:
    scale = of[f"{norm}/gamma"] / np.sqrt(of[f"{norm}/variance"] + BATCH_NORM_EPSILON)
    kernel = of[f"{main}/depthwise"][:, :, None] * of[f"{main}/pointwise"][None] * scale
    bias = (of[f"{main}/bias"] - of[f"{norm}/mean"]) * scale + of[f"{norm}/beta"]
    return kernel, bias


def _fold_shortcut(of: Mapping[str, Array], block: str) -> tuple[Array, Array]:
    first, second = (
        of[f"{block}/short_{half}/depthwise"][0][:, None]
        * of[f"{block}/short_{half}/pointwise"]
        for half in "ab"
    )
    bias = of[f"{block}/short_a/bias"] @ second + of[f"{block}/short_b/bias"]
    return (first @ second)[None], bias


def folded_logits(folded: FoldedNetwork, x: tf.Tensor, tap: Tap) -> tf.Tensor:
    """Run the folded network, passing every activation through `tap`.

    Parameters
    ----------
    folded : FoldedNetwork
    x : tensor of float32, shape (n_epochs, n_channels, 3000, 1)
    tap : callable
        Takes the activation's name and value, returns the value to go on with.
    """

    def conv(x: tf.Tensor, name: str, stride: int) -> tf.Tensor:
        kernel = tf.cast(folded.kernels[name], tf.float32)[None]
        bias = tf.cast(folded.biases[name], tf.float32)
        return tf.nn.conv2d(x, kernel, [1, 1, stride, 1], "SAME") + bias

    x = tap("input", x)
    for number in range(len(WIDTHS)):
        main = x
        for half in "ab":
            name = f"{number}{half}"
            main = tap(name, tf.nn.relu(conv(main, name, 1)))
            main = tf.nn.max_pool2d(main, (1, 2), (1, 2), "SAME")
        short = tap(f"{number}s", conv(x, f"{number}s", 4))
        x = tap(f"{number}+", main + short)
    pooled = tap("pooled", tf.reduce_mean(x, 2))
    flat = tf.reshape(pooled, (-1, folded.n_channels * WIDTHS[-1]))
    kernel = tf.cast(folded.kernels["head"], tf.float32)
    bias = tf.cast(folded.biases["head"], tf.float32)
    return tap("logits", flat @ kernel + bias)


def activation_ranges(
    folded: FoldedNetwork, x: NDArray[np.float32]
) -> dict[str, tuple[float, float]]:
    """Measure the range each activation is given 256 codes for.

    Parameters
    ----------
    folded : FoldedNetwork
    x : ndarray of float32, shape (n_epochs, n_channels, 3000, 1)
        Epochs as in a night, a few hundred, with absent channels among them.
    """
    lows: dict[str, list[Array]] = {}
    highs: dict[str, list[Array]] = {}

    def note(name: str, value: tf.Tensor) -> tf.Tensor:
        flat = value.numpy().reshape(len(value), -1)
        lows.setdefault(name, []).append(flat.min(1))
        highs.setdefault(name, []).append(flat.max(1))
        return value

    for first in range(0, len(x), 50):
        folded_logits(folded, tf.constant(x[first : first + 50]), note)
    ranges = {
        name: (
            min(0.0, float(np.percentile(np.concatenate(low), 100 - PERCENTILE))),
            float(np.percentile(np.concatenate(highs[name]), PERCENTILE)),
        )
        for name, low in lows.items()
    }
    ends = np.concatenate(lows["logits"]).min(), np.concatenate(highs["logits"]).max()
    return ranges | {"input": (-CLIP, CLIP), "logits": (float(ends[0]), float(ends[1]))}


def activation(
    ranges: Mapping[str, tuple[float, float]], name: str, value: tf.Tensor
) -> tf.Tensor:
    """Return `value` as the 256 codes of its range hold it."""
    low, high = ranges[name]
    return tf.quantization.fake_quant_with_min_max_args(value, low, high, 8)


def convert(folded: FoldedNetwork, ranges: Mapping[str, tuple[float, float]]) -> bytes:
    """Return the int8 flatbuffer: int8 input and logits, per-channel weights."""

    def quantise(name: str, value: tf.Tensor) -> tf.Tensor:
        return activation(ranges, name, value)

    shape = tf.TensorSpec((1, folded.n_channels, N_SAMPLES, 1), tf.float32)
    function = tf.function(lambda x: folded_logits(folded, x, quantise))
    # with the model passed as well, variables would stay behind in the graph
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(shape)]
    )
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    with warnings.catch_warnings():
        # the ranges are in the graph, as fake-quantisation nodes
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")
        return with_biases(bytes(converter.convert()))


def convert_float(folded: FoldedNetwork) -> bytes:
    """Return the float32 flatbuffer of the same graph, to measure int8 against."""
    shape = tf.TensorSpec((1, folded.n_channels, N_SAMPLES, 1), tf.float32)
    function = tf.function(lambda x: folded_logits(folded, x, lambda _, value: value))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(shape)]
    )
    return bytes(converter.convert())
