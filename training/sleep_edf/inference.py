"""Run the float network over many epochs without building it anew each time."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.network.architecture import N_CLASSES, N_SAMPLES
from training.network.network import Network
from training.sleep_edf.nights import Epochs
from training.surrogates.augment import network_input

CHUNK = 256


def logits_of(
    weights: Mapping[str, NDArray[np.floating]], epochs: Epochs
) -> NDArray[np.float32]:
    """Return the float network's logits, shape (n_epochs, 5)."""
    network, run = _network(epochs.shape[1])
    network.assign(weights)
    logits = np.empty((len(epochs), N_CLASSES), np.float32)
    for first in range(0, len(epochs), CHUNK):
        where = slice(first, first + CHUNK)
        logits[where] = run(tf.constant(network_input(epochs[where]))).numpy()
    return logits


@cache
def _network(
    n_channels: int,
) -> tuple[Network, tf.types.experimental.PolymorphicFunction]:
    network = Network(n_channels, 0)
    shape = tf.TensorSpec((None, n_channels, N_SAMPLES, 1), tf.float32)
    return network, tf.function(network.logits, input_signature=[shape])
