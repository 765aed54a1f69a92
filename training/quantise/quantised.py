"""Run a converted flatbuffer, as the daemon does, over many epochs."""

import warnings
from typing import Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.input_scaling import quantise
from gateway.staging.golden_vectors import GoldenVectors
from training.surrogates.augment import network_input


class EpochSource(Protocol):
    """Epochs of shape (n_epochs, 3, 3000) in microvolts, in memory or on disk."""

    def __len__(self) -> int:
        """Count the epochs."""
        ...

    def __getitem__(self, which: slice | NDArray[np.int64], /) -> NDArray[np.floating]:
        """Return some of them."""
        ...


class Quantised:
    """A flatbuffer in TensorFlow's own interpreter.

    Parameters
    ----------
    flatbuffer : bytes
    kernels : str
        Member of ``OpResolverType``: ``"AUTO"`` or ``"BUILTIN_REF"``.
    """

    def __init__(self, flatbuffer: bytes, kernels: str = "AUTO") -> None:
        resolver = tf.lite.experimental.OpResolverType[kernels]
        with warnings.catch_warnings():
            # TensorFlow is pinned to a version that still has it
            warnings.filterwarnings("ignore", r"\s*Warning: tf.lite.Interpreter")
            self.interpreter = tf.lite.Interpreter(
                model_content=flatbuffer,
                num_threads=1,
                experimental_op_resolver_type=resolver,
            )
        self.interpreter.allocate_tensors()
        details = self.interpreter.get_input_details()[0]
        self._input, self._shape = details["index"], details["shape"]
        self._output = self.interpreter.get_output_details()[0]

    def codes(self, inputs: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return int8 logits, shape (n, 5), of int8 inputs.

        Shape (n, 3, 3000) for a network, (n, 30, 6) for a context head.
        """
        answers = []
        for epoch in inputs:
            self.interpreter.set_tensor(self._input, epoch.reshape(self._shape))
            self.interpreter.invoke()
            answers.append(self.interpreter.get_tensor(self._output["index"])[0])
        return np.array(answers)

    def infer(self, uv: EpochSource) -> NDArray[np.float64]:
        """Return logits, shape (n_epochs, 5), of microvolts (n_epochs, 3, 3000)."""
        pieces = [
            self.values(quantise(network_input(uv[first : first + 500])[..., 0]))
            for first in range(0, len(uv), 500)
        ]
        return np.concatenate(pieces)

    def values(self, inputs: NDArray[np.int8]) -> NDArray[np.float64]:
        """Return the logits that `codes` stand for."""
        scale, zero_point = self._output["quantization"]
        logits = (self.codes(inputs).astype(np.float64) - zero_point) * scale
        return np.asarray(logits)


def golden(flatbuffer: bytes, uv: NDArray[np.floating]) -> GoldenVectors:
    """Return what the kernels answer to `uv`."""
    return answered(flatbuffer, quantise(network_input(uv)[..., 0]))


def answered(flatbuffer: bytes, inputs: NDArray[np.int8]) -> GoldenVectors:
    """Return what the reference kernels and XNNPACK answer to int8 `inputs`."""
    reference = Quantised(flatbuffer, "BUILTIN_REF").codes(inputs)
    return GoldenVectors(inputs, reference, Quantised(flatbuffer).codes(inputs))
