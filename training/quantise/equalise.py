"""The same function, so that 256 codes hold it better. Exact in float.

The logits lose what all five have in common, which no probability depends on; and
the pooled features, which share one scale, are stretched to the same range, each by
its own factor, which the last matrix takes back (Nagel et al. 2019, by channel).
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.network.architecture import WIDTHS
from training.quantise.export import FoldedNetwork, folded_logits

LAST = f"{len(WIDTHS) - 1}"
FURTHEST = 16.0  # a feature is stretched; one that hardly moves is left to be noise


def equalised(folded: FoldedNetwork, x: NDArray[np.float32]) -> FoldedNetwork:
    """Return the network with pooled features of like ranges and centred logits.

    Parameters
    ----------
    folded : FoldedNetwork
    x : ndarray of float32, shape (n_epochs, n_channels, 3000, 1)
        Epochs as in a night, a few hundred, with absent channels among them.
    """
    pooled: list[NDArray[np.float32]] = []

    def note(name: str, value: tf.Tensor) -> tf.Tensor:
        if name == "pooled":
            pooled.append(np.abs(value.numpy()).reshape(-1, WIDTHS[-1]))
        return value

    for first in range(0, len(x), 50):
        folded_logits(folded, tf.constant(x[first : first + 50]), note)
    largest = np.percentile(np.concatenate(pooled), 99, axis=0) + 1e-9
    stretch = np.minimum(largest.max() / largest, FURTHEST)
    kernels, biases = dict(folded.kernels), dict(folded.biases)
    for half in "bs":
        # the rectifier lets a positive factor through
        kernels[LAST + half] = kernels[LAST + half] * stretch
        biases[LAST + half] = biases[LAST + half] * stretch
    shrunk = kernels["head"] / np.tile(stretch, folded.n_channels)[:, None]
    kernels["head"] = shrunk - shrunk.mean(1, keepdims=True)
    biases["head"] = biases["head"] - biases["head"].mean()
    return FoldedNetwork(kernels, biases, folded.n_channels)
