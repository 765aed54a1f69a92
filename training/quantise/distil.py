"""Teach the folded network to answer, in int8, as it did in float.

Rounding shifts the answer of a row that is all zeros by a constant, and so every
epoch with an absent channel the same way: enough to change a third of the stages
of a single derivation. A few hundred steps through fake quantisation (Jacob et al.
2018), with the float network's logits as the target, take the shift out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from training.network.adam import Adam
from training.quantise.export import FoldedNetwork, Kernels, activation, folded_logits
from training.quantise.quantised import EpochSource
from training.surrogates.augment import augment, network_input


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillationSettings:
    """Length and rate of the distillation; the rate falls to 0 along half a cosine.

    Attributes
    ----------
    steps, batch : int
    rate : float
    seed : int
    """

    steps: int = 200
    batch: int = 64
    rate: float = 1e-3
    seed: int = 1


def distil(
    folded: FoldedNetwork,
    ranges: Mapping[str, tuple[float, float]],
    uv: EpochSource,
    lesson: DistillationSettings,
) -> FoldedNetwork:
    """Return the network whose quantised logits are nearest to `folded`'s.

    Parameters
    ----------
    folded : FoldedNetwork
        The float network: where to begin, and the teacher.
    ranges : mapping
        Of the activations, from `activation_ranges`; they stay.
    uv : ndarray, shape (n_epochs, 3, 3000)
        Epochs of training subjects, in microvolts. Channels are left out and gains
        drawn as in training.
    lesson : DistillationSettings
    """
    kernels = {
        name: tf.Variable(of, dtype=tf.float32) for name, of in folded.kernels.items()
    }
    biases = {
        name: tf.Variable(of, dtype=tf.float32) for name, of in folded.biases.items()
    }
    variables = [*kernels.values(), *biases.values()]
    optimiser = Adam(variables, weight_decay=0)

    @tf.function
    def step(x: tf.Tensor, rate: tf.Tensor) -> tf.Tensor:
        wanted = folded_logits(folded, x, lambda _, value: value)
        with tf.GradientTape() as tape:
            rounded = {name: rounded_kernel(kernel) for name, kernel in kernels.items()}
            student = FoldedNetwork(rounded, biases, folded.n_channels)
            answer = folded_logits(student, x, lambda n, v: activation(ranges, n, v))
            loss = tf.reduce_mean((answer - wanted) ** 2)
        optimiser.apply(tape.gradient(loss, variables), rate)
        return loss

    rng = np.random.default_rng(lesson.seed)
    for number in range(lesson.steps):
        chosen = np.sort(rng.choice(len(uv), lesson.batch, replace=False))
        rate = lesson.rate * 0.5 * (1 + np.cos(np.pi * number / lesson.steps))
        x = network_input(augment(uv[chosen], rng))
        loss = step(tf.constant(x), tf.constant(rate, tf.float32))
        if number % 100 == 0 or number == lesson.steps - 1:
            print(f"distil {number}: squared error {float(loss):.4f}", flush=True)
    return FoldedNetwork(_values(kernels), _values(biases), folded.n_channels)


def rounded_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """Return the kernel as int8 holds it: symmetric, a scale per output channel."""
    axes = list(range(len(kernel.shape) - 1))
    largest = tf.stop_gradient(tf.reduce_max(tf.abs(kernel), axes)) + 1e-8
    return tf.quantization.fake_quant_with_min_max_vars_per_channel(
        kernel, -largest, largest, num_bits=8, narrow_range=True
    )


def _values(of: Mapping[str, tf.Variable]) -> Kernels:
    return {name: variable.numpy().astype(np.float64) for name, variable in of.items()}
