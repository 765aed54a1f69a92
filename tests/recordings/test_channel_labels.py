"""Labels, units and derivations as they are in the wild."""

import edfio
import numpy as np
import pytest

from gateway.errors import RecordingError
from gateway.models.load import read_model
from gateway.offline.score_recording import night_for, score
from gateway.recordings.channel_labels import find_label, microvolts, nearest, site_of
from gateway.recordings.edf_recording import open_edf
from gateway.recordings.open_recording import recordings_in
from gateway.staging.scored_epoch import ScoredEpoch

DICE = np.random.default_rng(4)
A, B = (np.round(DICE.normal(0, 20, 9000), 1) for _ in range(2))


def written(path, units="uV", **signals):
    made = [
        edfio.EdfSignal(
            samples,
            100,
            label=label.replace("__", " "),
            physical_dimension=units,
            physical_range=(-3276.8, 3276.7),
        )
        for label, samples in signals.items()
    ]
    edfio.Edf(made).write(path)
    return path


def scored(path, channels=None, unit=None):
    night = open_edf(path, channels, unit)
    outputs = score(night, night_for(night, read_model("default")))
    return [x for x in outputs if isinstance(x, ScoredEpoch)]


@pytest.mark.parametrize(
    "text",
    [
        *("uV", "UV", "uv ", "u V", "uVolt", "microvolts", "\xb5V", "\xc2\xb5V"),
        *("\x83\xcaV", "\xce\xbcV", "\u03bcV"),
    ],
)
def test_a_microvolt_in_any_spelling(text):
    assert microvolts(text) == 1.0


@pytest.mark.parametrize("text", ["", "%", "mmHg", "uA", "V/s", "degC", "mm"])
def test_what_is_no_voltage(text):
    assert microvolts(text) is None


@pytest.mark.parametrize(
    "label", ["EEG FPZ-CZ", "eeg fpz-cz", "EEG Fpz_Cz", "EEG Fpz/Cz", "Fpz-Cz"]
)
def test_labels_match_without_case_and_separators(tmp_path, label):
    assert find_label("EEG Fpz-Cz", ["EEG Pz-Oz", label]) == label
    night = open_edf(written(tmp_path / "n.edf", **{label: A}))
    assert [c.label for c in night.montage.streams[0].channels] == ["Fpz-Cz"]


def test_names_of_no_electrodes_stay_as_they_are():
    assert site_of("EOG horizontal") == "horizontal"
    assert site_of("EEG AF7") == "AF7"


@pytest.mark.parametrize(
    "theirs",
    ["EEG Fp1-Ref - EEG A2-Ref", "Fp1-A2", "fp1 - a2", "EEG Fp1-Ref-EEG A2-Ref"],
)
def test_the_difference_of_two_channels_is_scored_as_such(tmp_path, theirs):
    pair = {"EEG Fp1-Ref": A, "EEG A2-Ref": B}
    apart = scored(written(tmp_path / "a.edf", **pair), {"EEG Fpz-Cz": theirs})
    joined = scored(written(tmp_path / "j.edf", **{"EEG Fpz-Cz": A - B}))
    assert len(apart) == len(joined) == 3
    for mine, its in zip(apart, joined, strict=True):
        assert mine.stage == its.stage
        np.testing.assert_allclose(mine.hypnodensity, its.hypnodensity, atol=0.05)


@pytest.mark.parametrize(
    "labels",
    [
        ("EEG F4-M1", "EEG C4-M1", "EMG chin"),
        ("EEG", "EEG(sec)", "EOG(L)"),
        ("F3-A2", "X"),
    ],
)
def test_the_first_message_names_the_option_that_helps(tmp_path, labels):
    path = written(tmp_path / "n.edf", **dict.fromkeys(labels, A))
    with pytest.raises(RecordingError, match="--channel 'EEG Fpz-Cz=") as refused:
        scored(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert "headband" not in message
    for label in labels:
        assert repr(label) in message
    offered = message.rpartition("EEG Fpz-Cz=")[2].removesuffix("'")
    assert offered == nearest("EEG Fpz-Cz", labels)
    assert scored(path, {"EEG Fpz-Cz": offered})


def test_a_unit_that_the_file_does_not_name_can_be_given(tmp_path):
    path = written(tmp_path / "n.edf", units="", **{"EEG Fpz-Cz": A})
    with pytest.raises(RecordingError, match="--unit uV"):
        scored(path)
    with_unit = written(tmp_path / "u.edf", **{"EEG Fpz-Cz": A})
    assert [e.hypnodensity for e in scored(path, unit="uV")] == [
        e.hypnodensity for e in scored(with_unit)
    ]


def test_a_spare_channel_that_is_odd_is_left_out_and_reported(tmp_path):
    path = written(tmp_path / "n.edf", **{"EEG Fpz-Cz": A, "ECG": B})
    content = bytearray(path.read_bytes())
    assert content[456:464] == b"uV      "
    content[456:464] = b"per cent"
    path.write_bytes(content)
    night = open_edf(path)
    assert [c.label for c in night.montage.streams[0].channels] == ["Fpz-Cz"]
    assert any("'ECG'" in note and "left out" in note for note in night.notes)


def test_an_archive_has_recordings_of_any_ending_and_no_scorings(tmp_path):
    night = written(tmp_path / "1.REC", **{"EEG Fpz-Cz": A})
    written(tmp_path / "SN001.EDF", **{"EEG Fpz-Cz": A})
    stages = [edfio.EdfAnnotation(0, 30, "Sleep stage W")]
    edfio.Edf([], annotations=stages).write(tmp_path / "scored by hand.edf")
    assert [p.name for p in recordings_in(tmp_path)] == [night.name, "SN001.EDF"]


def test_a_file_that_has_the_channel_itself_needs_no_other(tmp_path):
    path = written(tmp_path / "n.edf", **{"EEG Fpz-Cz": A})
    night = open_edf(path, {"EEG Fpz-Cz": "EEG C4-M1"})
    assert "no channel 'EEG C4-M1'; its own 'EEG Fpz-Cz' is used" in night.notes
