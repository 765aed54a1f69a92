"""Real EDF files out of the cuts in the data folder."""

from datetime import datetime, timedelta

import edfio
import numpy as np

NAMES = {
    "eeg_fpz_cz": "EEG Fpz-Cz",
    "eeg_pz_oz": "EEG Pz-Oz",
    "eog_horizontal": "EOG horizontal",
    "emg_submental": "EMG submental",
}
STARTED = datetime(1989, 4, 24, 16, 13)  # noqa: DTZ001 (EDF has no time zone)


def write_edf(npz_path, edf_path):
    """Write a cut as the recording it was cut from; return its stage codes.

    Codes are 0 W, 1 N1, 2 N2, 3 N3, 4 R, 5 movement, 6 unknown.
    """
    with np.load(npz_path) as cut:
        signals = [_signal(cut, key) for key in NAMES if key in cut]
        start = STARTED + timedelta(seconds=30 * int(cut["epoch0"]))
        labels = tuple(cut["labels"].tolist())
    edf = edfio.Edf(
        signals,
        recording=edfio.Recording(startdate=start.date()),
        starttime=start.time(),
        data_record_duration=30,
    )
    edf.write(edf_path)
    return labels


def _signal(cut, key):
    counts = cut[key]
    highest = 2047 if np.abs(counts.astype(int)).max() <= 2047 else 32767
    lsb_uv = float(cut[f"uV_per_lsb_{key}"])
    return edfio.EdfSignal.from_digital(
        counts,
        float(cut[f"fs_{key}"]),
        label=NAMES[key],
        physical_dimension="uV",
        physical_range=(_eight(-(highest + 1) * lsb_uv), _eight(highest * lsb_uv)),
        digital_range=(-(highest + 1), highest),
    )


def _eight(value):
    """Round to what the eight characters of an EDF header hold."""
    return float(f"{value:.8f}"[:8])
