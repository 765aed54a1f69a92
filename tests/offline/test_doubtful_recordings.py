"""A bad recording is refused, or its hypnogram says what is wrong with it."""

from datetime import date, time

import edfio
import numpy as np
import pytest

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.errors import RecordingError
from gateway.offline.score_file import ScoreOptions, stage_file
from gateway.preprocessing.filtering import Band
from gateway.staging.plausibility import plausibility_warnings
from gateway.staging.stage import Refusal, Stage

MINUTES = 3
DICE = np.random.default_rng(2)


def written(path, label="EEG Fpz-Cz", *, sfreq=100, uv=30.0, times=1.0):
    """Write noise of `uv`, under a physical range that is `times` too large."""
    noise = DICE.normal(0, uv, MINUTES * 60 * sfreq).clip(-999, 999)
    edf = edfio.Edf(
        [
            edfio.EdfSignal(
                noise * times,
                sfreq,
                label=label,
                physical_dimension="uV",
                physical_range=(-1000 * times, 1000 * times),
            )
        ],
        recording=edfio.Recording(startdate=date(2026, 2, 13)),
        starttime=time(23, 0),
    )
    edf.write(path)
    return path


def said_of(path):
    night = stage_file(path, ScoreOptions())
    return night, " / ".join(night.notes)


def test_no_signal_is_no_sleep(tmp_path):
    night, said = said_of(written(tmp_path / "n.edf", uv=0.0))
    assert set(night.stages) == {Refusal.LOW_QUALITY}
    assert "6 of 6 epochs were not scored; no signal" in said


def test_a_slow_emg_alone_is_refused(tmp_path):
    path = written(tmp_path / "n.edf", "EMG submental", sfreq=1)
    with pytest.raises(RecordingError, match=r"EMG.*EEG Fpz-Cz"):
        stage_file(path, ScoreOptions())


@pytest.mark.parametrize(
    ("times", "hint"), [(1e-4, "larger than the true one"), (1000.0, "no scalp")]
)
def test_a_wrong_physical_range_is_suspected(tmp_path, times, hint):
    night, said = said_of(written(tmp_path / "n.edf", times=times))
    assert not any(isinstance(stage, Stage) for stage in night.stages)
    assert hint in said


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (256 + 104, "channel 'EEG Fpz-Cz': its physical range is 'none' to "),
        (256 + 104 + 24, "channel 'EEG Fpz-Cz': its digital range is '.*' to 'none'"),
        (244, "data records of 'none' s"),
    ],
)
def test_a_number_that_is_none_is_named(tmp_path, at, told):
    path = written(tmp_path / "n.edf")
    whole = bytearray(path.read_bytes())
    whole[at : at + 8] = b"none    "
    path.write_bytes(whole)
    with pytest.raises(RecordingError, match=told):
        said_of(path)


def test_a_recording_of_seconds_is_reported_as_too_short(tmp_path):
    path = tmp_path / "n.edf"
    edfio.Edf([edfio.EdfSignal(np.ones(500), 100, label="EEG Fpz-Cz")]).write(path)
    whole = bytearray(path.read_bytes())
    whole[256 + 16 + 80 : 256 + 16 + 88] = b"uV      "
    path.write_bytes(whole)
    night, said = said_of(path)
    assert night.epochs == ()
    assert "shorter than one epoch" in said


def test_eeg_too_slow_for_the_model_is_reported(tmp_path):
    _, said = said_of(written(tmp_path / "n.edf", sfreq=50))
    assert "holds nothing above 25 Hz" in said


def test_a_night_of_forty_hours_and_one_of_a_single_stage_are_doubted():
    montage = Montage((Stream(100.0, (Channel("Fpz", Modality.EEG, 1.0),)),))

    def words(stages, in_bed=None):
        flaws = [()] * len(stages)
        return " / ".join(plausibility_warnings(stages, flaws, montage, Band(), in_bed))

    assert "40.0 hours count as time in bed" in words([Stage.W, Stage.N2] * 2400)
    assert words([Stage.W, Stage.N2] * 2400, range(100, 1060)) == ""
    assert "960 of 960 scored epochs are N3" in words([Stage.N3] * 960)
    assert words([Stage.W, Stage.N2, Stage.R] * 300) == ""
