"""From fitted weights to the file that a gateway loads."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.band import Band
from gateway.preprocessing.scale import quantise
from gateway.staging.model_card import ModelCard, pack
from training.architecture import count_parameters
from training.augment import SCALE_UV, augment, network_input
from training.distil import Lesson, distil
from training.errors import TrainingDataError
from training.export import activation_ranges, convert, fold
from training.figures import Judged, figures
from training.quantised import Quantised, answered
from training.sleep_edf.crossvalidate import DATA, RESULT, WEIGHTS
from training.sleep_edf.inference import logits_of
from training.sleep_edf.nights import Epochs, read_nights
from training.temperature import fit_temperature, probabilities

N_CALIBRATION = 300
N_GOLDEN = 4
LARGEST = 64 * 1024
LIMITS = (
    "Research use. Not a medical device: it diagnoses nothing.",
    "Healthy adults, one recorder, Fpz-Cz, Pz-Oz and EOG; a headband's lie elsewhere.",
    "Every epoch is scored by itself, without its neighbours; N1 and REM suffer.",
    "Stages of Rechtschaffen and Kales with 3 and 4 merged, not the AASM's.",
)


def export_run(
    prepared: Path, runs: Path, run: Path, name: str, steps: int = Lesson().steps
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
    steps : int
        Of distillation.

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
    batch = min(Lesson().batch, len(parts["train"]))
    lesson = Lesson(seed=seed, steps=steps, batch=batch)
    flatbuffer = _quantised(weights, parts["train"], parts["validation"], lesson)
    quantised = Quantised(flatbuffer)
    validation = parts["validation"]
    logits = quantised.infer(validation)
    temperature = fit_temperature(logits, validation.stages)
    judged_by = parts.get("test", validation)
    about = {
        **_provenance(note),
        "figures_int8": _figures_int8(quantised, judged_by, temperature),
        "figures_int8_are_of": "test subjects"
        if "test" in parts
        else (
            "validation subjects, which chose the weights and the temperature: a check "
            "of the export, not of the model"
        ),
        "int8_gives_the_stage_of_float": _same_stage(quantised, weights, judged_by),
        "cross_validation_float32": _cross_validation(runs),
    }
    card = ModelCard(
        name=name,
        channels=tuple(by_name[next(iter(by_name))].about["prepared"]["channels"]),
        scale_uv=tuple(map(float, SCALE_UV)),
        band=Band(),
        temperature=round(temperature, 3),
        digest="",
        about=about,
    )
    pieces = quantised_inputs(validation, logits)
    made = pack(flatbuffer, card, answered(flatbuffer, pieces))
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
    weights: dict[str, Any], train: Epochs, validation: Epochs, lesson: Lesson
) -> bytes:
    folded = fold(weights)
    rng = np.random.default_rng(lesson.seed)
    some = np.sort(rng.permutation(len(validation))[:N_CALIBRATION])
    ranges = activation_ranges(folded, network_input(augment(validation[some], rng)))
    return convert(distil(folded, ranges, train, lesson), ranges)


def _figures_int8(
    quantised: Quantised, epochs: Epochs, temperature: float
) -> dict[str, object]:
    proba = probabilities(quantised.infer(epochs), temperature)
    return figures(Judged(epochs.subjects, epochs.stages, proba))


def _same_stage(quantised: Quantised, weights: dict[str, Any], epochs: Epochs) -> float:
    same = quantised.infer(epochs).argmax(1) == logits_of(weights, epochs).argmax(1)
    return round(float(same.mean()), 4)


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
