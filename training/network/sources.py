"""Sources that the network is trained on, one by one, and validated by."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band
from training.data.dataset import APNOEA_TRAINING, Recorded, read_apnoea
from training.data.real_pieces import (
    N_PIECE,
    PieceNight,
    mosaics,
    read_piece_nights,
)
from training.network.schedule import Schedule
from training.network.train import Source, TrainingData
from training.network.validation_sets import (
    CHOOSE_BY,
    pieces_of,
    read_validation_sets,
)
from training.surrogates.augment import augment
from training.surrogates.foreign_recorder import draw_gains, rerecord_real
from training.surrogates.nights import read_nights, staged

# shares of the loss; real signal weighs more, and what holds all stages most
SURROGATES, PIECES, MOSAICS, PATIENTS = 0.3, 0.45, 0.1, 0.15
CERTAIN = 0.2  # of the patients' loss: all five stages, not only wake and deep sleep
WIDELY = 0.3  # fraction of surrogates with gains as wide as those of real signal


def read_training_data(
    data: Path, work: Path, n_nights: int | None, schedule: Schedule
) -> TrainingData:
    """Return every source and the validation sets.

    Parameters
    ----------
    data, work : Path
    n_nights : int or None
        Nights of surrogates; None for all that were made.
    schedule : Schedule
    """
    surrogates = staged(read_nights(work, "train", n_nights))
    nights = read_piece_nights(data, "train")
    apnoea = read_apnoea(data, Band())
    patients = apnoea.only(np.isin(apnoea.subjects, APNOEA_TRAINING))
    pieces = pieces_of(nights)
    whole = _mosaics(nights)
    return TrainingData(
        (
            Source(
                surrogates.uv,
                surrogates.stages,
                schedule.batch,
                SURROGATES,
                augment_surrogates,
            ),
            _real(pieces, schedule.pieces, PIECES),
            _real(whole, schedule.mosaics, MOSAICS),
            _real(patients, schedule.patients, PATIENTS, CERTAIN, shortened=True),
        ),
        read_validation_sets(data, work),
        CHOOSE_BY,
    )


def augment_surrogates(
    uv: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return five seconds of surrogates, some with a gain far from Sleep-EDF's."""
    recorded = five_seconds(augment(uv, rng), rng)
    gains = draw_gains(len(uv), rng)[:, :, None]
    wide = rng.random((len(uv), 1, 1)) < WIDELY
    return recorded * np.where(wide, gains, np.float32(1))


def five_seconds(
    uv: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return five seconds of each epoch, begun anywhere, shape (n, n_channels, 500)."""
    firsts = rng.integers(uv.shape[-1] - N_PIECE + 1, size=len(uv))
    where = firsts[:, None, None] + np.arange(N_PIECE)
    return np.take_along_axis(uv, where, -1)


def _real(
    epochs: Recorded,
    per_step: int,
    weight: float,
    certain: float = 0.0,
    *,
    shortened: bool = False,
) -> Source:
    """Return a source of real signal, of which Fpz-Cz alone is there.

    `shortened`, five seconds of each epoch, drawn anew at every step.
    """

    def rerecord(
        uv: NDArray[np.float32], rng: np.random.Generator
    ) -> NDArray[np.float32]:
        part = five_seconds(uv, rng) if shortened else uv
        return rerecord_real(part[:, 0], rng)[:, None]

    return Source(epochs.uv[:, :1], epochs.stages, per_step, weight, rerecord, certain)


def _mosaics(nights: list[PieceNight]) -> Recorded:
    made = [mosaics(night.pieces, night.stages) for night in nights]
    subjects = [
        np.full(len(stages), night.subject)
        for night, (_, stages) in zip(nights, made, strict=True)
    ]
    return Recorded(
        np.concatenate([uv for uv, _ in made])[:, None],
        np.concatenate([stages for _, stages in made]),
        np.concatenate(subjects),
    )
