"""The context head as a fully quantised TFLite flatbuffer."""

import warnings
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.input_scaling import CLIP, STEP
from gateway.staging.context import N_FEATURES
from training.network.context_head import N_EPOCHS, Weights, head_logits
from training.quantise.export import activation
from training.quantise.zero_bias import with_biases

Ranges = dict[str, tuple[float, float]]


def head_ranges(weights: Weights, codes: NDArray[np.int8]) -> Ranges:
    """Return the range of every activation over `codes`, shape (n, 30, 6)."""
    ranges: Ranges = {}

    def note(name: str, value: tf.Tensor) -> tf.Tensor:
        low, high = float(tf.reduce_min(value)), float(tf.reduce_max(value))
        ranges[name] = min(0.0, low), max(0.0, high)
        return value

    head_logits(_constants(weights), tf.constant(codes.astype(np.float32) * STEP), note)
    return ranges | {"input": (-CLIP, CLIP)}


def convert_head(weights: Weights, ranges: Ranges) -> bytes:
    """Return the int8 flatbuffer: int8 windows in, int8 logits out."""
    shape = tf.TensorSpec((1, N_EPOCHS, N_FEATURES), tf.float32)
    of = _constants(weights)
    function = tf.function(
        lambda x: head_logits(of, x, lambda n, v: activation(ranges, n, v))
    )
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


def _constants(weights: Mapping[str, NDArray[np.float32]]) -> dict[str, tf.Tensor]:
    return {name: tf.constant(of) for name, of in weights.items()}
