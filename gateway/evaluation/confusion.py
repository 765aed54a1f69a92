"""Confusion matrix of two scorings, and its figures: accuracy, Cohen's kappa, F1. Pure.

A matrix has shape (..., n, n): rows by the reference's class, columns by ours. Leading
axes are kept, so that a thousand draws of a bootstrap are one call. A figure that does
not exist is nan: a kappa where chance leaves no room, the F1 of a class nobody scored.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gateway.staging.stage import STAGES

Array = NDArray[np.float64]


def confusion_matrix(
    reference: ArrayLike, ours: ArrayLike, n_classes: int = len(STAGES)
) -> NDArray[np.int64]:
    """Count how each class of the reference was scored.

    Parameters
    ----------
    reference, ours : array_like of int, shape (n_epochs,)
        Classes from 0, in the order of `STAGES`.
    n_classes : int

    Returns
    -------
    ndarray of int64, shape (n_classes, n_classes)

    Examples
    --------
    >>> confusion_matrix([0, 1, 1], [0, 1, 0], n_classes=2).tolist()
    [[1, 0], [1, 1]]
    """
    counts = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(counts, (np.asarray(reference, int), np.asarray(ours, int)), 1)
    return counts


def accuracy(confusion: NDArray[Any]) -> Array:
    """Return the fraction of equal classes; nan without any epoch."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def cohen_kappa(confusion: NDArray[Any]) -> Array:
    """Return the agreement beyond chance; nan where chance leaves no room for any.

    Cohen 1960, Educ. Psychol. Meas. 20:37.

    Examples
    --------
    >>> round(float(cohen_kappa(np.array([[20, 5], [10, 15]]))), 3)
    0.4
    """
    n_epochs = confusion.sum((-2, -1))
    by_chance = (confusion.sum(-2) * confusion.sum(-1)).sum(-1)
    chance = _ratio(by_chance, n_epochs * n_epochs)
    # as counts: in floats a chance of 1 can come out a little less
    room = np.where(by_chance == n_epochs * n_epochs, np.nan, 1 - chance)
    return np.asarray((accuracy(confusion) - chance) / room)


def f1_scores(confusion: NDArray[Any]) -> Array:
    """Return the F1 of each class, shape (..., n); nan where nobody scored it."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(2 * hits, confusion.sum(-2) + confusion.sum(-1))


def macro_f1(confusion: NDArray[Any]) -> Array:
    """Return the mean F1 of the classes that either scored; nan where none is."""
    scores = f1_scores(confusion)
    exists = ~np.isnan(scores)
    return _ratio(np.where(exists, scores, 0).sum(-1), exists.sum(-1))


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Array:
    part, whole = np.asarray(part), np.asarray(whole)
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
