"""The real data, and who may see which part of it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.band import Band, band_limit
from training.bands import match_bands

# Nothing of these subjects reaches the generator or the network. 01, 07 and 09
# are the subjects of the raw cuts; the rest are drawn over the ages.
TEST_SUBJECTS = ("00", "01", "07", "09", "30", "31", "50", "51", "70", "71")
# Temperature and the choice between runs; never trained on either.
VALIDATION_SUBJECTS = ("04", "12", "25", "38", "46", "57", "63", "76")
TABLE = "sleep_edf_features/time_domain.npz"
SPECTRAL = "sleep_edf_features/spectral.npz"
CHANNELS = ("eeg_fpz_cz", "eeg_pz_oz", "eog_horizontal")
UCDDB_UV_PER_UNIT = 85.0
N_STAGES = 5
FLAT_UV = 0.5  # standard deviation below which an electrode was off


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Features of real epochs.

    Attributes
    ----------
    rows : ndarray of float32, shape (n_epochs, 3, 13)
    bands : ndarray of float32, shape (n_epochs, 3, 5)
        Shares of `training.shaping.EDGES_HZ`; nan where unknown.
    stages : ndarray of int8, shape (n_epochs,)
    subjects : ndarray of str, shape (n_epochs,)
        Two digits.
    """

    rows: NDArray[np.float32]
    bands: NDArray[np.float32]
    stages: NDArray[np.int8]
    subjects: NDArray[np.str_]

    def only(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> "Table":
        """Return the epochs that `which` selects."""
        return Table(
            self.rows[which],
            self.bands[which],
            self.stages[which],
            self.subjects[which],
        )

    def draw(self, n_epochs: int, evenness: float, seed: int) -> "Table":
        """Return `n_epochs` random epochs.

        Parameters
        ----------
        n_epochs : int
        evenness : float
            0 keeps the stages as frequent as they are, 1 makes them equal.
        seed : int
        """
        rng = np.random.default_rng(seed)
        counts = np.bincount(self.stages, minlength=N_STAGES)
        chance = (counts ** -float(evenness))[self.stages]
        chosen = rng.choice(len(self.stages), n_epochs, p=chance / chance.sum())
        return self.only(chosen)


@dataclass(frozen=True, slots=True, eq=False)
class Recorded:
    """Epochs as the gateway would see them, with their stages.

    Attributes
    ----------
    uv : ndarray of float32, shape (n_epochs, 3, 3000)
        Band-limited; zeros where a channel was not recorded.
    stages : ndarray of int8, shape (n_epochs,)
    subjects : ndarray of str, shape (n_epochs,)
    """

    uv: NDArray[np.float32]
    stages: NDArray[np.int8]
    subjects: NDArray[np.str_]


def read_table(data: Path) -> Table:
    """Read the rows of the feature table that describe a staged, live epoch."""
    with np.load(data / TABLE) as archive:
        rows, stages = archive["features"], archive["labels"]
        records = archive["record"]
    subjects = np.array([record[3:5] for record in records])
    bands = match_bands(data / SPECTRAL, rows, stages, records)
    live = (rows[:, :, 0] > FLAT_UV).all(1) & (rows[:, :, 5:7] > 0).all((1, 2))
    usable = (stages >= 0) & (stages < N_STAGES) & np.isfinite(rows).all((1, 2)) & live
    return Table(rows, bands, stages, subjects).only(usable)


def split(table: Table) -> tuple[Table, Table, Table]:
    """Return training, validation and test subjects' epochs."""
    test = np.isin(table.subjects, TEST_SUBJECTS)
    validation = np.isin(table.subjects, VALIDATION_SUBJECTS)
    return table.only(~test & ~validation), table.only(validation), table.only(test)


def read_cuts(data: Path, band: Band) -> Recorded:
    """Read the raw Sleep-EDF cuts: three subjects, none of them trained on."""
    uv, stages, subjects = [], [], []
    for path in sorted((data / "sleep_edf_cuts").glob("*.npz")):
        with np.load(path) as cut:
            labels = cut["labels"]
            epochs = np.zeros((len(labels), len(CHANNELS), 3000), np.float32)
            for number, channel in enumerate(CHANNELS):
                if channel in cut:
                    raw = cut[channel] * float(cut[f"uV_per_lsb_{channel}"])
                    epochs[:, number] = raw.reshape(len(labels), 3000)
        limited = band_limit(epochs.reshape(-1, 3000), 100.0, band)
        uv.append(limited.reshape(epochs.shape))
        stages.append(labels)
        subjects += [path.name[3:5]] * len(labels)
    return _staged(np.concatenate(uv), np.concatenate(stages), np.array(subjects))


def read_apnoea(data: Path, band: Band) -> Recorded:
    """Read UCDDB: apnoea patients' central EEG, put where Fpz-Cz belongs."""
    uv, stages, subjects = [], [], []
    for path in sorted((data / "ucddb").glob("*.npz")):
        with np.load(path) as night:
            raw = night["eeg"] * float(night["units_per_lsb_eeg"])
            sfreq = float(night["fs_eeg"])
            stages.append(night["labels"])
            subjects += [str(night["record_id"])] * len(raw)
        limited = band_limit((raw * UCDDB_UV_PER_UNIT).astype(np.float32), sfreq, band)
        epochs = np.zeros((len(raw), len(CHANNELS), 3000), np.float32)
        epochs[:, 0] = limited
        uv.append(epochs)
    return _staged(np.concatenate(uv), np.concatenate(stages), np.array(subjects))


def _staged(
    uv: NDArray[np.float32], stages: NDArray[np.uint8], subjects: NDArray[np.str_]
) -> Recorded:
    keep = stages < N_STAGES
    return Recorded(uv[keep], stages[keep].astype(np.int8), subjects[keep])
