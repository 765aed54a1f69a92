"""Nights as the quantised network scores them, with these channels or those."""

import hashlib
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.real_pieces import PieceNight, mirrored
from training.network.context_head import ScoredNights
from training.network.temperature import probabilities
from training.quantise.quantised import Quantised
from training.surrogates.augment import rerecord
from training.surrogates.foreign_recorder import rerecord_real
from training.surrogates.nights import UNSTAGED, SurrogateNight

WHOLE = "3 channels"
CONDITIONS = {
    WHOLE: np.array([1, 1, 1], np.float32),
    "Fpz-Cz and EOG": np.array([1, 0, 1], np.float32),
    "Fpz-Cz and Pz-Oz": np.array([1, 1, 0], np.float32),
    "Fpz-Cz": np.array([1, 0, 0], np.float32),
}


class NightScorer:
    """A quantised network that remembers on disk the nights it has scored.

    Parameters
    ----------
    flatbuffer : bytes
    work : Path
        Answers are kept below it, by the digest of the network.
    """

    def __init__(self, flatbuffer: bytes, work: Path) -> None:
        self.network = Quantised(flatbuffer)
        digest = hashlib.sha256(flatbuffer).hexdigest()
        self._folder = work / "scored" / digest[:12]
        self._folder.mkdir(parents=True, exist_ok=True)

    def logits(
        self, night: SurrogateNight, condition: str, *, rerecorded: bool = False
    ) -> NDArray[np.float64]:
        """Return the logits of its staged epochs, shape (n_staged, 5).

        Parameters
        ----------
        night : SurrogateNight
        condition : str
            Of `CONDITIONS`: which channels there are.
        rerecorded : bool
            Whether one recorder, drawn by the night's name and the condition, gives
            all of it; nights to be trained on come without one.
        """
        title = f"{night.record} {condition}" + " rerecorded" * rerecorded
        path = self._folder / f"{title}.npy"
        if not path.exists():
            uv = night.uv[night.stages != UNSTAGED].astype(np.float32)
            if rerecorded:
                rng = np.random.default_rng(zlib.crc32(title.encode()))
                uv = rerecord(uv, rng, n_recorders=1)
            _write(path, self.network.infer(uv * CONDITIONS[condition][:, None]))
        return np.asarray(np.load(path))

    def score(
        self,
        night: SurrogateNight,
        condition: str,
        temperature: float,
        *,
        rerecorded: bool = False,
    ) -> ScoredNights:
        """Return the night as the network scores it, epoch by epoch."""
        logits = self.logits(night, condition, rerecorded=rerecorded)
        proba = probabilities(logits, temperature)
        return spread(night.record, proba, night.stages)

    def score_pieces(
        self, night: PieceNight, temperature: float, recorder: int = 0
    ) -> ScoredNights:
        """Return a night of real pieces as the network scores it, each mirrored.

        Parameters
        ----------
        night : PieceNight
        temperature : float
        recorder : int
            0 for its own; another recorder for every other number.
        """
        path = self._folder / f"{night.record} pieces {recorder}.npy"
        if not path.exists():
            uv = night.uv
            if recorder:
                rng = np.random.default_rng(
                    [zlib.crc32(night.record.encode()), recorder]
                )
                again = rerecord_real(night.pieces, rng, n_recorders=1)
                uv = mirrored(again).astype(np.float32)
            present = CONDITIONS["Fpz-Cz"][:, None]
            _write(path, self.network.infer(uv[:, None] * present))
        return spread(
            night.record, probabilities(np.load(path), temperature), night.stages
        )


def _write(path: Path, logits: NDArray[np.float64]) -> None:
    unfinished = path.with_suffix(".part")
    with unfinished.open("wb") as file:
        np.save(file, logits)
    unfinished.replace(path)


def spread(
    record: str, proba: NDArray[np.float64], stages: NDArray[np.int8]
) -> ScoredNights:
    """Return a night of which the staged epochs have the hypnodensities `proba`."""
    raw = np.zeros((len(stages), proba.shape[1]))
    raw[stages != UNSTAGED] = proba
    return ScoredNights(record, raw, stages)
