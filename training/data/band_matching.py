"""Band powers of real epochs, brought to the rows of the other table.

The two tables describe the same nights on grids that cannot be laid over each
other, so epochs are matched within a night, a stage and a derivation by the rank
of their mobility: the slowest to the slowest.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

N_BANDS = 5
MOBILITY = 5
FEWEST = 3
CENTRES_HZ = np.array([1.5, 6.0, 10.0, 14.0, 21.0])
N2, N3 = 2, 3
EOG = 2


def match_bands(
    path: Path,
    rows: NDArray[np.float32],
    stages: NDArray[np.int8],
    records: NDArray[np.str_],
) -> NDArray[np.float32]:
    """Return each row's relative band powers, or nan.

    Only from the same recording, so no subject learns from another. The EOG's are
    used in N2 and N3 alone: the table's signal was cleaned of eye movements.

    Parameters
    ----------
    path : Path
        ``spectral.npz``.
    rows : ndarray of float32, shape (n_epochs, 3, 13)
    stages : ndarray of int8, shape (n_epochs,)
    records : ndarray of str, shape (n_epochs,)

    Returns
    -------
    ndarray of float32, shape (n_epochs, 3, 5)
        Sums to 1 where known.
    """
    with np.load(path) as archive:
        shares = archive["features"][..., N_BANDS:].astype(np.float32)
        labels, nights = archive["labels"], archive["record"]
    whole = np.isfinite(shares).all((1, 2)) & (shares.sum(-1) > 0).all(1)
    shares, labels, nights = shares[whole], labels[whole], nights[whole]
    shares /= shares.sum(-1, keepdims=True)
    bands = np.full((len(rows), 3, N_BANDS), np.nan, np.float32)
    for night in np.unique(records):
        ours, theirs = records == night, nights == night
        for stage in range(5):
            here = np.flatnonzero(ours & (stages == stage))
            there = np.flatnonzero(theirs & (labels == stage))
            if len(there) >= FEWEST:
                bands[here] = _matched(rows[here], shares[there])
    bands[~np.isin(stages, (N2, N3)), EOG] = np.nan
    return bands


def _matched(
    rows: NDArray[np.float32], shares: NDArray[np.float32]
) -> NDArray[np.float32]:
    quickness = shares @ CENTRES_HZ**2
    matched = np.empty((len(rows), 3, N_BANDS), np.float32)
    for derivation in range(3):
        rank = rows[:, derivation, MOBILITY].argsort().argsort()
        at = ((rank + 0.5) / len(rows) * len(shares)).astype(int)
        slowest_first = shares[quickness[:, derivation].argsort(), derivation]
        matched[:, derivation] = slowest_first[at]
    return matched
