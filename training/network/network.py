"""ULW-SleepNet in TensorFlow, in the form that trains fastest on a CPU.

Channels lie in the rows of one tensor, so a (1, 3) convolution shares its weights
over them; each separable pair is multiplied into one kernel in the forward pass.
Same function, same parameters, gradients and all, as the layers as published.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.network.architecture import (
    BATCH_NORM_EPSILON,
    BLOCK_DROPOUT,
    HEAD_DROPOUT,
    WIDTHS,
    parameters,
)

Weights = dict[str, NDArray[np.float64]]
STATISTICS_MOMENTUM = 0.98


class Network:
    """The network and its running statistics.

    Parameters
    ----------
    n_channels : int
    seed : int
        Of the initial weights (Glorot uniform).
    """

    def __init__(self, n_channels: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.n_channels = n_channels
        self.trainable = {
            parameter.name: tf.Variable(
                _initial(parameter.name, parameter.shape, rng), dtype=tf.float32
            )
            for parameter in parameters(n_channels)
        }
        self.statistics = {
            f"block{block}/norm_{half}/{role}": tf.Variable(
                np.full(width, start, np.float32)
            )
            for block, width in enumerate(WIDTHS)
            for half in "ab"
            for role, start in (("mean", 0), ("variance", 1))
        }

    def weights(self) -> Weights:
        """Return all tensors, trained and running, by name."""
        everything = self.trainable | self.statistics
        return {name: tensor.numpy() for name, tensor in everything.items()}

    def assign(self, weights: Mapping[str, NDArray[np.floating]]) -> None:
        """Set all tensors."""
        for name, tensor in (self.trainable | self.statistics).items():
            tensor.assign(weights[name])

    def train_logits(self, x: tf.Tensor, lot: tf.Tensor | None = None) -> tf.Tensor:
        """Return logits with dropout and batch statistics, updating the running.

        Parameters
        ----------
        x : tensor of float32, shape (n_epochs, n_channels, 3000, 1)
        lot : tensor of int32, shape (2,), or None
            Draws the dropout, so that a step can be taken again to the bit; None
            leaves it to TensorFlow's own state.
        """
        return self._logits(x, training="yes", lot=lot)

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Return logits with the running statistics."""
        return self._logits(x, training="")

    def _logits(
        self, x: tf.Tensor, training: str, lot: tf.Tensor | None = None
    ) -> tf.Tensor:
        for block in range(len(WIDTHS)):
            main = x
            for half in "ab":
                # pooled before rather than after: the same, on half the samples
                main = tf.nn.relu(
                    self.normed_and_pooled(main, f"block{block}", half, training)
                )
            x = main + self._shortcut(x, f"block{block}")
            x = _dropout(x, BLOCK_DROPOUT, lot, block) if training else x
        pooled = tf.reshape(tf.reduce_mean(x, 2), (-1, self.n_channels * WIDTHS[-1]))
        if training:
            pooled = _dropout(pooled, HEAD_DROPOUT, lot, len(WIDTHS))
        of = self.trainable
        hidden = pooled @ of["hidden/kernel"] + of["hidden/bias"]
        return hidden @ of["logits/kernel"] + of["logits/bias"]

    def normed_and_pooled(
        self, x: tf.Tensor, block: str, half: str, training: str
    ) -> tf.Tensor:
        """Return a separable convolution, normed, and pooled by two."""
        of, name, norm = self.trainable, f"{block}/main_{half}", f"{block}/norm_{half}"
        depthwise, pointwise = of[f"{name}/depthwise"], of[f"{name}/pointwise"]
        kernel = depthwise[:, :, None] * pointwise[None]
        scale, offset = of[f"{norm}/gamma"], of[f"{norm}/beta"]
        if not training:
            x = tf.nn.conv2d(x, kernel[None], 1, "SAME") + of[f"{name}/bias"]
            mean, variance = self._running(norm)
            x = tf.nn.batch_normalization(
                x, mean, variance, offset, scale, BATCH_NORM_EPSILON
            )
            return _pool(x)
        # a bias before the norm is subtracted again, so it stays at its initial 0
        if x.shape[-1] == 1:
            return self._normed_first(x, kernel[:, 0], norm)
        # with the scale's sign in the kernel, the norm can come after the pooling
        sign = tf.sign(scale)
        x = tf.nn.conv2d(x, (kernel * sign)[None], 1, "SAME")
        mean = tf.reduce_mean(x, (0, 1, 2))
        variance = tf.reduce_mean(tf.square(x), (0, 1, 2)) - tf.square(mean)
        self._remember(norm, sign * mean, variance)
        gain = tf.abs(scale) * tf.math.rsqrt(variance + BATCH_NORM_EPSILON)
        return _pool(x) * gain + (offset - mean * gain)

    def _normed_first(self, x: tf.Tensor, kernel: tf.Tensor, norm: str) -> tf.Tensor:
        """Return the same for one input channel, five times faster.

        The batch statistics of a convolution follow from the input's mean and
        covariance over the kernel, so the norm goes into the kernel, and pooling
        is the larger of two matrix products.
        """
        padded = tf.pad(x[..., 0], ((0, 0), (0, 0), (1, 1)))
        taps = tf.stack([padded[..., k : k + x.shape[2]] for k in range(3)])
        flat = tf.reshape(taps, (3, -1))
        means = tf.reduce_mean(flat, 1)
        count = tf.cast(tf.shape(flat)[1], tf.float32)
        covariance = flat @ tf.transpose(flat) / count - means[:, None] * means
        mean = tf.linalg.matvec(kernel, means, transpose_a=True)
        variance = tf.reduce_sum(kernel * (covariance @ kernel), 0)
        self._remember(norm, mean, variance)
        gain = self.trainable[f"{norm}/gamma"] * tf.math.rsqrt(
            variance + BATCH_NORM_EPSILON
        )
        kernel = kernel * gain
        none = tf.zeros_like(kernel[:1])
        pairs = tf.stack([padded[..., k : k + x.shape[2] : 2] for k in range(4)], -1)
        rows = tf.reshape(pairs, (-1, 4))
        even = rows @ tf.concat([kernel, none], 0)
        odd = rows @ tf.concat([none, kernel], 0)
        offset = self.trainable[f"{norm}/beta"] - mean * gain
        pooled = tf.nn.bias_add(tf.maximum(even, odd), offset)
        return tf.reshape(pooled, (*pairs.shape[:3], kernel.shape[1]))

    def _running(self, norm: str) -> tuple[tf.Variable, tf.Variable]:
        return self.statistics[f"{norm}/mean"], self.statistics[f"{norm}/variance"]

    def _remember(self, norm: str, mean: tf.Tensor, variance: tf.Tensor) -> None:
        for running, now in zip(self._running(norm), (mean, variance), strict=True):
            running.assign_add((1 - STATISTICS_MOMENTUM) * (now - running))

    def _shortcut(self, x: tf.Tensor, block: str) -> tf.Tensor:
        """Return both strided 1x1 convolutions, which are linear, as one."""
        of = self.trainable
        first, second = (
            of[f"{block}/short_{half}/depthwise"][0][:, None]
            * of[f"{block}/short_{half}/pointwise"]
            for half in "ab"
        )
        bias = of[f"{block}/short_a/bias"][None] @ second + of[f"{block}/short_b/bias"]
        kernel = (first @ second)[None, None]
        return tf.nn.conv2d(x, kernel, [1, 1, 4, 1], "SAME") + bias


def _dropout(
    x: tf.Tensor, rate: float, lot: tf.Tensor | None, number: int
) -> tf.Tensor:
    if lot is None:
        return tf.nn.dropout(x, rate)
    seed = tf.random.experimental.stateless_fold_in(lot, number)
    return tf.nn.experimental.stateless_dropout(x, rate, seed=seed)


def _pool(x: tf.Tensor) -> tf.Tensor:
    """Return a max pool by two, with a gradient three times as fast as TensorFlow's."""
    if x.shape[2] % 2:
        x = tf.concat([x, x[:, :, -1:]], 2)
    halved = (-1, x.shape[1], x.shape[2] // 2, 2 * x.shape[3])
    return tf.maximum(*tf.split(tf.reshape(x, halved), 2, -1))


def _initial(
    name: str, shape: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.float64]:
    if name.endswith(("bias", "beta")):
        return np.zeros(shape)
    if name.endswith("gamma"):
        return np.ones(shape)
    fan_in, fan_out = (shape[0], 1) if name.endswith("depthwise") else shape
    limit = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)
