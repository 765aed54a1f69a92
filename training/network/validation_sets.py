"""What a network in training is looked at with: other subjects, real and surrogate."""

from pathlib import Path

import numpy as np

from gateway.preprocessing.filtering import Band
from training.data.dataset import APNOEA_TRAINING, Recorded, read_apnoea, read_cuts
from training.network.channel_subsets import CONDITIONS
from training.surrogates.nights import read_nights, staged

N_VALIDATION = 1500
N_APNOEA = 800
ALL_STAGES = "ucddb022"  # the only patient of whom there is more than wake and N3


def read_looks(data: Path, work: Path) -> dict[str, Recorded]:
    """Return a sample of the validation nights, the real cuts and unseen patients."""
    validation = _some(staged(read_nights(work, "validation")), N_VALIDATION)
    cuts = read_cuts(data, Band())
    whole = cuts.only(cuts.uv.any(-1).all(1))
    apnoea = read_apnoea(data, Band())
    unseen = apnoea.only(~np.isin(apnoea.subjects, APNOEA_TRAINING))
    richest = unseen.subjects == ALL_STAGES
    looks = {
        f"validation nights, {name}": with_channels(validation, name)
        for name in CONDITIONS
    }
    looks |= {
        f"real cassette cuts, {name}": with_channels(whole, name) for name in CONDITIONS
    }
    return looks | {
        "real UCDDB, unseen patients, W and N3": _some(unseen.only(~richest), N_APNOEA),
        f"real {ALL_STAGES}": unseen.only(richest),
    }


def with_channels(epochs: Recorded, condition: str) -> Recorded:
    """Return the epochs with the channels of a condition only."""
    uv = epochs.uv.astype(np.float32) * CONDITIONS[condition][:, None]
    return Recorded(uv, epochs.stages, epochs.subjects)


def _some(epochs: Recorded, number: int) -> Recorded:
    chosen = np.random.default_rng(0).permutation(len(epochs.stages)) < number
    return epochs.only(chosen)
