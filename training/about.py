"""The part of the card that is meant for people."""

import json
from pathlib import Path
from typing import Any

from training.architecture import count_parameters
from training.dataset import TEST_SUBJECTS, VALIDATION_SUBJECTS

LIMITS = (
    """Research use. Not a medical device: it diagnoses nothing.
Trained on surrogates: synthetic epochs with the statistics of real ones. It has \
never been fitted to a real recording.
The real cuts are a smoke test of three subjects, not a benchmark. They were looked \
at during development, though nothing was fitted to them.
Every epoch is scored by itself, without its neighbours; N1 and REM suffer.
Healthy adults, one recorder, electrodes Fpz-Cz, Pz-Oz and outer canthi. A \
headband's electrodes lie elsewhere, and no headband night was scored.
On another montage it fails: central EEG of apnoea patients, put where Fpz-Cz \
belongs, is scored at a kappa of about 0.14.
N1 is hardly ever scored, and Pz-Oz alone never gave REM.
Hypnodensities are calibrated on surrogates, not on real signal."""
).splitlines()
RETRAIN = (
    "python -m training all --data DATA --work WORK --out "
    "gateway/models/ulw-sleepnet-3ch-v1.tflite"
)


def about(
    work: Path,
    figures: dict[str, dict[str, object]],
    same_stage: dict[str, float],
    tensorflow: str,
) -> dict[str, Any]:
    """Return provenance, protocol, figures and limits, as JSON types.

    Parameters
    ----------
    work : Path
        Holds ``generate.json`` and ``train.json``, what the earlier steps did.
    figures : dict
        Of the quantised network, by what was scored.
    same_stage : dict
        Fraction of test surrogates to which the float network gives the same stage.
    tensorflow : str
        Version that trained and converted.
    """
    return {
        "architecture": "ULW-SleepNet, 3 channels, depthwise-separable",
        "trainable_parameters": count_parameters(3),
        "training_data": (
            "Surrogates of the epochs in two tables of features of Sleep-EDF Expanded "
            "cassette recordings (PhysioNet, ODC-By): standard deviation, kurtosis, "
            "zero crossings, Hjorth mobility and complexity of each derivation, and "
            "band powers of the same night and stage."
        ),
        "generated": json.loads((work / "generate.json").read_text()),
        "training": json.loads((work / "train.json").read_text()),
        "protocol": {
            "split": "by subject; the test subjects' rows are seen by no step",
            "test_subjects": list(TEST_SUBJECTS),
            "validation_subjects": list(VALIDATION_SUBJECTS),
            "validation_is_for": "temperature and activation ranges",
            "quantisation": "int8 logits distilled from float ones on training data",
            "wake": "30 min before and after sleep, as in the table",
            "absent_channels": "zeros; any subset of the three was trained",
        },
        "figures_int8": figures,
        "int8_gives_the_stage_of_float": same_stage,
        "limits": LIMITS,
        "intended_use": "research and teaching; not a medical device",
        "licence": "MIT",
        "made_with": {"tensorflow-cpu": tensorflow},
        "retrain": RETRAIN,
    }
