"""How well a network scores what it has never seen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.band import Band
from training.dataset import Recorded, read_apnoea, read_cuts
from training.metrics import Agreement, compare

Infer = Callable[[NDArray[np.float32]], NDArray[np.floating]]
FPZ_CZ, ALL = [0], [0, 1, 2]


def read_surrogates(path: Path) -> Recorded:
    """Read surrogates written by `training.generate`."""
    with np.load(path) as archive:
        uv = archive["uv"].astype(np.float32)
        return Recorded(uv, archive["stages"], archive["subjects"])


def evaluate(infer: Infer, data: Path, work: Path) -> dict[str, Agreement]:
    """Score every set the network was not trained on.

    Parameters
    ----------
    infer : callable
        Microvolts (n_epochs, 3, 3000) to logits (n_epochs, 5).
    data, work : Path
        Real data; surrogates.

    Returns
    -------
    dict of str to Agreement
        By a name that says what was scored and with which channels.
    """
    test = read_surrogates(work / "test.npz")
    cuts = read_cuts(data, Band())
    recorded = cuts.uv.any(-1)
    whole = Recorded(*(of[recorded.all(1)] for of in _columns(cuts)))
    apnoea = read_apnoea(data, Band())
    return {
        "surrogates, 3 channels": _score(infer, test, ALL),
        "surrogates, Fpz-Cz": _score(infer, test, FPZ_CZ),
        "surrogates, Fpz-Cz and EOG": _score(infer, test, [0, 2]),
        "real cassette cuts, 3 channels": _score(infer, whole, ALL),
        "real cassette cuts, Fpz-Cz": _score(infer, cuts, FPZ_CZ),
        "real cassette cuts, Fpz-Cz and EOG": _score(infer, whole, [0, 2]),
        "real cassette cuts, Pz-Oz": _score(infer, whole, [1]),
        "real UCDDB central EEG as Fpz-Cz": _score(infer, apnoea, FPZ_CZ),
    }


def _columns(
    recorded: Recorded,
) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.str_]]:
    return recorded.uv, recorded.stages, recorded.subjects


def _score(infer: Infer, epochs: Recorded, channels: list[int]) -> Agreement:
    uv = np.zeros_like(epochs.uv)
    uv[:, channels] = epochs.uv[:, channels]
    n_subjects = len(set(epochs.subjects))
    return compare(epochs.stages, infer(uv).argmax(1), n_subjects)
