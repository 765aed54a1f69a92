"""Context of an epoch: the night so far, as the context head sees it. Pure.

The head reads nothing but the hypnodensities of the last epochs, each scored by
itself. So whoever has those, live, off-line or from a journal after a restart, gets
the same stages, to the bit.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.input_scaling import CLIP, quantise
from gateway.staging.stage import STAGES

N_FEATURES = len(STAGES) + 1  # and whether there was a stage at all

Hypnodensity = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ContextHead:
    """Context head, as the card of a model describes it.

    Attributes
    ----------
    n_epochs : int
        It looks at, the one to be staged included.
    temperature : float
        Divides its logits before the softmax.
    """

    n_epochs: int
    temperature: float


class Context:
    """The last epochs of a night.

    Parameters
    ----------
    n_epochs : int
        To be kept.
    """

    def __init__(self, n_epochs: int) -> None:
        self._n_epochs = n_epochs
        self._nothing = np.zeros(N_FEATURES, np.int8)
        self._past = deque([self._nothing] * n_epochs, maxlen=n_epochs)
        self._next = 0

    def push(self, index: int, raw: Hypnodensity) -> None:
        """Take the next epoch.

        Parameters
        ----------
        index : int
            0-based within the session, higher than any before it. Epochs left out
            are like refused ones.
        raw : tuple of float
            Probabilities of W, N1, N2, N3, R by the epoch alone; empty if refused.
        """
        for _ in range(min(index - self._next, self._n_epochs)):
            self._past.append(self._nothing)
        self._past.append(encode(raw) if raw else self._nothing)
        self._next = index + 1

    def codes(self) -> NDArray[np.int8]:
        """Return what the head sees, shape (n_epochs, 6), the latest last."""
        return np.stack(self._past)


def encode(raw: Hypnodensity) -> NDArray[np.int8]:
    """Return an epoch as the head sees it, shape (6,).

    Logarithms of the probabilities, moved by 4 and clipped to -4..4, and a 4 that
    says that there is an epoch: one that was refused is all zeros.
    """
    with np.errstate(divide="ignore"):  # of a zero is as low as there is
        logs = np.log(np.array(raw)) + CLIP
    return quantise(np.append(np.clip(logs, -CLIP, CLIP), CLIP).astype(np.float32))
