"""Scores with confidence intervals over people. Pure.

Figures are pooled over epochs; the person is the unit that is drawn again for the
intervals, because a person's epochs resemble each other.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.evaluation import confusion as confusions
from training.evaluate.metrics import N_STAGES, NAMES, ConfusionScores, compare

N_BINS = 15  # of confidence; Guo et al. 2017
N_DRAWS = 2000
LEAST_PROBABILITY = 1e-6  # a stage ruled out altogether must not cost infinity
FEWEST_SUBJECTS = 2

Array = NDArray[np.float64]
Weights = NDArray[np.float64] | NDArray[np.int64]  # people, each so many times


@dataclass(frozen=True, slots=True, eq=False)
class ScoredEpochs:
    """Epochs with their true stage and what was said of them.

    Attributes
    ----------
    subjects : ndarray of str, shape (n_epochs,)
    true : ndarray of int, shape (n_epochs,)
        0-4: W N1 N2 N3 R.
    proba : ndarray of float64, shape (n_epochs, 5)
        The hypnodensity; nan where the epoch was refused.
    """

    subjects: NDArray[np.str_]
    true: NDArray[np.integer]
    proba: Array

    @property
    def answered(self) -> NDArray[np.bool_]:
        """Which epochs were scored, shape (n_epochs,)."""
        return ~np.isnan(self.proba).any(1)

    @property
    def scored(self) -> NDArray[np.int64]:
        """The likeliest stage of each epoch that was scored."""
        return np.asarray(self.proba[self.answered].argmax(1))

    @property
    def confidence(self) -> Array:
        """Probability of that stage."""
        return np.asarray(self.proba[self.answered].max(1))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether it is the true one."""
        return self.scored == self.true[self.answered]

    def only(self, which: NDArray[np.bool_]) -> "ScoredEpochs":
        """Return some of the epochs."""
        return ScoredEpochs(self.subjects[which], self.true[which], self.proba[which])


def joined(parts: list[ScoredEpochs]) -> ScoredEpochs:
    """Return all epochs of `parts`."""
    return ScoredEpochs(
        np.concatenate([of.subjects for of in parts]),
        np.concatenate([of.true for of in parts]),
        np.concatenate([of.proba for of in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Sums that every figure is made of, one row a person."""

    confusion: Array  # (n_subjects, 5, 5)
    bins: Array  # (n_subjects, N_BINS, 3): epochs, confidence, right ones
    surprise: Array  # (n_subjects,)


def figures(
    judged: ScoredEpochs, *, draws: int = N_DRAWS, seed: int = 0
) -> dict[str, object]:
    """Return the table of a scoring, as JSON types.

    Parameters
    ----------
    judged : ScoredEpochs
    draws : int
        Of people with replacement, for the 95 % intervals.
    seed : int

    Returns
    -------
    dict
        ``n_subjects``, ``n_epochs`` (scored), ``n_refused``; ``accuracy``,
        ``macro_f1``, ``kappa``, ``f1_*``, ``ece`` (15 bins, top label), ``nll``, each
        with ``value`` and ``interval_95`` (None from fewer than two people); and
        ``confusion`` (rows are true).
    """
    sums = _sums(judged)
    n_subjects = len(sums.surprise)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n_subjects, np.full(n_subjects, 1 / n_subjects), draws)
    table: dict[str, object] = {
        "n_subjects": n_subjects,
        "n_epochs": int(judged.answered.sum()),
        "n_refused": int((~judged.answered).sum()),
    }
    once = np.ones((1, n_subjects))
    for name, figure in FIGURES.items():
        value = float(figure(sums, once)[0])
        drawn = figure(sums, weights) if n_subjects >= FEWEST_SUBJECTS else None
        table[name] = {"value": _number(value), "interval_95": _interval(drawn)}
    table["confusion"] = sums.confusion.sum(0).astype(int).tolist()
    return table


def agreement(judged: ScoredEpochs) -> ConfusionScores:
    """Return the confusion of the epochs that were scored."""
    n_subjects = len(set(judged.subjects.tolist()))
    return compare(judged.true[judged.answered], judged.scored, n_subjects)


def reliability(judged: ScoredEpochs) -> tuple[Array, Array, Array]:
    """Return epochs, mean confidence and fraction right of each bin that has any."""
    bins = _sums(judged).bins.sum(0)
    bins = bins[bins[:, 0] > 0]
    return bins[:, 0], bins[:, 1] / bins[:, 0], bins[:, 2] / bins[:, 0]


def risk_coverage(judged: ScoredEpochs) -> tuple[Array, Array]:
    """Return coverage and risk as the least certain epochs are left unscored.

    Returns
    -------
    coverage, risk : ndarray of float64, shape (n_scored,)
        Fraction of all labelled epochs that are scored, rising, and fraction of
        those that are wrong (El-Yaniv and Wiener 2010).
    """
    order = np.argsort(-judged.confidence, kind="stable")
    wrong = ~judged.right[order]
    kept = np.arange(1, len(wrong) + 1)
    return kept / len(judged.true), np.cumsum(wrong) / kept


def _sums(judged: ScoredEpochs) -> _Sums:
    people = judged.subjects[judged.answered]
    names, who = np.unique(people, return_inverse=True)
    true, scored = judged.true[judged.answered], judged.scored
    confidence, right = judged.confidence, judged.right
    confusion = np.zeros((len(names), N_STAGES, N_STAGES))
    np.add.at(confusion, (who, true, scored), 1)
    where = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    bins = np.zeros((len(names), N_BINS, 3))
    np.add.at(
        bins, (who, where), np.stack([np.ones_like(confidence), confidence, right], 1)
    )
    given = judged.proba[judged.answered][np.arange(len(true)), true]
    surprise = np.bincount(
        who, -np.log(np.maximum(given, LEAST_PROBABILITY)), len(names)
    )
    return _Sums(confusion, bins, surprise.astype(np.float64))


def _confusions(sums: _Sums, weights: Weights) -> Array:
    return np.einsum("ds,sij->dij", weights, sums.confusion)


def _accuracy(sums: _Sums, weights: Weights) -> Array:
    return confusions.accuracy(_confusions(sums, weights))


def _f1s(sums: _Sums, weights: Weights) -> Array:
    return confusions.f1_scores(_confusions(sums, weights))


def _macro_f1(sums: _Sums, weights: Weights) -> Array:
    return confusions.macro_f1(_confusions(sums, weights))


def _kappa(sums: _Sums, weights: Weights) -> Array:
    return confusions.cohen_kappa(_confusions(sums, weights))


def _ece(sums: _Sums, weights: Weights) -> Array:
    bins = np.einsum("ds,sbk->dbk", weights, sums.bins)
    return np.asarray(
        np.abs(bins[:, :, 1] - bins[:, :, 2]).sum(1) / bins[:, :, 0].sum(1)
    )


def _nll(sums: _Sums, weights: Weights) -> Array:
    n_epochs = sums.bins[:, :, 0].sum(1)
    return np.asarray((weights @ sums.surprise) / (weights @ n_epochs))


def _one_f1(stage: int) -> Callable[[_Sums, Weights], Array]:
    return lambda sums, weights: _f1s(sums, weights)[:, stage]


FIGURES: dict[str, Callable[[_Sums, Weights], Array]] = {
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "kappa": _kappa,
    **{f"f1_{name}": _one_f1(stage) for stage, name in enumerate(NAMES)},
    "ece": _ece,
    "nll": _nll,
}


def _interval(drawn: Array | None) -> list[float] | None:
    if drawn is None or np.isnan(drawn).all():
        return None
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return [round(float(low), 4), round(float(high), 4)]


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
