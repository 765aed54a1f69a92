"""Microvolts to the range a quantised network can hold."""

import numpy as np
from numpy.typing import NDArray

CLIP = 4.0  # int8 spans -4..4 in steps of 8/255


def compress(
    uv: NDArray[np.float32], scale_uv: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return ``clip(asinh(uv / scale_uv), -4, 4)``.

    Linear near zero, logarithmic for large swings: an artefact of millivolts costs
    neither the resolution of the EEG nor the range of the network's activations.

    Parameters
    ----------
    uv : ndarray of float32, shape (..., n_channels, n_samples)
    scale_uv : ndarray of float32, shape (n_channels,)
        Amplitude where the curve begins to bend, from the model's card.

    Returns
    -------
    ndarray of float32, same shape
    """
    ratio = uv / scale_uv[:, None]
    return np.clip(np.arcsinh(ratio), -CLIP, CLIP).astype(np.float32)
