"""Run by an interpreter that has YASA 0.8.1: ``yasa_peer.py GIVEN.npz ANSWER.npy``."""

import sys

import mne
import numpy as np
import yasa

SFREQ = 100
ORDER = ("WAKE", "N1", "N2", "N3", "REM")


def main(given: str, answer: str) -> None:
    """Score microvolts at 100 Hz; write the probabilities, shape (n_epochs, 5)."""
    with np.load(given) as archive:
        names = list(archive.files)
        volts = np.stack([archive[name] for name in names]) * 1e-6
    mne.set_log_level("ERROR")
    raw = mne.io.RawArray(volts, mne.create_info(names, SFREQ, "eeg"))
    eog = "EOG" if "EOG" in names else None
    scored = yasa.SleepStaging(raw, eeg_name="Fpz-Cz", eog_name=eog).predict()
    np.save(answer, scored.proba[list(ORDER)].to_numpy())


if __name__ == "__main__":
    main(*sys.argv[1:])
