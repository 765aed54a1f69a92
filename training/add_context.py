"""Give a packaged network a context head, a calibration, and its figures."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.staging.context import ContextHead
from gateway.staging.golden import Golden
from gateway.staging.model_card import pack, read_golden, unpack
from training.about import with_context
from training.conditions import NightScorer
from training.context import (
    N_EPOCHS,
    Course,
    Scored,
    count_parameters,
    teach,
    windows,
)
from training.head_export import convert_head, head_ranges
from training.held_out import Staging, accuracy_lost_with_packets, judge_held_out
from training.nights import UNSTAGED, Night, read_nights
from training.quantised import Quantised, answered
from training.temperature import fit_temperature

EVERY = 7  # windows that set the ranges
N_GOLDEN = 8
WHOLE = "3 channels"
TAUGHT = (WHOLE, "Fpz-Cz")  # conditions under which nights are scored to teach


def add_context(  # noqa: PLR0913 (named)
    package: bytes,
    source: str,
    *,
    data: Path,
    work: Path,
    n_nights: int | None = None,
    seed: int = 1,
) -> bytes:
    """Return the package with a head taught on the nights in `work`.

    Parameters
    ----------
    package : bytes
        From `training.package`, with or without a head.
    source : str
        Its file's name, which becomes the model's.
    data, work : Path
        Real data, for the figures; surrogates.
    n_nights : int or None
        To be taught on, at most.
    seed : int
    """
    flatbuffer, card = unpack(package, source)
    scorer = NightScorer(flatbuffer, work)
    unseen = list(read_nights(work, "validation"))
    temperature = round(
        fit_temperature(
            np.concatenate([scorer.logits(night, WHOLE) for night in unseen]),
            _stages(unseen),
        ),
        3,
    )
    known = [
        scorer.score(night, condition, temperature)
        for night in read_nights(work, "train", n_nights)
        for condition in TAUGHT
    ]
    course = Course(seed=seed)
    weights = teach(known, course)
    seen = np.concatenate([windows(of) for of in known])
    head = convert_head(weights, head_ranges(weights, seen[::EVERY]))
    calm = [scorer.score(night, WHOLE, temperature) for night in unseen]
    context = ContextHead(N_EPOCHS, _head_temperature(head, calm))
    staging = Staging(scorer, temperature, Quantised(head), context.temperature)
    taught = {"parameters": count_parameters(weights), "conditions": list(TAUGHT)}
    taught |= {"nights": len(known) // len(TAUGHT), **asdict(course)}
    note = with_context(
        card.about,
        taught,
        judge_held_out(staging, data, work),
        accuracy_lost_with_packets(staging, work),
    )
    return pack(
        flatbuffer,
        replace(
            card,
            name=Path(source).stem,
            temperature=temperature,
            context=context,
            about=note,
        ),
        read_golden(package, source),
        head,
        _golden(head, calm),
    )


def _stages(nights: Iterable[Night] | Iterable[Scored]) -> NDArray[np.int8]:
    stages = np.concatenate([night.stages for night in nights])
    return np.asarray(stages[stages != UNSTAGED])


def _head_temperature(head: bytes, nights: list[Scored]) -> float:
    interpreter = Quantised(head)
    logits = [
        interpreter.values(windows(night)[night.stages != UNSTAGED]) for night in nights
    ]
    return round(fit_temperature(np.concatenate(logits), _stages(nights)), 3)


def _golden(head: bytes, nights: list[Scored]) -> Golden:
    """Return windows of the first validation night, spread over it."""
    seen = windows(nights[0])
    return answered(head, seen[:: len(seen) // N_GOLDEN][:N_GOLDEN])
