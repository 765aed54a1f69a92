"""Quantise trained weights, measure them, and write the file that ships."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.band import Band
from gateway.staging.model_card import ModelCard, pack
from training.about import about
from training.augment import SCALE_UV, SUBSETS, augment, network_input
from training.dataset import Recorded
from training.distil import Lesson, distil
from training.evaluate import evaluate, read_surrogates
from training.export import activation_ranges, convert, fold
from training.quantised import Quantised, golden
from training.train import infer

NAME = "ulw-sleepnet-3ch-v1"
CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
N_CALIBRATION = 300
N_COMPARED = 2000
TEMPERATURES = np.exp(np.linspace(np.log(0.3), np.log(3.0), 200))
N_AUDITIONED = 50
GOLDEN_STAGES = (0, 2, 3, 4)
GOLDEN_SUBSETS = (0, 1, 4, 0)  # of SUBSETS: all, no Pz-Oz, Fpz-Cz alone, all


def package(data: Path, work: Path, seed: int) -> bytes:
    """Return the model file made of ``weights.npz`` in `work`.

    Parameters
    ----------
    data : Path
        Real data, for the figures on the card.
    work : Path
        Holds the surrogates and the weights.
    seed : int
        Of the calibration and distillation epochs' gains and absent channels.
    """
    with np.load(work / "weights.npz") as archive:
        weights = dict(archive)
    validation = read_surrogates(work / "validation.npz")
    folded = fold(weights)
    sample = augment(validation.uv[:N_CALIBRATION], np.random.default_rng(seed))
    ranges = activation_ranges(folded, network_input(sample))
    lessons = read_surrogates(work / "train.npz").uv
    flatbuffer = convert(distil(folded, ranges, lessons, Lesson(seed=seed)), ranges)
    quantised = Quantised(flatbuffer)
    temperature = _temperature(quantised.infer(validation.uv), validation.stages)
    figures = {
        name: agreement.document()
        for name, agreement in evaluate(quantised.infer, data, work).items()
    }
    same = _same_stage(quantised, weights, read_surrogates(work / "test.npz"))
    showpieces = _showpieces(validation, quantised)
    card = ModelCard(
        name=NAME,
        channels=CHANNELS,
        scale_uv=tuple(map(float, SCALE_UV)),
        band=Band(),
        temperature=round(temperature, 3),
        digest="",
        about=about(work, figures, same, tf.__version__),
    )
    return pack(flatbuffer, card, golden(flatbuffer, showpieces))


def _temperature(logits: NDArray[np.float64], stages: NDArray[np.integer]) -> float:
    """Return the temperature under which `stages` are likeliest (Guo 2017)."""

    def surprise(temperature: float) -> float:
        scaled = logits / temperature
        scaled -= scaled.max(1, keepdims=True)
        normal = np.log(np.exp(scaled).sum(1))
        return float((normal - scaled[np.arange(len(stages)), stages]).mean())

    return float(min(TEMPERATURES, key=surprise))


def _same_stage(
    quantised: Quantised, weights: dict[str, Any], test: Recorded
) -> dict[str, float]:
    same = {}
    for subset in SUBSETS:
        name = ", ".join(c for c, there in zip(CHANNELS, subset, strict=True) if there)
        uv = test.uv[:N_COMPARED] * subset[:, None]
        scored = quantised.infer(uv).argmax(1) == infer(weights, uv).argmax(1)
        same[name] = round(float(scored.mean()), 4)
    return same


def _showpieces(validation: Recorded, quantised: Quantised) -> NDArray[np.float32]:
    """Return a W, N2, N3 and REM epoch, some with channels absent.

    Those scored most clearly, so that no kernel's rounding can change their stage.
    """
    pieces = []
    for stage, subset in zip(GOLDEN_STAGES, GOLDEN_SUBSETS, strict=True):
        of_stage = np.flatnonzero(validation.stages == stage)[:N_AUDITIONED]
        uv = validation.uv[of_stage] * SUBSETS[subset][:, None]
        logits = quantised.infer(uv)
        others = np.delete(logits, stage, axis=1).max(1)
        pieces.append(uv[(logits[:, stage] - others).argmax()])
    return np.array(pieces)
