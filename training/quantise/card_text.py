"""The part of the card that is meant for people."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.data.dataset import (
    REAL_TEST_SUBJECTS,
    TEST_SUBJECTS,
    VALIDATION_SUBJECTS,
)
from training.network.architecture import count_multiplications, count_parameters

LIMITS = [
    "Research use. Not a medical device: it diagnoses nothing.",
    (
        "Trained on the first five seconds of every epoch of 16 real nights of eight "
        "people, on surrogates (synthetic epochs with the statistics of real ones) and "
        "on wake and deep sleep of ten apnoea patients."
    ),
    (
        "Real nights are judged by five-second pieces, mirrored to thirty seconds: "
        "less to go by than a whole epoch, and kinder at its ends."
    ),
    (
        "The real cuts are a smoke test of three subjects, not a benchmark. They were "
        "looked at during development, though nothing was fitted to them."
    ),
    (
        "Healthy adults, electrodes Fpz-Cz, Pz-Oz and outer canthi; real signal of "
        "Fpz-Cz alone. A headband's electrodes lie elsewhere, and no headband night "
        "was scored."
    ),
    "No EMG: the data hold none that the band would pass.",
    "From one EEG channel alone N1 is mostly missed, and REM often.",
    (
        "On another montage it is worse; see the figures of the central EEG of apnoea "
        "patients."
    ),
]
RETRAIN = "python -m training all --data DATA --work WORK --out MODEL.tflite"


def about(
    work: Path, against_float: Mapping[str, Mapping[str, float]], tensorflow: str
) -> dict[str, Any]:
    """Return provenance, protocol and limits, as JSON types.

    Parameters
    ----------
    work : Path
        Holds ``train.json``, what the earlier step did.
    against_float : mapping
        What int8 loses on test surrogates, by the channels there are.
    tensorflow : str
        Version that trained and converted.
    """
    training = json.loads((work / "train.json").read_text())
    return {
        "architecture": "ULW-SleepNet, 3 channels, depthwise-separable",
        "trainable_parameters": count_parameters(3),
        "multiply_accumulates": count_multiplications(3),
        "training_data": (
            "The first five seconds of every epoch of real nights of eight people "
            "(Sleep-EDF Expanded cassette recordings, PhysioNet, ODC-By), Fpz-Cz. "
            "Surrogates of the epochs in two tables of features of such recordings: "
            "standard deviation, kurtosis, zero crossings, Hjorth mobility and "
            "complexity of each derivation, and band powers of the same night and "
            "stage. And real epochs of ten apnoea patients of UCDDB (PhysioNet, "
            "ODC-By), wake and deep sleep only, weighed among those two."
        ),
        "training": training,
        "protocol": {
            "split": "by subject; the test subjects' rows are seen by no step",
            "test_subjects": list(TEST_SUBJECTS),
            "real_test_subjects": list(REAL_TEST_SUBJECTS),
            "validation_subjects": list(VALIDATION_SUBJECTS),
            "validation_is_for": (
                "temperature and activation ranges; 04 and 12, of whom there are real "
                "pieces, choose among the points of the run"
            ),
            "quantisation": "int8 logits distilled from float ones on training data",
            "wake": "30 min before and after sleep, as in the table",
            "absent_channels": "zeros; any subset of the three was trained",
            "apnoea_patients": "ten learnt from, the other ten judged by",
        },
        "int8_against_float": {name: dict(of) for name, of in against_float.items()},
        "limits": LIMITS,
        "intended_use": "research and teaching; not a medical device",
        "licence": "MIT",
        "made_with": {"tensorflow-cpu": tensorflow},
        "retrain": _again(training),
    }


def _again(training: Mapping[str, Any]) -> str:
    """Return the command that does the same."""
    asked = {name: training.get(name) for name in ("nights", "steps", "seed")}
    said = [f"--{name} {number}" for name, number in asked.items() if number]
    return " ".join([RETRAIN, *said])


def with_context(
    note: Mapping[str, Any],
    taught: Mapping[str, object],
    figures: Mapping[str, object],
    lost_with_packets: Mapping[str, float],
) -> dict[str, Any]:
    """Return what `about` said, with a head's provenance and the figures of both.

    Parameters
    ----------
    note : mapping
        From `about`.
    taught : mapping
        How the head was.
    figures : mapping
        From `training.evaluate.held_out.judge_held_out`.
    lost_with_packets : mapping
        Accuracy, by the fraction of the packets that is lost.
    """
    protocol = dict(note["protocol"]) | {
        "intervals": "95 %, of subjects drawn again 2,000 times",
        "nights": "whole, in order, each of the test by one random recorder",
    }
    return dict(note) | {
        "context": {
            "sees": "hypnodensities of the last 30 epochs, none to come",
            "trained_on": (
                "real nights by five-second pieces and nights of surrogates, of "
                "training subjects, whole and in pieces, each by several recorders, as "
                "the int8 network scores them"
            ),
            "taught": dict(taught),
        },
        "protocol": protocol,
        "figures_int8": dict(figures),
        "accuracy_lost_with_packets": dict(lost_with_packets),
        "limits": LIMITS,
        "retrain": _again(note["training"]),
    }
