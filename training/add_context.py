"""Give a packaged network a context head, a calibration, and its figures."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.staging.model_card import CHANNEL_SEPARATOR, pack, read_golden, unpack
from training.about import with_context
from training.augment import SUBSETS
from training.conditions import CONDITIONS, NightScorer, Temperatures
from training.context import Course
from training.head_fit import fit_head
from training.held_out import (
    Staging,
    accuracy_lost_with_packets,
    judge_all_stages,
    judge_held_out,
)
from training.nights import UNSTAGED, Night, read_nights, staged
from training.quantised import Quantised
from training.temperature import fit_temperature

WHOLE = "3 channels"
N_CALIBRATION = 2000  # epochs for sets of channels that no figure is given of


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
    temperatures = _temperatures(scorer, unseen)
    known = [
        scorer.score(night, condition, temperatures, rerecorded=True)
        for number, night in enumerate(read_nights(work, "train", n_nights))
        for condition in list(CONDITIONS)[number % 2 :: 2]  # two of four, in turn
    ]
    calm = [
        scorer.score(night, condition, temperatures)
        for night in unseen
        for condition in CONDITIONS
    ]
    course = Course(seed=seed)
    head = fit_head(known, calm, course)
    staging = Staging(
        scorer, temperatures, Quantised(head.flatbuffer), head.described.temperature
    )
    taught = {"parameters": head.n_parameters, "conditions": list(CONDITIONS)}
    taught |= {"nights": len({of.record for of in known}), **asdict(course)}
    note = with_context(
        card.about,
        taught,
        judge_held_out(staging, data, work),
        accuracy_lost_with_packets(staging, work),
    ) | {"one_patient_with_all_stages": judge_all_stages(staging, data)}
    made = replace(
        card,
        name=Path(source).stem,
        temperature=temperatures[WHOLE],
        temperatures=_by_channels(temperatures, card.channels, scorer, unseen),
        context=head.described,
        about=note,
    )
    golden = read_golden(package, source)
    return pack(flatbuffer, made, golden, head.flatbuffer, head.golden)


def _temperatures(scorer: NightScorer, nights: list[Night]) -> Temperatures:
    stages = _stages(nights)
    return {
        condition: _fitted(
            [scorer.logits(night, condition) for night in nights], stages
        )
        for condition in CONDITIONS
    }


def _by_channels(
    temperatures: Temperatures,
    channels: tuple[str, ...],
    scorer: NightScorer,
    nights: list[Night],
) -> dict[str, float]:
    """Return the temperature of every set of channels, by their names."""
    epochs = staged(nights)
    every = max(1, len(epochs.stages) // N_CALIBRATION)
    uv, stages = epochs.uv[::every].astype(np.float32), epochs.stages[::every]
    found = {}
    for subset in SUBSETS:
        names = [c for c, there in zip(channels, subset, strict=True) if there]
        same = [t for n, t in temperatures.items() if (CONDITIONS[n] == subset).all()]
        found[CHANNEL_SEPARATOR.join(names)] = (
            same[0]
            if same
            else _fitted([scorer.network.infer(uv * subset[:, None])], stages)
        )
    return found


def _fitted(logits: list[NDArray[np.float64]], stages: NDArray[np.int8]) -> float:
    return round(fit_temperature(np.concatenate(logits), stages), 3)


def _stages(nights: Iterable[Night]) -> NDArray[np.int8]:
    stages = np.concatenate([night.stages for night in nights])
    return np.asarray(stages[stages != UNSTAGED])
