"""From fitted weights to the file that a gateway loads."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band
from gateway.preprocessing.input_scaling import quantise
from gateway.staging.model_card import ModelCard, pack
from training.errors import TrainingDataError
from training.evaluate.intervals import ScoredEpochs, figures, joined
from training.evaluate.metrics import beside
from training.network.architecture import count_parameters
from training.network.channel_subsets import CONDITIONS, WHOLE, spread
from training.network.context_head import HeadTrainingSettings, ScoredNights, windows
from training.network.fit_context_head import Head, fit_head
from training.network.temperature import fit_temperature, probabilities
from training.quantise.distil import DistillationSettings
from training.quantise.export import fold
from training.quantise.quantised import Quantised, answered
from training.quantise.to_int8 import to_int8
from training.sleep_edf.catalogue import subject_of
from training.sleep_edf.crossvalidate import DATA, RESULT, WEIGHTS
from training.sleep_edf.inference import logits_of
from training.sleep_edf.nights import Epochs, PreparedNight, read_nights
from training.surrogates.augment import SCALE_UV, augment, network_input
from training.surrogates.nights import UNSTAGED

N_CALIBRATION = 300
N_GOLDEN = 4
LARGEST = 64 * 1024
LIMITS = (
    "Research use. Not a medical device: it diagnoses nothing.",
    "Healthy adults, one recorder, Fpz-Cz, Pz-Oz and EOG; a headband's lie elsewhere.",
    "Stages of Rechtschaffen and Kales with 3 and 4 merged, not the AASM's.",
)


def export_run(
    prepared: Path,
    runs: Path,
    run: Path,
    name: str,
    steps: tuple[int, int] = (
        DistillationSettings().steps,
        HeadTrainingSettings().steps,
    ),
) -> bytes:
    """Return the package made of one fitted fold.

    Parameters
    ----------
    prepared, runs : Path
        From `prepare` and `cross_validate`.
    run : Path
        The fold below `runs`, e.g. ``final/fold-00/seed-1``.
    name : str
        On the card.
    steps : tuple of int
        Of distillation, and of teaching the context head.

    Raises
    ------
    TrainingDataError
        If it was not fitted yet, or the package comes out too large.
    """
    run = runs / run
    if not (run / RESULT).exists():
        raise TrainingDataError(
            f"{run}: not fitted; run `python -m training sleep-edf train` with its "
            "--protocol"
        )
    note = json.loads((run / RESULT).read_text())
    seed = int(note["key"]["course"]["seed"])
    with np.load(run / WEIGHTS) as archive:
        weights = dict(archive)
    by_name = {night.name: night for night in read_nights(prepared)}
    parts = {
        part: Epochs([by_name[night] for night in nights])
        for part, nights in note["key"]["fold"].items()
        if nights
    }
    batch = min(DistillationSettings().batch, len(parts["train"]))
    lesson = DistillationSettings(seed=seed, steps=steps[0], batch=batch)
    flatbuffer = _quantised(weights, parts["train"], parts["validation"], lesson)
    quantised = Quantised(flatbuffer)
    validation = parts["validation"]
    logits = quantised.infer(validation)
    temperature = round(fit_temperature(logits, validation.stages), 3)
    judged_by = parts.get("test", validation)
    course = HeadTrainingSettings(seed=seed, steps=steps[1])
    fold = note["key"]["fold"]
    known, calm, judged = (
        scored_nights(
            quantised, [by_name[name] for name in fold[part]], temperature, conditions
        )
        for part, conditions in (
            ("train", tuple(CONDITIONS)),
            ("validation", tuple(CONDITIONS)),
            ("test" if "test" in parts else "validation", (WHOLE,)),
        )
    )
    head = fit_head(known, calm, course)
    about = {
        **_provenance(note),
        "figures_int8": _figures_int8(judged, head),
        "context": {
            "sees": "hypnodensities of the last 30 epochs, none to come",
            "taught": {"parameters": head.n_parameters, **asdict(course)},
        },
        "figures_int8_are_of": "test subjects"
        if "test" in parts
        else (
            "validation subjects, which chose the weights and the temperature: a check "
            "of the export, not of the model"
        ),
        "int8_against_float": beside(
            judged_by.stages,
            quantised.infer(judged_by).argmax(1),
            logits_of(weights, judged_by).argmax(1),
        ),
        "cross_validation_float32": _cross_validation(runs),
    }
    card = ModelCard(
        name=name,
        channels=tuple(by_name[next(iter(by_name))].about["prepared"]["channels"]),
        scale_uv=tuple(map(float, SCALE_UV)),
        band=Band(),
        temperature=temperature,
        digest="",
        about=about,
        context=head.described,
    )
    pieces = answered(flatbuffer, quantised_inputs(validation, logits))
    made = pack(flatbuffer, card, pieces, head.flatbuffer, head.golden)
    if len(made) > LARGEST:
        raise TrainingDataError(f"{name}: {len(made)} bytes, more than {LARGEST}")
    return made


def quantised_inputs(epochs: Epochs, logits: NDArray[np.floating]) -> NDArray[np.int8]:
    """Return int8 inputs of the epochs scored most clearly, one a stage.

    So clearly that no kernel's rounding can change their stage.
    """
    ordered = np.sort(logits, axis=1)
    margin, scored = ordered[:, -1] - ordered[:, -2], logits.argmax(1)
    chosen = [
        int(of_stage[margin[of_stage].argmax()])
        for stage in np.unique(scored)
        if len(of_stage := np.flatnonzero(scored == stage))
    ]
    return quantise(network_input(epochs[np.array(chosen[:N_GOLDEN])])[..., 0])


def _quantised(
    weights: dict[str, Any],
    train: Epochs,
    validation: Epochs,
    lesson: DistillationSettings,
) -> bytes:
    rng = np.random.default_rng(lesson.seed)
    some = np.sort(rng.permutation(len(validation))[:N_CALIBRATION])
    return to_int8(fold(weights), augment(validation[some], rng), train, lesson)


def scored_nights(
    quantised: Quantised,
    nights: Sequence[PreparedNight],
    temperature: float,
    conditions: Sequence[str],
) -> list[ScoredNights]:
    """Return the nights as the network scores them, each under each of `conditions`.

    Epochs that were left out are holes, as they will be live.
    """
    found = []
    for night in nights:
        uv = night.uv.astype(np.float32)
        stages = np.full(night.epochs[-1] - night.epochs[0] + 1, UNSTAGED, np.int8)
        stages[night.epochs - night.epochs[0]] = night.stages
        for condition in conditions:
            logits = quantised.infer(uv * CONDITIONS[condition][:, None])
            proba = probabilities(logits, temperature)
            found.append(spread(night.name, proba, stages))
    return found


def _figures_int8(nights: Sequence[ScoredNights], head: Head) -> dict[str, object]:
    interpreter, described = Quantised(head.flatbuffer), head.described
    found: dict[str, object] = {}
    for title, in_context in (("epoch alone", False), ("in context", True)):
        parts = []
        for night in nights:
            known, proba = night.stages != UNSTAGED, night.raw
            if in_context:
                logits = interpreter.values(windows(night))
                proba = probabilities(logits, described.temperature)
            subjects = np.full(known.sum(), subject_of(night.record))
            parts.append(ScoredEpochs(subjects, night.stages[known], proba[known]))
        found[title] = figures(joined(parts))
    return found


def _provenance(note: dict[str, Any]) -> dict[str, Any]:
    return {
        "architecture": "ULW-SleepNet, 3 channels, depthwise-separable",
        "trainable_parameters": count_parameters(3),
        "training_data": DATA,
        "protocol": note["key"]["fold"],
        "course": note["key"]["course"],
        "quantisation": "int8 logits distilled from float ones on training subjects",
        "limits": list(LIMITS),
        "intended_use": "research and teaching; not a medical device",
        "licence": "MIT",
        "made_with": {"tensorflow-cpu": tf.__version__},
        "retrain": "python -m training sleep-edf all FOLDER OUT",
    }


def _cross_validation(runs: Path) -> dict[str, Any] | str:
    path = runs / "subjects" / RESULT
    if not path.exists():
        return "not done"
    result = json.loads(path.read_text())
    return {"folds": len(result["folds"]), **result["figures"]}
