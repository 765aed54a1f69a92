"""Bend a spectrum until its bands hold what the real epoch's held."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.data.features import Moments
from training.surrogates.spectra import FREQ_HZ, N_SAMPLES

EDGES_HZ = (0.5, 4.0, 8.0, 12.0, 16.0, 30.0)
N_BANDS = len(EDGES_HZ) - 1
N_ROUNDS = 4
LARGEST_STEP = 8.0  # of one round, so that empty bands do not explode
RAMP_HZ = (27.0, 33.0)  # above, power is free to set the mobility
SMALLEST_REST = 0.1  # of a band, left to the background beside graphoelements

Array = NDArray[np.float64]

_CENTRES_HZ = [1.8, 6.0, 10.0, 14.0, 22.0]
_IN_BAND = np.stack(
    [(low <= FREQ_HZ) & (high > FREQ_HZ) for low, high in pairwise(EDGES_HZ)],
    axis=1,
).astype(float)
# each bin's gain is interpolated between the gains at the bands' centres
_HATS = np.stack(
    [np.interp(FREQ_HZ, _CENTRES_HZ, row) for row in np.eye(N_BANDS)], axis=1
)
_ABOVE = np.interp(FREQ_HZ, RAMP_HZ, (0.0, 1.0))
_SLOPE_GAIN = 2 - 2 * np.cos(2 * np.pi * FREQ_HZ / 100)


def band_shares(power: Array) -> Array:
    """Return each band's share of the power within all five.

    Parameters
    ----------
    power : ndarray of float64, shape (n_epochs, n_bins)

    Returns
    -------
    ndarray of float64, shape (n_epochs, 5)
    """
    in_bands = power @ _IN_BAND
    return np.asarray(in_bands / in_bands.sum(1, keepdims=True))


def background_shares(shares: Array, events: Array, level: Array) -> Array:
    """Return what is left of `shares` for a background beside `events`.

    Parameters
    ----------
    shares : ndarray of float64, shape (n_epochs, 5)
        Of the whole epoch.
    events : ndarray of float64, shape (n_epochs, 3000)
        Graphoelements, in microvolts.
    level : ndarray of float64, shape (n_epochs,)
        Variance of the whole epoch.
    """
    power = 2 * np.abs(np.fft.rfft(events)) ** 2 / N_SAMPLES**2
    taken = power @ _IN_BAND / level[:, None]
    left = np.maximum(shares - taken, SMALLEST_REST * shares)
    return np.asarray(left / left.sum(1, keepdims=True))


def shape(power: NDArray[np.float32], shares: Array, rest: Moments) -> Array:
    """Return `power` with the band shares and the mobility wanted.

    Parameters
    ----------
    power : ndarray of float32, shape (n_epochs, n_bins)
    shares : ndarray of float64, shape (n_epochs, 5)
        Rows sum to 1; rows of nan leave their spectrum as it is.
    rest : Moments
        Of the background; sets the mobility, by the power above 30 Hz.
    """
    shaped = power.astype(np.float64)
    known = np.isfinite(shares).all(1)
    of, wanted = shaped[known], np.maximum(shares[known], 1e-4)
    ratio = (rest.slope / rest.level)[known, None]
    for _ in range(N_ROUNDS):
        step = np.clip(wanted / band_shares(of), 1 / LARGEST_STEP, LARGEST_STEP)
        of *= np.exp(np.log(step) @ _HATS.T)
        below, above = of * (1 - _ABOVE), of * _ABOVE
        missing = (below * (ratio - _SLOPE_GAIN)).sum(1)
        brought = (above * (_SLOPE_GAIN - ratio)).sum(1)
        factor = np.where(brought > 0, missing / np.maximum(brought, 1e-12), 1.0)
        factor = np.clip(factor, 1 / LARGEST_STEP, LARGEST_STEP)
        of *= 1 + _ABOVE * (factor[:, None] - 1)
    shaped[known] = of / of.sum(1, keepdims=True)
    return shaped
