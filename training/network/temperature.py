"""One number that makes probabilities mean what they say. Pure."""

import numpy as np
from numpy.typing import NDArray

TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(3.0), 200))


def fit_temperature(logits: NDArray[np.floating], stages: NDArray[np.integer]) -> float:
    """Return the temperature under which `stages` are likeliest (Guo et al. 2017).

    Parameters
    ----------
    logits : ndarray, shape (n_epochs, 5)
    stages : ndarray of int, shape (n_epochs,)
    """

    def surprise(temperature: float) -> float:
        proba = probabilities(logits, temperature)
        given = proba[np.arange(len(stages)), stages]
        return float(-np.log(np.maximum(given, 1e-12)).mean())

    return float(min(TEMPERATURES, key=surprise))


def probabilities(
    logits: NDArray[np.floating], temperature: float
) -> NDArray[np.float64]:
    """Return the softmax of ``logits / temperature``, row by row."""
    scaled = logits.astype(np.float64) / temperature
    odds = np.exp(scaled - scaled.max(1, keepdims=True))
    return np.asarray(odds / odds.sum(1, keepdims=True))
