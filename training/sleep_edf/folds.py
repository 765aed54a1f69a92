"""Folds of people: trained on, chosen by, judged by. Pure.

``subjects``: nobody is in two of the three. ``paper``: as the published script of
ULW-SleepNet cuts (`DataGenerator.getFold`, `ModelCheckpoint` in ``train.py``): by
recordings, so that a person's two nights fall on both sides; the last recordings
that fill no fold are never used; and the fold that is reported chooses the weights.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from training.errors import TrainingDataError
from training.sleep_edf.catalogue import subject_of

PROTOCOLS = ("subjects", "paper")
LEAVE_ONE_OUT_UP_TO = 20  # subjects; more are dealt into ten folds
USUAL_FOLDS = 10
VALIDATION_SHARE = 0.1  # of the subjects that are not judged by
FEWEST_SUBJECTS = 3
LOT = 20_000_101  # draws validation subjects and folds; not the training's seed


@dataclass(frozen=True, slots=True)
class Fold:
    """One division of the nights, by name.

    Attributes
    ----------
    train, validation, test : tuple of str
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]

    def document(self) -> dict[str, list[str]]:
        """Return the lists, as JSON types."""
        return {name: list(nights) for name, nights in asdict(self).items()}


def divide(
    nights: Sequence[str], protocol: str = "subjects", n_folds: int | None = None
) -> list[Fold]:
    """Return the folds; they depend on the nights' names alone.

    Parameters
    ----------
    nights : sequence of str
        E.g. ``"SC4001"``.
    protocol : str
        ``"subjects"`` or ``"paper"``.
    n_folds : int or None
        Default: one for each of up to 20 subjects, else 10; 10 for the paper's.

    Raises
    ------
    TrainingDataError
        If there are too few for it.
    """
    nights = sorted(nights)
    if protocol == "paper":
        return _by_recording(nights, n_folds or USUAL_FOLDS)
    subjects = sorted({subject_of(night) for night in nights})
    leave_one_out = len(subjects) <= LEAVE_ONE_OUT_UP_TO
    n_folds = n_folds or (len(subjects) if leave_one_out else USUAL_FOLDS)
    if not len(subjects) >= FEWEST_SUBJECTS or not 1 < n_folds <= len(subjects):
        raise TrainingDataError(
            f"{len(subjects)} subjects cannot be divided into {n_folds} folds to "
            "train on, to choose by and to judge by"
        )
    shuffled = np.random.default_rng(LOT).permutation(subjects).tolist()
    order = subjects if n_folds == len(subjects) else shuffled
    folds = []
    for number in range(n_folds):
        test = order[number::n_folds]
        rest = [subject for subject in subjects if subject not in test]
        validation = choose_validation(rest, number)
        folds.append(_fold(nights, validation, test))
    return folds


def final_fold(nights: Sequence[str]) -> Fold:
    """Return the division for weights to be used: nobody is left to judge by."""
    nights = sorted(nights)
    subjects = sorted({subject_of(night) for night in nights})
    return _fold(nights, choose_validation(subjects, LOT), [])


def choose_validation(subjects: Sequence[str], number: int) -> list[str]:
    """Draw a tenth of `subjects`, at least one."""
    n_chosen = max(1, round(VALIDATION_SHARE * len(subjects)))
    rng = np.random.default_rng([LOT, number])
    return sorted(rng.choice(list(subjects), n_chosen, replace=False).tolist())


def _fold(
    nights: Sequence[str], validation: Sequence[str], test: Sequence[str]
) -> Fold:
    def of(subjects: Sequence[str]) -> tuple[str, ...]:
        return tuple(night for night in nights if subject_of(night) in subjects)

    kept = of(validation), of(test)
    train = tuple(n for n in nights if n not in kept[0] and n not in kept[1])
    return Fold(train, *kept)


def _by_recording(nights: Sequence[str], n_folds: int) -> list[Fold]:
    length = len(nights) // n_folds
    if not length or n_folds < 2:  # noqa: PLR2004 (to train on one, to judge by another)
        raise TrainingDataError(
            f"{len(nights)} recordings cannot be divided into {n_folds} folds"
        )
    used = nights[: n_folds * length]
    folds = []
    for number in range(n_folds):
        test = tuple(used[number * length : (number + 1) * length])
        train = tuple(night for night in used if night not in test)
        folds.append(Fold(train, test, test))
    return folds
