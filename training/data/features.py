"""The descriptors of an epoch that the real feature table also holds."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Moments(NamedTuple):
    """Variances of a signal and of its first two differences, per epoch."""

    level: Array
    slope: Array
    curve: Array


def moments(uv: NDArray[np.floating]) -> Moments:
    """Return the variances of `uv`, its first and its second difference.

    Parameters
    ----------
    uv : ndarray, shape (..., n_samples)
    """
    slope = np.diff(uv)
    curve = np.diff(slope)
    return Moments(uv.var(-1), slope.var(-1), curve.var(-1))


def spectral_moments(power: Array) -> Moments:
    """Return the moments a stationary signal with one-sided `power` would have.

    Parameters
    ----------
    power : ndarray, shape (n_spectra, n_samples // 2 + 1)
        Power per bin of the real Fourier transform.
    """
    omega = np.linspace(0, np.pi, power.shape[-1])
    gain = 2 - 2 * np.cos(omega)
    return Moments(power.sum(-1), power @ gain, power @ gain**2)


def mobility(of: Moments) -> Array:
    """Return Hjorth's mobility, per sample (Hjorth 1970)."""
    return np.asarray(np.sqrt(of.slope / of.level))


def complexity(of: Moments) -> Array:
    """Return Hjorth's complexity (Hjorth 1970)."""
    return np.asarray(np.sqrt(of.curve / of.slope) / mobility(of))


def zero_crossings(uv: NDArray[np.floating]) -> Array:
    """Return the number of sign changes along the last axis."""
    positive = uv > 0
    return np.asarray(
        np.count_nonzero(positive[..., 1:] != positive[..., :-1], axis=-1), np.float64
    )


def excess_kurtosis(uv: NDArray[np.floating]) -> Array:
    """Return the excess kurtosis along the last axis."""
    centred = uv - uv.mean(-1, keepdims=True)
    squared = centred * centred
    return np.asarray((squared * squared).mean(-1) / squared.mean(-1) ** 2 - 3)
