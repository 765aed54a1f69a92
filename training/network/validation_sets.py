"""Validation sets of a run: other subjects, real and surrogate."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gateway.preprocessing.filtering import Band
from training.data.dataset import (
    APNOEA_TRAINING,
    APNOEA_VALIDATION,
    Recorded,
    read_apnoea,
    read_cuts,
)
from training.data.real_pieces import PieceNight, read_piece_nights
from training.network.channel_subsets import CONDITIONS, WHOLE
from training.surrogates.foreign_recorder import rerecord_real
from training.surrogates.nights import read_nights, staged

N_VALIDATION = 600
N_APNOEA = 500
RUN = 100
VALIDATED = (WHOLE, "Fpz-Cz")
REAL_VALIDATION = "real pieces of validation people"
FOREIGN = "the same, by other recorders"
PATIENTS = "real UCDDB, validation patients, W and N3"
# of which a run keeps its best weights: people, recorders and channels weigh alike
CHOOSE_BY = (REAL_VALIDATION, FOREIGN, PATIENTS, f"validation nights, {WHOLE}")
ALL_STAGES = "ucddb022"  # the only patient of whom there is more than wake and N3


def read_validation_sets(data: Path, work: Path) -> dict[str, Recorded]:
    """Return real pieces of validation people, surrogates, cuts and patients."""
    surrogates = _some(staged(read_nights(work, "validation")), N_VALIDATION)
    cuts = read_cuts(data, Band())
    whole = cuts.only(cuts.uv.any(-1).all(1))
    apnoea = read_apnoea(data, Band())
    others = (*APNOEA_TRAINING, *APNOEA_VALIDATION)
    unseen = apnoea.only(~np.isin(apnoea.subjects, others))
    richest = unseen.subjects == ALL_STAGES
    pieces = pieces_of(read_piece_nights(data, "validation"))
    held_in = np.isin(apnoea.subjects, APNOEA_VALIDATION)
    sets = {
        REAL_VALIDATION: pieces,
        FOREIGN: _by_other_recorders(pieces),
        PATIENTS: apnoea.only(held_in),
    }
    for name in VALIDATED:
        sets[f"validation nights, {name}"] = with_channels(surrogates, name)
        sets[f"real cassette cuts, {name}"] = with_channels(whole, name)
    return sets | {
        "real UCDDB, unseen patients, W and N3": _some(unseen.only(~richest), N_APNOEA),
        f"real {ALL_STAGES}": unseen.only(richest),
    }


def pieces_of(nights: Sequence[PieceNight]) -> Recorded:
    """Return the pieces of some nights, shape (n_pieces, 1, 500), in their order."""
    return Recorded(
        np.concatenate([night.pieces for night in nights])[:, None],
        np.concatenate([night.stages for night in nights]),
        np.concatenate([np.full(len(of.stages), of.subject) for of in nights]),
    )


def _by_other_recorders(pieces: Recorded) -> Recorded:
    """Return pieces of which every run of a hundred has a recorder of its own."""
    rng = np.random.default_rng(0)
    uv = np.concatenate(
        [
            rerecord_real(pieces.uv[at : at + RUN, 0], rng, n_recorders=1)
            for at in range(0, len(pieces.uv), RUN)
        ]
    )
    return Recorded(uv[:, None], pieces.stages, pieces.subjects)


def with_channels(epochs: Recorded, condition: str) -> Recorded:
    """Return the epochs with the channels of a condition only."""
    uv = epochs.uv.astype(np.float32) * CONDITIONS[condition][:, None]
    return Recorded(uv, epochs.stages, epochs.subjects)


def _some(epochs: Recorded, number: int) -> Recorded:
    chosen = np.random.default_rng(0).permutation(len(epochs.stages)) < number
    return epochs.only(chosen)
