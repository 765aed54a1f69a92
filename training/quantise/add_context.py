"""Give a packaged network a context head, a calibration, and its figures."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from gateway.staging.model_card import pack, read_golden, unpack
from training.data.real_pieces import read_piece_nights
from training.evaluate.held_out import (
    HeldOutStaging,
    accuracy_lost_with_packets,
    judge_all_stages,
    judge_held_out,
)
from training.network.channel_subsets import CONDITIONS, WHOLE, NightScorer
from training.network.context_head import HeadTrainingSettings
from training.network.fit_context_head import fit_head
from training.network.temperature import fit_temperature
from training.quantise.card_text import with_context
from training.quantise.quantised import Quantised
from training.surrogates.nights import UNSTAGED, SurrogateNight, read_nights

N_RECORDERS = 4  # that give each real night: its own and three others
LEAST_PROBABILITY = 1e-12
MOST_TAUGHT = 60  # nights, one of each subject, for 3,011 parameters


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
        From `training.quantise.package`, with or without a head.
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
    temperature = _temperature(scorer, unseen, data)
    n_taught = MOST_TAUGHT if n_nights is None else min(n_nights, MOST_TAUGHT)
    known = [
        scorer.score(night, condition, temperature, rerecorded=True)
        for number, night in enumerate(read_nights(work, "train", n_taught))
        for condition in list(CONDITIONS)[number % 2 :: 2]  # two of four, in turn
    ]
    known += [
        scorer.score_pieces(night, temperature, recorder)
        for night in read_piece_nights(data, "train")
        for recorder in range(N_RECORDERS)
    ]
    calm = [
        scorer.score(night, condition, temperature)
        for night in unseen
        for condition in CONDITIONS
    ] + [
        scorer.score_pieces(night, temperature)
        for night in read_piece_nights(data, "validation")
    ]
    course = HeadTrainingSettings(seed=seed)
    head = fit_head(known, calm, course)
    staging = HeldOutStaging(
        scorer, temperature, Quantised(head.flatbuffer), head.described.temperature
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
        temperature=temperature,
        context=head.described,
        about=note,
    )
    golden = read_golden(package, source)
    return pack(flatbuffer, made, golden, head.flatbuffer, head.golden)


def _temperature(
    scorer: NightScorer, surrogates: Iterable[SurrogateNight], data: Path
) -> float:
    """Return the temperature of validation people's real pieces and surrogates."""
    nights = [
        scorer.score_pieces(night, 1.0)
        for night in read_piece_nights(data, "validation")
    ] + [scorer.score(night, WHOLE, 1.0) for night in surrogates]
    known = [night.stages != UNSTAGED for night in nights]
    raw = [night.raw[there] for night, there in zip(nights, known, strict=True)]
    stages = [night.stages[there] for night, there in zip(nights, known, strict=True)]
    logits = np.log(np.maximum(np.concatenate(raw), LEAST_PROBABILITY))
    return round(fit_temperature(logits, np.concatenate(stages)), 3)
