"""Input scaling: microvolts to the range a quantised network can hold."""

import numpy as np
from numpy.typing import NDArray

CLIP = 4.0
STEP = np.float32(2 * CLIP / 255)  # int8 spans what `compress` lets through


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

    Examples
    --------
    >>> compress(np.float32([[0, 1e6, -1e6]]), np.float32([30])).tolist()
    [[0.0, 4.0, -4.0]]
    """
    ratio = uv / scale_uv[:, None]
    return np.clip(np.arcsinh(ratio), -CLIP, CLIP).astype(np.float32)


def quantise(compressed: NDArray[np.float32]) -> NDArray[np.int8]:
    """Return the nearest int8 codes, halves to even, saturated.

    Parameters
    ----------
    compressed : ndarray of float32
        From `compress`.
    """
    codes = np.rint(compressed / STEP)
    saturated: NDArray[np.int8] = np.clip(codes, -128, 127).astype(np.int8)
    return saturated
