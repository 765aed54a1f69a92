"""Stages and probabilities of `sleepgate score`, compared between two machines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PROBABILITIES = ("proba", "raw_proba")


@dataclass(frozen=True, slots=True)
class Difference:
    """How two scorings of a night differ.

    Attributes
    ----------
    stages : tuple of str
        Those of the first, in order; the reason where an epoch was refused.
    other : tuple of int
        Epochs with another stage, or refused for another reason.
    apart : float
        Largest difference of a probability, in context or of the epoch alone.
    """

    stages: tuple[str, ...]
    other: tuple[int, ...]
    apart: float


def read_scores(lines: str) -> list[dict[str, Any]]:
    """Return the documents of the epochs, without that of the summary."""
    documents = map(json.loads, lines.splitlines())
    return [document for document in documents if "epoch" in document]


def difference(
    first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]
) -> Difference:
    """Compare two scorings, epoch by epoch.

    Raises
    ------
    ValueError
        If they have not the same epochs, or none.
    """
    numbers = [[each["epoch"] for each in scoring] for scoring in (first, second)]
    if numbers[0] != numbers[1] or not numbers[0]:
        raise ValueError(f"epochs {numbers[0]} and {numbers[1]}")
    pairs = list(zip(first, second, strict=True))
    return Difference(
        tuple(map(_stage, first)),
        tuple(one["epoch"] for one, other in pairs if _stage(one) != _stage(other)),
        max(_apart(one, other) for one, other in pairs),
    )


def _stage(document: Mapping[str, Any]) -> str:
    return str(document["stage"] if document["scored"] else document["reason"])


def _apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return max(
        (
            abs(one[name][stage] - other[name][stage])
            for name in PROBABILITIES
            if one[name] and other[name]
            for stage in one[name]
        ),
        default=0.0,
    )
