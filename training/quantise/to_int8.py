"""Trained weights to int8: set ranges, distil, fit the last matrix, convert."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.quantise.distil import DistillationSettings, distil
from training.quantise.equalise import equalised
from training.quantise.export import (
    FoldedNetwork,
    activation_ranges,
    convert,
    folded_logits,
)
from training.quantise.quantised import EpochSource
from training.quantise.refit import refit_head
from training.surrogates.augment import network_input

LOWEST, HIGHEST = 10.0, 99.0  # percentiles: of all logits, of each epoch's largest


def to_int8(
    folded: FoldedNetwork,
    sample: NDArray[np.floating],
    lessons: EpochSource,
    lesson: DistillationSettings,
) -> bytes:
    """Return the int8 flatbuffer of a folded network.

    Parameters
    ----------
    folded : FoldedNetwork
    sample : ndarray, shape (n_epochs, 3, 3000)
        Epochs that set the ranges, in microvolts, with absent channels among them.
    lessons : ndarray, shape (n_epochs, 3, 3000)
        Epochs of training subjects.
    lesson : DistillationSettings
    """
    x = network_input(sample)
    even = equalised(folded, x)
    ranges = activation_ranges(even, x)
    ranges["logits"] = _logits_range(even, x)
    taught = distil(even, ranges, lessons, lesson)
    return convert(refit_head(even, taught, ranges, lessons, lesson), ranges)


def _logits_range(folded: FoldedNetwork, x: NDArray[np.float32]) -> tuple[float, float]:
    """Return the range within which stages are decided.

    256 codes over all that occurs would make ties of epochs between two stages. What
    lies below has next to no probability, what lies above next to all.
    """
    logits = np.concatenate(
        [
            folded_logits(folded, tf.constant(some), lambda _, value: value).numpy()
            for some in np.array_split(x, max(1, len(x) // 50))
        ]
    )
    low = float(np.percentile(logits, LOWEST))
    return low, float(np.percentile(logits.max(1), HIGHEST))
