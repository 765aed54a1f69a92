"""From scored nights to a context head that can be packed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gateway.staging.context import ContextHead
from gateway.staging.golden_vectors import GoldenVectors
from training.network.context_head import (
    N_EPOCHS,
    HeadTrainingSettings,
    ScoredNights,
    count_parameters,
    teach,
    windows,
)
from training.network.temperature import fit_temperature
from training.quantise.export_head import convert_head, head_ranges
from training.quantise.quantised import Quantised, answered

EVERY = 7  # windows that set the ranges
N_GOLDEN = 8


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A context head, quantised and calibrated.

    Attributes
    ----------
    flatbuffer : bytes
    described : ContextHead
        What the card says of it.
    golden : GoldenVectors
        Windows of one calm night, spread over it, and the answers.
    n_parameters : int
    """

    flatbuffer: bytes
    described: ContextHead
    golden: GoldenVectors
    n_parameters: int


def fit_head(
    known: Sequence[ScoredNights],
    calm: Sequence[ScoredNights],
    course: HeadTrainingSettings,
) -> Head:
    """Return a head taught on some nights and calibrated on others.

    Parameters
    ----------
    known, calm : sequence of ScoredNights
        Of subjects to learn from, and of subjects who set the temperature.
    course : HeadTrainingSettings
    """
    weights = teach(known, course)
    seen = np.concatenate([windows(of) for of in known])
    flatbuffer = convert_head(weights, head_ranges(weights, seen[::EVERY]))
    head = Quantised(flatbuffer)
    logits = [head.values(windows(night)[night.stages >= 0]) for night in calm]
    stages = np.concatenate([night.stages[night.stages >= 0] for night in calm])
    temperature = round(fit_temperature(np.concatenate(logits), stages), 3)
    shown = windows(calm[0])
    golden = answered(flatbuffer, shown[:: max(1, len(shown) // N_GOLDEN)][:N_GOLDEN])
    described = ContextHead(N_EPOCHS, temperature)
    return Head(flatbuffer, described, golden, count_parameters(weights))
