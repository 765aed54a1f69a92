"""The last matrix of a quantised network, fitted to the features that rounding left."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from training.quantise.distil import DistillationSettings, rounded_kernel
from training.quantise.export import FoldedNetwork, activation, folded_logits
from training.quantise.quantised import EpochSource
from training.surrogates.augment import augment, network_input

N_BATCHES = 60
RIDGE = 1e-2  # towards the matrix that is there, in variances of the features
CLOSE = 0.3  # logits; two stages nearer than this count as equally near


def refit_head(
    teacher: FoldedNetwork,
    taught: FoldedNetwork,
    ranges: Mapping[str, tuple[float, float]],
    uv: EpochSource,
    lesson: DistillationSettings,
) -> FoldedNetwork:
    """Return the network with the last matrix that is best for its rounded features.

    By weighted least squares with a ridge towards the matrix that is there; epochs
    between two stages weigh more, because it is there that rounding changes the stage.
    """
    kernels = {
        name: rounded_kernel(tf.constant(of, tf.float32))
        for name, of in taught.kernels.items()
    }
    rounded = FoldedNetwork(kernels, taught.biases, taught.n_channels)

    @tf.function
    def seen(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        noted: dict[str, tf.Tensor] = {}

        def note(name: str, value: tf.Tensor) -> tf.Tensor:
            noted[name] = activation(ranges, name, value)
            return noted[name]

        folded_logits(rounded, x, note)
        wanted = folded_logits(teacher, x, lambda _, value: value)
        return tf.reshape(noted["pooled"], (tf.shape(x)[0], -1)), wanted

    rng = np.random.default_rng([lesson.seed, 1])
    pairs = []
    for _ in range(N_BATCHES):
        chosen = np.sort(rng.choice(len(uv), lesson.batch, replace=False))
        x = tf.constant(network_input(augment(uv[chosen], rng)))
        pairs.append([of.numpy().astype(np.float64) for of in seen(x)])
    features = np.concatenate([of for of, _ in pairs])
    wanted = np.concatenate([of for _, of in pairs])
    ordered = np.sort(wanted, axis=1)
    weight = (1 / (CLOSE + ordered[:, -1:] - ordered[:, -2:-1])) ** 0.5
    missed = wanted - (features @ taught.kernels["head"] + taught.biases["head"])
    design = np.append(features, np.ones((len(features), 1)), axis=1) * weight
    ridge = RIDGE * len(features) * np.append(features.var(0) + 1e-3, 1e-6)
    by = np.linalg.solve(
        design.T @ design + np.diag(ridge), design.T @ (missed * weight)
    )
    kernels = dict(taught.kernels) | {"head": taught.kernels["head"] + by[:-1]}
    biases = dict(taught.biases) | {"head": taught.biases["head"] + by[-1]}
    return FoldedNetwork(kernels, biases, taught.n_channels)
