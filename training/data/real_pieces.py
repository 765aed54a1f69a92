"""Real Sleep-EDF nights of which the first five seconds of every epoch are held.

A piece goes through the daemon's own filter as thirty seconds: itself and its mirror
image in turn, so that nothing is invented at its ends.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band, band_limit
from training.data.dataset import REAL_TEST_SUBJECTS, VALIDATION_SUBJECTS

FOLDER = "sleep_edf20_first5s"
N_PIECE = 500  # samples, 5 s at 100 Hz
PIECES_PER_EPOCH = 6


@dataclass(frozen=True, slots=True, eq=False)
class PieceNight:
    """A night of pieces of Fpz-Cz, in order.

    Attributes
    ----------
    record : str
        ``"SC4ssN"``, subject and night.
    uv : ndarray of float32, shape (n_epochs, 3000)
        Band-limited microvolts, each piece mirrored to thirty seconds.
    stages : ndarray of int8, shape (n_epochs,)
        0-4.
    """

    record: str
    uv: NDArray[np.float32]
    stages: NDArray[np.int8]

    @property
    def subject(self) -> str:
        """Two digits."""
        return self.record[3:5]

    @property
    def pieces(self) -> NDArray[np.float32]:
        """The pieces themselves, shape (n_epochs, 500)."""
        return self.uv[:, 2 * N_PIECE : 3 * N_PIECE]


def mirrored(pieces: NDArray[np.number]) -> NDArray[np.number]:
    """Return pieces (n, 500) as thirty seconds (n, 3000): x, reversed x, x, ..."""
    return np.tile(np.concatenate([pieces, pieces[:, ::-1]], 1), (1, 3))


def read_piece_nights(data: Path, part: str | None = None) -> list[PieceNight]:
    """Return the nights of a part of the people, in the order of their names.

    Parameters
    ----------
    data : Path
    part : str or None
        ``"train"``, ``"validation"`` or ``"test"``; None for everybody.
    """
    nights = []
    for path in sorted((data / FOLDER).glob("SC4*.npz")):
        if part not in (None, part_of(path.stem[3:5])):
            continue
        with np.load(path) as night:
            uv = night["eeg_fpz_cz"] * float(night["uV_per_lsb_eeg_fpz_cz"])
            uv = uv + float(night["uV_offset_eeg_fpz_cz"])
            stages = night["labels"].astype(np.int8)
        limited = band_limit(mirrored(uv).astype(np.float32), 100.0, Band())
        nights.append(PieceNight(path.stem[:6], limited, stages))
    return nights


def part_of(subject: str) -> str:
    """Return which part of the people with real pieces a subject belongs to."""
    if subject in REAL_TEST_SUBJECTS:
        return "test"
    return "validation" if subject in VALIDATION_SUBJECTS else "train"


def mosaics(
    pieces: NDArray[np.number], stages: NDArray[np.integer]
) -> tuple[NDArray[np.number], NDArray[np.integer]]:
    """Return epochs of six successive pieces of one stage, and their stages.

    Shapes (n, 3000) and (n,), of pieces (n_pieces, 500): thirty seconds of real signal
    out of three minutes.
    """
    firsts: list[int] = []
    first = 0
    while first + PIECES_PER_EPOCH <= len(stages):
        run = stages[first : first + PIECES_PER_EPOCH]
        if (run == run[0]).all():
            firsts.append(first)
            first += PIECES_PER_EPOCH
        else:
            first += 1
    where = np.array(firsts, np.int64)
    rows = where[:, None] + np.arange(PIECES_PER_EPOCH)
    return pieces[rows].reshape(len(where), PIECES_PER_EPOCH * N_PIECE), stages[where]
