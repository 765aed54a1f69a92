"""What changes at every pass: gain, polarity, and which channels there are."""

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.scale import compress

SCALE_UV = np.array([12.0, 8.0, 20.0], np.float32)
GAIN_SHARED = 0.15  # standard deviations of the logarithm
GAIN_OWN = 0.15
# Fpz-Cz, Pz-Oz, EOG: which of them an epoch has, and how often in training
SUBSETS = np.array(
    [[1, 1, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]],
    np.float32,
)
CHANCES = np.array([0.45, 0.15, 0.06, 0.06, 0.16, 0.06, 0.06])


def network_input(uv: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return what the network sees of band-limited epochs.

    Parameters
    ----------
    uv : ndarray, shape (n_epochs, 3, 3000)

    Returns
    -------
    ndarray of float32, shape (n_epochs, 3, 3000, 1)
    """
    return compress(uv.astype(np.float32), SCALE_UV)[..., None]


def augment(uv: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return `uv` with random gains, polarities and absent channels.

    An epoch always keeps at least one channel.
    """
    shape = (len(uv), uv.shape[1], 1)
    gain = np.exp(
        GAIN_SHARED * rng.standard_normal((len(uv), 1, 1))
        + GAIN_OWN * rng.standard_normal(shape)
    )
    polarity = rng.choice([-1.0, 1.0], shape)
    present = SUBSETS[rng.choice(len(SUBSETS), len(uv), p=CHANCES)][..., None]
    changed: NDArray[np.float32] = uv * (gain * polarity * present).astype(np.float32)
    return changed
