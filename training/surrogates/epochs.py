"""Thirty seconds that never were, with the statistics of thirty that really were.

For every row of the table of real epochs: graphoelements of its stage are drawn,
and a Gaussian background is made whose spectrum, added to theirs, gives the real
epoch's standard deviation, mobility and complexity, and to its bands the shares
they have in like epochs of the same night. Several backgrounds are tried;
the one whose zero crossings and kurtosis come nearest is kept. Phases are not
shared between derivations: the network pools each one by itself and cannot see
them.
"""

import numpy as np
from numpy.typing import NDArray

from training.data import features as ft
from training.surrogates.event_rates import N_DERIVATIONS, draw_events
from training.surrogates.spectra import N_SAMPLES, Library
from training.surrogates.spectral_shaping import background_shares, shape

N_STAGES = 5
STD, KURTOSIS, CROSSINGS, MOBILITY, COMPLEXITY = 0, 3, 4, 5, 6
N_CANDIDATES = 3
UNSHAPED = 0.15  # fraction left to the library alone, for variety
# most of each moment that graphoelements may take, so that a background remains
LARGEST_SHARE = np.array([0.85, 0.7, 0.6])
SHARE_WITHOUT_TAILS = 0.2  # of the variance, where the kurtosis is a Gaussian's
# how far apart two epochs may be before they look different
TOLERANCE = np.array([0.12, 0.12, 0.15, 0.5])

Array = NDArray[np.float64]


class Generator:
    """Makes surrogates of rows of the feature table.

    Parameters
    ----------
    seed : int
        Determines the libraries of spectra.
    library_size : int
        Spectra per derivation and stage.
    """

    def __init__(self, seed: int, library_size: int = 4000) -> None:
        self._rng = np.random.default_rng(seed)
        self._libraries = {
            (derivation, stage): Library(derivation, stage, library_size, self._rng)
            for derivation in range(N_DERIVATIONS)
            for stage in range(N_STAGES)
        }

    def unrecorded(
        self,
        rows: NDArray[np.float32],
        bands: NDArray[np.float32],
        stages: NDArray[np.int8],
        seed: int,
    ) -> Array:
        """Return one surrogate per row, before any recorder, in microvolts.

        Parameters
        ----------
        rows : ndarray of float32, shape (n_epochs, 3, 13)
            Of ``time_domain.npz``.
        bands : ndarray of float32, shape (n_epochs, 3, 5)
            Shares of `spectral_shaping.EDGES_HZ`; nan where unknown.
        stages : ndarray of int8, shape (n_epochs,)
            0-4.
        seed : int
            Same rows, stages and seed, same surrogates.

        Returns
        -------
        ndarray of float64, shape (n_epochs, 3, 3000)
            With the statistics of their rows.
        """
        self._rng = np.random.default_rng(seed)
        uv = np.empty((len(rows), N_DERIVATIONS, N_SAMPLES))
        for stage in np.unique(stages):
            of_stage = np.flatnonzero(stages == stage)
            uv[of_stage] = self._one_stage(
                rows[of_stage].astype(float), bands[of_stage].astype(float), int(stage)
            )
        return uv

    def _one_stage(self, rows: Array, bands: Array, stage: int) -> Array:
        events = draw_events(stage, len(rows), self._rng)
        return np.stack(
            [
                self._derivation(
                    rows[:, number],
                    bands[:, number],
                    events[:, number],
                    self._libraries[number, stage],
                )
                for number in range(N_DERIVATIONS)
            ],
            axis=1,
        )

    def _derivation(
        self, rows: Array, shares: Array, events: Array, library: Library
    ) -> Array:
        wanted = _wanted(rows)
        events = events * _restraint(events, wanted, rows[:, KURTOSIS])[:, None]
        taken = ft.moments(events)
        rest = ft.Moments(*(of - by for of, by in zip(wanted, taken, strict=True)))
        shares = background_shares(shares, events, wanted.level)
        shares[self._rng.random(len(rows)) < UNSHAPED] = np.nan
        best = np.full(len(rows), np.inf)
        kept = np.empty_like(events)
        for _ in range(N_CANDIDATES):
            chosen = library.choose(ft.mobility(rest), ft.complexity(rest), self._rng)
            power = shape(chosen, shares, rest)
            background = self._background(power, rows[:, KURTOSIS])
            level = np.sqrt(rest.level) / background.std(-1)
            epoch = background * level[:, None] + events
            epoch *= (rows[:, STD] / epoch.std(-1))[:, None]
            distance = _distance(epoch, rows)
            better = distance < best
            best[better], kept[better] = distance[better], epoch[better]
        return kept

    def _background(self, power: Array, kurtosis: Array) -> Array:
        """Return noise with the spectrum `power`, in bursts if so the real epoch."""
        n_epochs, n_bins = power.shape
        parts = self._rng.standard_normal((2, n_epochs, n_bins), np.float32)
        spectrum = np.sqrt(power) * (parts[0] + 1j * parts[1])
        split = self._rng.integers(90, 450, (n_epochs, 1))  # 3-15 Hz
        above = np.arange(n_bins) >= split
        # for a log-normal gain of this spread the excess kurtosis is the one given
        spread = np.sqrt(np.log1p(np.clip(kurtosis, 0, 30) / 3) / 4)
        slow = np.fft.irfft(spectrum * ~above, N_SAMPLES)
        fast = np.fft.irfft(spectrum * above, N_SAMPLES)
        fast_spread = spread * self._rng.uniform(0, 1.3, n_epochs)
        fast_spread += self._rng.uniform(0, 0.4, n_epochs)
        slow_spread = spread * self._rng.uniform(0, 1.0, n_epochs)
        return slow * self._gain(slow_spread) + fast * self._gain(fast_spread)

    def _gain(self, spread: Array) -> Array:
        """Return slow positive gains whose logarithm has the standard deviation."""
        n_bins = 60  # up to 2 Hz
        parts = self._rng.standard_normal((2, len(spread), n_bins))
        logarithm = np.fft.irfft(parts[0] + 1j * parts[1], 2 * 150)
        logarithm /= logarithm.std(-1, keepdims=True)
        return np.repeat(np.exp(spread[:, None] * logarithm), 10, axis=1)


def _wanted(rows: Array) -> ft.Moments:
    level = rows[:, STD] ** 2
    slope = level * rows[:, MOBILITY] ** 2
    return ft.Moments(
        level, slope, slope * (rows[:, MOBILITY] * rows[:, COMPLEXITY]) ** 2
    )


def _restraint(events: Array, wanted: ft.Moments, kurtosis: Array) -> Array:
    """Return the factor, at most 1, that leaves room for a background."""
    there = np.stack(ft.moments(events)) + 1e-9
    shares = np.repeat(LARGEST_SHARE[:, None], len(events), 1)
    tails = SHARE_WITHOUT_TAILS * (1 + np.maximum(kurtosis, 0))
    shares[0] = np.minimum(shares[0], tails)
    return np.sqrt(np.minimum(1, (shares * np.stack(wanted) / there).min(0)))


def _distance(epoch: Array, rows: Array) -> Array:
    of = ft.moments(epoch)
    differences = np.stack(
        [
            np.log(ft.mobility(of) / rows[:, MOBILITY]),
            np.log(ft.complexity(of) / rows[:, COMPLEXITY]),
            np.log((ft.zero_crossings(epoch) + 5) / (rows[:, CROSSINGS] + 5)),
            np.arcsinh(ft.excess_kurtosis(epoch)) - np.arcsinh(rows[:, KURTOSIS]),
        ]
    )
    distance: Array = ((differences / TOLERANCE[:, None]) ** 2).sum(0)
    return distance
