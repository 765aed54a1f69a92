"""ULW-SleepNet in TensorFlow, in the form that trains fastest on a CPU.

Channels lie in the rows of one tensor, so a (1, 3) convolution shares its weights
over them; each separable pair is multiplied into one kernel in the forward pass.
Same function, same parameters, gradients and all, as the layers as published.
"""

from collections.abc import Mapping, Sequence

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
LOT_STRIDE = 16  # so that no two groups drop the same


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
        x : tensor of float32, shape (n_epochs, n_channels, n_samples, 1)
        lot : tensor of int32, shape (2,), or None
            Draws the dropout, so that a step can be taken again to the bit; None
            leaves it to TensorFlow's own state.
        """
        return self._head(self._features([x], "yes", lot)[0], "yes", lot)

    def train_logits_of(
        self, groups: Sequence[tf.Tensor], lot: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Return the same of groups of epochs, whose lengths and channels may differ.

        The batch statistics are those of all groups together.

        Parameters
        ----------
        groups : sequence of tensor of float32, shape (n_epochs, n, n_samples, 1)
            With the first `n` of the channels: the others are absent.
        lot : tensor of int32, shape (2,), or None
        """
        # an epoch of zeros in the slimmest group shows what an absent channel gives
        slimmest = min(range(len(groups)), key=lambda at: groups[at].shape[1])
        padding = ((0, 1), (0, 0), (0, 0), (0, 0))
        with_absent = [
            tf.pad(x, padding) if at == slimmest else x for at, x in enumerate(groups)
        ]
        pooled = self._features(with_absent, training="yes", lot=lot)
        nothing = pooled[slimmest][-1:, :1]
        pooled[slimmest] = pooled[slimmest][:-1]
        logits = []
        for features in pooled:
            missing = self.n_channels - features.shape[1]
            rest = tf.tile(nothing, (tf.shape(features)[0], missing, 1))
            logits.append(self._head(tf.concat([features, rest], 1), "yes", lot))
        return logits

    def logits(self, x: tf.Tensor) -> tf.Tensor:
        """Return logits with the running statistics."""
        return self._head(self._features([x], training="")[0], training="")

    def _features(
        self, groups: list[tf.Tensor], training: str, lot: tf.Tensor | None = None
    ) -> list[tf.Tensor]:
        """Return each channel's mean features, shape (n_epochs, n, 32), by group."""
        for block in range(len(WIDTHS)):
            name = f"block{block}"
            main = groups
            for half in "ab":
                # pooled before rather than after: the same, on half the samples
                normed = self.normed_and_pooled(main, name, half, training)
                main = [tf.nn.relu(x) for x in normed]
            groups = [
                x + self._shortcut(before, name)
                for x, before in zip(main, groups, strict=True)
            ]
            if training:
                groups = [
                    _dropout(x, BLOCK_DROPOUT, lot, block + LOT_STRIDE * number)
                    for number, x in enumerate(groups)
                ]
        return [tf.reduce_mean(x, 2) for x in groups]

    def _head(
        self, features: tf.Tensor, training: str, lot: tf.Tensor | None = None
    ) -> tf.Tensor:
        pooled = tf.reshape(features, (-1, self.n_channels * WIDTHS[-1]))
        if training:
            pooled = _dropout(pooled, HEAD_DROPOUT, lot, len(WIDTHS))
        of = self.trainable
        hidden = pooled @ of["hidden/kernel"] + of["hidden/bias"]
        return hidden @ of["logits/kernel"] + of["logits/bias"]

    def normed_and_pooled(
        self, groups: Sequence[tf.Tensor], block: str, half: str, training: str
    ) -> list[tf.Tensor]:
        """Return a separable convolution of each group, normed, and pooled by two."""
        of, name, norm = self.trainable, f"{block}/main_{half}", f"{block}/norm_{half}"
        depthwise, pointwise = of[f"{name}/depthwise"], of[f"{name}/pointwise"]
        kernel = depthwise[:, :, None] * pointwise[None]
        scale, offset = of[f"{norm}/gamma"], of[f"{norm}/beta"]
        if not training:
            mean, variance = self._running(norm)
            return [
                _pool(
                    tf.nn.batch_normalization(
                        tf.nn.conv2d(x, kernel[None], 1, "SAME") + of[f"{name}/bias"],
                        *(mean, variance, offset, scale, BATCH_NORM_EPSILON),
                    )
                )
                for x in groups
            ]
        # a bias before the norm is subtracted again, so it stays at its initial 0
        if groups[0].shape[-1] == 1:
            return self._normed_first(groups, kernel[:, 0], norm)
        # with the scale's sign in the kernel, the norm can come after the pooling
        sign = tf.sign(scale)
        convolved = [tf.nn.conv2d(x, (kernel * sign)[None], 1, "SAME") for x in groups]
        shares = _shares(convolved)
        mean = _weighed(shares, [tf.reduce_mean(x, (0, 1, 2)) for x in convolved])
        squares = [tf.reduce_mean(tf.square(x), (0, 1, 2)) for x in convolved]
        variance = _weighed(shares, squares) - tf.square(mean)
        self._remember(norm, sign * mean, variance)
        gain = tf.abs(scale) * tf.math.rsqrt(variance + BATCH_NORM_EPSILON)
        return [_pool(x) * gain + (offset - mean * gain) for x in convolved]

    def _normed_first(
        self, groups: Sequence[tf.Tensor], kernel: tf.Tensor, norm: str
    ) -> list[tf.Tensor]:
        """Return the same for one input channel, five times faster.

        The batch statistics of a convolution follow from the input's mean and
        covariance over the kernel, so the norm goes into the kernel, and pooling
        is the larger of two matrix products.
        """
        padded = [tf.pad(x[..., 0], ((0, 0), (0, 0), (1, 1))) for x in groups]
        flat = [
            tf.reshape(
                tf.stack([x[..., k : x.shape[2] - 2 + k] for k in range(3)]), (3, -1)
            )
            for x in padded
        ]
        shares = _shares(groups)
        means = _weighed(shares, [tf.reduce_mean(of, 1) for of in flat])
        counts = [tf.cast(tf.shape(of)[1], tf.float32) for of in flat]
        products = [
            of @ tf.transpose(of) / count
            for of, count in zip(flat, counts, strict=True)
        ]
        covariance = _weighed(shares, products) - means[:, None] * means
        mean = tf.linalg.matvec(kernel, means, transpose_a=True)
        variance = tf.reduce_sum(kernel * (covariance @ kernel), 0)
        self._remember(norm, mean, variance)
        gain = self.trainable[f"{norm}/gamma"] * tf.math.rsqrt(
            variance + BATCH_NORM_EPSILON
        )
        kernel = kernel * gain
        none = tf.zeros_like(kernel[:1])
        offset = self.trainable[f"{norm}/beta"] - mean * gain
        pooled = []
        for x in padded:
            length = x.shape[2] - 2
            pairs = tf.stack([x[..., k : k + length : 2] for k in range(4)], -1)
            rows = tf.reshape(pairs, (-1, 4))
            even = rows @ tf.concat([kernel, none], 0)
            odd = rows @ tf.concat([none, kernel], 0)
            values = tf.nn.bias_add(tf.maximum(even, odd), offset)
            shape = (-1, *pairs.shape[1:3], kernel.shape[1])
            pooled.append(tf.reshape(values, shape))
        return pooled

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


def _shares(groups: Sequence[tf.Tensor]) -> list[tf.Tensor]:
    """Return which share of all samples lies in each group."""
    counts = [tf.cast(tf.reduce_prod(tf.shape(x)[:3]), tf.float32) for x in groups]
    return [count / tf.add_n(counts) for count in counts]


def _weighed(shares: Sequence[tf.Tensor], means: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n([share * of for share, of in zip(shares, means, strict=True)])


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
