"""The real data, and who may see which part of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.preprocessing.filtering import Band, band_limit
from training.data.band_matching import match_bands

# Nothing of these subjects reaches the generator or the network. 01, 07 and 09
# are the subjects of the raw cuts; the rest are drawn over the ages.
TEST_SUBJECTS = ("00", "01", "07", "09", "30", "31", "50", "51", "70", "71")
# Temperature and the choice between runs; never trained on either.
VALIDATION_SUBJECTS = ("04", "12", "25", "38", "46", "57", "63", "76")
# Of the thirteen people of whom real pieces are held: judged on, never trained on,
# neither on their pieces nor on surrogates of their features.
REAL_TEST_SUBJECTS = ("05", "11", "16")
TABLE = "sleep_edf_features/time_domain.npz"
SPECTRAL = "sleep_edf_features/spectral.npz"
CHANNELS = ("eeg_fpz_cz", "eeg_pz_oz", "eog_horizontal")
# of the apnoea patients; the others, among them the only one with all stages, are
# for the test
APNOEA_TRAINING = tuple(f"ucddb{n:03}" for n in (2, 3, 6, 7, 8, 9, 14))
APNOEA_VALIDATION = ("ucddb010", "ucddb012", "ucddb015")  # they choose, with others
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
        Shares of `training.surrogates.spectral_shaping.EDGES_HZ`; nan where unknown.
    stages : ndarray of int8, shape (n_epochs,)
    records : ndarray of str, shape (n_epochs,)
        ``"SC4ssN"``, subject and night.
    """

    rows: NDArray[np.float32]
    bands: NDArray[np.float32]
    stages: NDArray[np.int8]
    records: NDArray[np.str_]

    @property
    def subjects(self) -> NDArray[np.str_]:
        """Return each epoch's subject, two digits."""
        return np.array([record[3:5] for record in self.records])

    def only(self, which: NDArray[np.bool_] | NDArray[np.int64]) -> "Table":
        """Return the epochs that `which` selects."""
        return Table(
            self.rows[which],
            self.bands[which],
            self.stages[which],
            self.records[which],
        )


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

    def only(self, which: NDArray[np.bool_]) -> "Recorded":
        """Return the epochs that `which` selects."""
        return Recorded(self.uv[which], self.stages[which], self.subjects[which])


def read_table(data: Path) -> Table:
    """Read the rows of the feature table that describe a staged, live epoch."""
    with np.load(data / TABLE) as archive:
        rows, stages = archive["features"], archive["labels"]
        records = archive["record"]
    bands = match_bands(data / SPECTRAL, rows, stages, records)
    live = (rows[:, :, 0] > FLAT_UV).all(1) & (rows[:, :, 5:7] > 0).all((1, 2))
    usable = (stages >= 0) & (stages < N_STAGES) & np.isfinite(rows).all((1, 2)) & live
    return Table(rows, bands, stages, records).only(usable)


def read_cuts(data: Path, band: Band) -> Recorded:
    """Read the raw Sleep-EDF cuts: three subjects, none of them trained on."""
    runs = read_runs(data, band)
    return Recorded(
        np.concatenate([run.uv for run in runs]),
        np.concatenate([run.stages for run in runs]),
        np.concatenate([run.subjects for run in runs]),
    )


def read_runs(data: Path, band: Band) -> list[Recorded]:
    """Read the same cuts, each as the contiguous run that it is."""
    runs = []
    for path in sorted((data / "sleep_edf_cuts").glob("*.npz")):
        with np.load(path) as cut:
            labels = cut["labels"]
            epochs = np.zeros((len(labels), len(CHANNELS), 3000), np.float32)
            for number, channel in enumerate(CHANNELS):
                if channel in cut:
                    raw = cut[channel] * float(cut[f"uV_per_lsb_{channel}"])
                    epochs[:, number] = raw.reshape(len(labels), 3000)
        limited = band_limit(epochs.reshape(-1, 3000), 100.0, band)
        subjects = np.array([path.name[3:5]] * len(labels))
        runs.append(_staged(limited.reshape(epochs.shape), labels, subjects))
    return runs


def read_apnoea(data: Path, band: Band) -> Recorded:
    """Read UCDDB: apnoea patients' central EEG, put where Fpz-Cz belongs."""
    nights = list(read_apnoea_nights(data, band))
    return Recorded(
        np.concatenate([night.uv[night.stages >= 0] for night in nights]),
        np.concatenate([night.stages[night.stages >= 0] for night in nights]),
        np.concatenate([night.subjects[night.stages >= 0] for night in nights]),
    )


def read_apnoea_nights(data: Path, band: Band) -> Iterator[Recorded]:
    """Yield the same by the night, with the holes that the archive has.

    Epochs from the first to the last that is there; -1 where there is none.
    """
    for path in sorted((data / "ucddb").glob("*.npz")):
        with np.load(path) as night:
            raw = night["eeg"] * float(night["units_per_lsb_eeg"])
            sfreq, labels = float(night["fs_eeg"]), night["labels"]
            at, subject = night["epoch_index"], str(night["record_id"])
        limited = band_limit((raw * UCDDB_UV_PER_UNIT).astype(np.float32), sfreq, band)
        place = at - at.min()
        uv = np.zeros((place.max() + 1, len(CHANNELS), 3000), np.float32)
        uv[place, 0] = limited
        stages = np.full(len(uv), -1, np.int8)
        stages[place] = np.where(labels < N_STAGES, labels, -1)
        yield Recorded(uv, stages, np.full(len(uv), subject))


def _staged(
    uv: NDArray[np.float32], stages: NDArray[np.uint8], subjects: NDArray[np.str_]
) -> Recorded:
    keep = stages < N_STAGES
    return Recorded(uv[keep], stages[keep].astype(np.int8), subjects[keep])
