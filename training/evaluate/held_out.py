"""Scores of a packaged model on people and recorders it was never trained on."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gateway.preprocessing.filtering import Band
from training.data.dataset import (
    APNOEA_TRAINING,
    APNOEA_VALIDATION,
    Recorded,
    read_apnoea_nights,
    read_runs,
)
from training.data.real_pieces import read_piece_nights
from training.evaluate.intervals import ScoredEpochs, agreement, figures, joined
from training.evaluate.metrics import NAMES, compare
from training.network.channel_subsets import CONDITIONS, NightScorer, spread
from training.network.context_head import ScoredNights, windows
from training.network.temperature import probabilities
from training.quantise.quantised import Quantised
from training.surrogates.nights import UNSTAGED, read_nights, staged
from training.surrogates.recorders import lose_packets

LOSSES = (0.01, 0.05, 0.1)  # of the packets, in bursts up to 2 s
N_LOSSY = 12_000
REAL_NIGHTS = "real nights, 5-s pieces of Fpz-Cz mirrored to 30 s"
SLEEP = (1, 2, 3, 4)
SHOWN = ("accuracy", "kappa", "macro_f1", "ece")


@dataclass(frozen=True, slots=True, eq=False)
class HeldOutStaging:
    """A quantised network and its head, each with its temperature."""

    network: NightScorer
    temperature: float
    head: Quantised
    head_temperature: float

    def in_context(self, scored: ScoredNights) -> ScoredNights:
        """Return what the head makes of a night."""
        logits = self.head.values(windows(scored))
        proba = probabilities(logits, self.head_temperature)
        return ScoredNights(scored.record, proba, scored.stages)


def judge_held_out(
    staging: HeldOutStaging, data: Path, work: Path
) -> dict[str, dict[str, object]]:
    """Return the figures of everything the model was not trained on, by name.

    With the words "epoch alone" for the network by itself, "in context" with the head.
    """
    pieces = [
        staging.network.score_pieces(night, staging.temperature)
        for night in read_piece_nights(data, "test")
    ]
    found = _both(REAL_NIGHTS, pieces, staging)
    nights = list(read_nights(work, "test"))
    for name in CONDITIONS:
        alone = [
            staging.network.score(night, name, staging.temperature) for night in nights
        ]
        found |= _both(f"surrogate nights, {name}", alone, staging)
    for name in CONDITIONS:
        runs = [_scored_run(staging, run, name) for run in read_runs(data, Band())]
        there = [run for run in runs if run is not None]
        found |= _both(f"real cassette cuts, {name}", there, staging)
    title = "real UCDDB central EEG as Fpz-Cz, unseen patients"
    return found | _both(title, _unseen_patients(staging, data), staging)


def judge_all_stages(
    staging: HeldOutStaging, data: Path
) -> dict[str, dict[str, object]]:
    """Return the figures of every unseen patient of whom all of sleep is there.

    The others' fragments are of wake and deep sleep only.
    """
    found: dict[str, dict[str, object]] = {}
    for patient in _unseen_patients(staging, data):
        if np.isin(SLEEP, patient.stages).all():
            found |= _both(patient.record, [patient], staging)
    return found


def accuracy_lost_with_packets(staging: HeldOutStaging, work: Path) -> dict[str, float]:
    """Return by how much each loss of packets lowers the accuracy of test epochs."""
    test = staged(read_nights(work, "test"))
    chosen = np.random.default_rng(0).permutation(len(test.stages))[:N_LOSSY]
    whole = test.uv[chosen].astype(np.float32)
    stages = test.stages[chosen]
    accuracy = compare(stages, staging.network.network.infer(whole).argmax(1)).accuracy
    lost = {}
    for fraction in LOSSES:
        rng = np.random.default_rng(1)
        uv = whole.copy()
        for epoch in uv:
            lose_packets(epoch, fraction, rng)
        left = compare(stages, staging.network.network.infer(uv).argmax(1)).accuracy
        lost[f"{fraction:.0%}"] = round(accuracy - left, 4)
    return lost


def _both(
    name: str, alone: list[ScoredNights], staging: HeldOutStaging
) -> dict[str, dict[str, object]]:
    together = [staging.in_context(of) for of in alone]
    return {
        f"{name}, epoch alone": _brief(_judged(alone)),
        f"{name}, in context": _brief(_judged(together)),
    }


def _scored_run(
    staging: HeldOutStaging, run: Recorded, condition: str
) -> ScoredNights | None:
    present = CONDITIONS[condition]
    if not (run.uv.any((0, 2)) >= present).all():
        return None  # a channel asked for was not recorded
    logits = staging.network.network.infer(run.uv * present[:, None])
    proba = probabilities(logits, staging.temperature)
    return spread(f"SC4{run.subjects[0]}", proba, run.stages)


def _unseen_patients(staging: HeldOutStaging, data: Path) -> list[ScoredNights]:
    return [
        _scored_patient(staging, night)
        for night in read_apnoea_nights(data, Band())
        if night.subjects[0] not in (*APNOEA_TRAINING, *APNOEA_VALIDATION)
    ]


def _scored_patient(staging: HeldOutStaging, night: Recorded) -> ScoredNights:
    """Return a night of single-channel fragments, its holes included."""
    uv = night.uv[night.stages != UNSTAGED]
    logits = staging.network.network.infer(uv)
    proba = probabilities(logits, staging.temperature)
    return spread(str(night.subjects[0]), proba, night.stages)


def _judged(nights: Iterable[ScoredNights]) -> ScoredEpochs:
    parts = []
    for night in nights:
        known = night.stages != UNSTAGED
        name = night.record
        person = name[3:5] if name.startswith("SC4") else name
        subjects = np.full(int(known.sum()), person)
        parts.append(ScoredEpochs(subjects, night.stages[known], night.raw[known]))
    return joined(parts)


def _brief(judged: ScoredEpochs) -> dict[str, object]:
    """Return the figures that go on a card."""
    table = figures(judged)
    f1 = agreement(judged).f1
    return {
        "n_subjects": table["n_subjects"],
        "n_epochs": table["n_epochs"],
        **{name: _rounded(table[name]) for name in SHOWN},
        "f1": {
            name: round(value, 3)
            for name, value in zip(NAMES, f1, strict=True)
            if value == value  # noqa: PLR0124 (nan is no JSON)
        },
        "confusion": table["confusion"],
    }


def _rounded(figure: object) -> object:
    if not isinstance(figure, dict):
        return figure
    interval = figure["interval_95"]
    return {
        "value": round(figure["value"], 3),
        "interval_95": interval and [round(end, 3) for end in interval],
    }
