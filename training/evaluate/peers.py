"""Other ways to score the same epochs, in the same run: a tree, and YASA.

Both see the very recordings the model sees. The tree is the floor: five numbers of
each channel of one epoch. YASA (Vallat and Walker 2021) reads the whole recording
before it scores its first epoch, which no live model can.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.epoch_length import EPOCH_S
from gateway.preprocessing.filtering import Band, band_limit
from gateway.staging.stage import STAGES
from training.data.features import (
    complexity,
    excess_kurtosis,
    mobility,
    moments,
    zero_crossings,
)
from training.data.labelled import LabelledNight, raw_epochs
from training.errors import TrainingDataError
from training.evaluate.intervals import ScoredEpochs

SITES = ("Fpz-Cz", "Pz-Oz", "EOG")  # in the order of the table's channels
COLUMNS = (0, 3, 4, 5, 6)  # std, kurtosis, zero crossings, mobility, complexity
SFREQ = 100.0
EVERYTHING = Band(
    low_stop_hz=1e-9, low_pass_hz=2e-9, high_pass_hz=49.0, high_stop_hz=50.0
)
N_ROUNDS = 150
N_ROWS = 60_000  # of the table; more bring nothing that can be seen
SHORTEST_FOR_YASA = 10  # epochs: five minutes, its own limit
YASA = Path(__file__).with_name("yasa_peer.py")


class Tree:
    """Gradient-boosted trees on the features of single epochs.

    Parameters
    ----------
    table : Path
        ``time_domain.npz``: features of real epochs.
    nights : sequence of LabelledNight
        To be scored. Their subjects are left out of the training, and only channels
        that all of them have are used.
    rounds : int
        Trees for each stage.
    """

    def __init__(
        self, table: Path, nights: Sequence[LabelledNight], rounds: int = N_ROUNDS
    ) -> None:
        from sklearn.ensemble import (  # noqa: PLC0415 (an extra)
            HistGradientBoostingClassifier,
        )

        self.sites = [s for s in SITES if all(s in _labels(of) for of in nights)]
        if not self.sites:
            raise TrainingDataError(
                f"the tree needs one of {', '.join(SITES)} in every recording"
            )
        with np.load(table) as archive:
            rows, stages = archive["features"], archive["labels"]
            subjects = np.array([record[:5] for record in archive["record"]])
        kept = ~np.isin(subjects, [of.subject for of in nights])
        kept &= (stages >= 0) & (stages < len(STAGES)) & np.isfinite(rows).all((1, 2))
        self.n_subjects = len(set(subjects[kept].tolist()))
        rng = np.random.default_rng(0)
        chosen = np.sort(rng.permutation(np.flatnonzero(kept))[:N_ROWS])
        where = [SITES.index(site) for site in self.sites]
        features = rows[chosen][:, where][:, :, COLUMNS].reshape(len(chosen), -1)
        self._tree = HistGradientBoostingClassifier(max_iter=rounds, random_state=0)
        self._tree.fit(features, stages[chosen])

    def judge(self, night: LabelledNight) -> ScoredEpochs:
        """Return what the tree says of every labelled epoch of a night."""
        epochs = sorted(night.stages)
        parts = [_features(night, site) for site in self.sites]
        proba = np.full((len(epochs), len(STAGES)), np.nan)
        whole = np.ones(len(epochs), bool)
        rows = np.zeros((len(epochs), len(self.sites), len(COLUMNS)))
        for number, part in enumerate(parts):
            for at, row in enumerate(epochs):
                whole[at] &= row in part
                if row in part:
                    rows[at, number] = part[row]
        whole &= np.isfinite(rows).all((1, 2))
        if whole.any():
            proba[whole] = self._tree.predict_proba(
                rows[whole].reshape(whole.sum(), -1)
            )
        return ScoredEpochs(
            np.array([night.subject] * len(epochs)),
            np.array([STAGES.index(night.stages[at]) for at in epochs]),
            proba,
        )


def judge_by_yasa(python: Path, night: LabelledNight) -> ScoredEpochs | None:
    """Return what YASA 0.8.1 says, or None where the recording is too short.

    Parameters
    ----------
    python : Path
        Of an environment that has YASA; it cannot share this one.
    night : LabelledNight
        In one piece, with Fpz-Cz.

    Raises
    ------
    TrainingDataError
        If YASA fails; says how.
    """
    n_epochs = int(night.recording.duration_s // EPOCH_S)
    in_one_piece = night.recorded is None or len(night.recorded) == n_epochs
    if n_epochs < SHORTEST_FOR_YASA or not in_one_piece:
        return None
    signals = {site: _whole(night, site) for site in ("Fpz-Cz", "EOG")}
    if signals["Fpz-Cz"] is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "given.npz", Path(folder) / "answer.npy"
        np.savez(given, **{s: uv for s, uv in signals.items() if uv is not None})
        done = subprocess.run(  # noqa: S603 (what the user named)
            [python, YASA, given, answer], capture_output=True, text=True, check=False
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
            raise TrainingDataError(f"{python}: YASA fails over {night.name}: {last}")
        proba = np.load(answer)
    epochs = sorted(night.stages)
    said = np.full((len(epochs), len(STAGES)), np.nan)
    there = [at < len(proba) for at in epochs]
    said[there] = proba[[at for at in epochs if at < len(proba)]]
    true = np.array([STAGES.index(night.stages[at]) for at in epochs])
    return ScoredEpochs(np.array([night.subject] * len(epochs)), true, said)


def _labels(night: LabelledNight) -> set[str]:
    return {c.label for s in night.recording.montage.streams for c in s.channels}


def _features(night: LabelledNight, site: str) -> dict[int, NDArray[np.float64]]:
    """Return the five features of the raw signal, as in the table, by epoch."""
    found = {}
    for at, raw, sfreq in raw_epochs(night, site):
        if len(raw) < round(EPOCH_S * sfreq) or not np.ptp(raw):
            continue
        uv = raw if sfreq == SFREQ else _at_100_hz(raw, sfreq)
        of = moments(uv)
        found[at] = np.array(
            [
                np.sqrt(of.level),
                excess_kurtosis(uv),
                zero_crossings(uv),
                mobility(of),
                complexity(of),
            ]
        )
    return found


def _at_100_hz(uv: NDArray[np.float64], sfreq: float) -> NDArray[np.float64]:
    limited = band_limit(uv[None].astype(np.float32), sfreq, EVERYTHING)
    return limited[0].astype(np.float64)


def _whole(night: LabelledNight, site: str) -> NDArray[np.float64] | None:
    pairs = zip(night.recording.montage.streams, night.recording.counts, strict=True)
    for stream, counts in pairs:
        for number, channel in enumerate(stream.channels):
            if channel.label == site and stream.sfreq == SFREQ:
                return (
                    counts[number].astype(np.float64) - channel.zero
                ) * channel.lsb_uv
    return None
