"""Quantise trained weights, measure them, and write the file that ships."""

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band
from gateway.staging.model_card import ModelCard, pack
from training.data.dataset import Recorded
from training.data.real_pieces import read_piece_nights
from training.evaluate.metrics import beside
from training.network.architecture import N_SAMPLES
from training.network.temperature import fit_temperature
from training.network.train import infer
from training.quantise.card_text import about
from training.quantise.distil import DistillationSettings
from training.quantise.export import fold
from training.quantise.quantised import Quantised, golden
from training.quantise.to_int8 import to_int8
from training.surrogates.augment import SCALE_UV, SUBSETS, leave_out
from training.surrogates.nights import read_nights, staged

CHANNELS = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
N_CALIBRATION = 300
N_VALIDATION = 2000
N_TEST = 6000
N_AUDITIONED = 50
GOLDEN_STAGES = (0, 2, 3, 4)
GOLDEN_SUBSETS = (0, 1, 4, 0)  # of SUBSETS: all, no Pz-Oz, Fpz-Cz alone, all


def package(data: Path, work: Path, name: str, seed: int) -> bytes:
    """Return a model file made of ``weights.npz`` in `work`, without a context head.

    Parameters
    ----------
    data : Path
        Holds the real pieces.
    work : Path
        Holds the nights of surrogates and the weights.
    name : str
        The model's.
    seed : int
        Of the calibration and distillation epochs' recorders and absent channels.
    """
    with np.load(work / "weights.npz") as archive:
        weights = dict(archive)
    rng = np.random.default_rng(seed)
    validation = _some(staged(read_nights(work, "validation")), N_VALIDATION, rng)
    sample = leave_out(validation.uv[:N_CALIBRATION].astype(np.float32), rng)
    lessons = _lessons(data, work)
    flatbuffer = to_int8(
        fold(weights), sample, lessons, DistillationSettings(seed=seed)
    )
    quantised = Quantised(flatbuffer)
    logits = quantised.infer(validation.uv)
    test = _some(staged(read_nights(work, "test")), N_TEST, rng)
    card = ModelCard(
        name=name,
        channels=CHANNELS,
        scale_uv=tuple(map(float, SCALE_UV)),
        band=Band(),
        temperature=round(fit_temperature(logits, validation.stages), 3),
        digest="",
        about=about(work, _against_float(quantised, weights, test), tf.__version__),
    )
    showpieces = _showpieces(validation, quantised)
    return pack(flatbuffer, card, golden(flatbuffer, showpieces))


def _lessons(data: Path, work: Path) -> NDArray[np.float16]:
    """Return epochs of training people to distil on: surrogates and real pieces."""
    surrogates = staged(read_nights(work, "train")).uv
    nights = read_piece_nights(data, "train")
    real = np.zeros((sum(len(of.stages) for of in nights), 3, N_SAMPLES), np.float16)
    real[:, 0] = np.concatenate([night.uv for night in nights])
    return np.concatenate([surrogates, real])


def _some(epochs: Recorded, number: int, rng: np.random.Generator) -> Recorded:
    chosen = np.zeros(len(epochs.stages), bool)
    chosen[rng.permutation(len(chosen))[:number]] = True
    return epochs.only(chosen)


def _against_float(
    quantised: Quantised, weights: dict[str, Any], test: Recorded
) -> dict[str, dict[str, float]]:
    costs = {}
    for subset in SUBSETS:
        name = ", ".join(c for c, there in zip(CHANNELS, subset, strict=True) if there)
        uv = test.uv * subset[:, None]
        scored, by_float = quantised.infer(uv), infer(weights, uv)
        costs[name] = beside(test.stages, scored.argmax(1), by_float.argmax(1))
    return costs


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
