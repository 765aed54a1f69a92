"""What training sees of a night is what the daemon would have scored."""

import json
import shutil

import edfio
import numpy as np
import pytest

from gateway.errors import RecordingError
from gateway.preprocessing.filtering import Band, band_limit
from gateway.recordings.edf_recording import read_recording
from tests.support.sleep_edf_files import write_hypnogram, write_night, write_psg
from training.errors import TrainingDataError
from training.progress import Progress
from training.sleep_edf.nights import read_night, read_nights
from training.sleep_edf.prepare import MARGIN, prepare, prepare_night

SLEEP = "1" * 2 + "2" * 6 + "3" * 3 + "4" * 3 + "R" * 4 + "2" * 2


def test_stages_are_merged_and_what_nobody_scored_is_left_out(tmp_path):
    stages = "WW" + SLEEP + "M?" + "2W"
    night = prepare_night(write_night(tmp_path, "SC4001", stages))
    codes = {"W": 0, "1": 1, "2": 2, "3": 3, "4": 3, "R": 4}
    scored = [(n, codes[s]) for n, s in enumerate(stages) if s in codes]
    assert night.epochs.tolist() == [n for n, _ in scored]
    assert night.stages.tolist() == [code for _, code in scored]
    assert night.about["stages"] == {"W": 3, "N1": 2, "N2": 9, "N3": 6, "R": 4}
    assert night.about["unscored_by_the_expert"] == 2
    assert night.uv.shape == (len(scored), 3, 3000)
    assert night.uv.dtype == np.float16


def test_half_an_hour_of_wake_is_kept_at_both_ends(tmp_path):
    stages = "W" * 63 + SLEEP + "W" * 62
    night = prepare_night(write_night(tmp_path, "SC4001", stages))
    assert night.epochs[0] == 63 - MARGIN
    assert night.epochs[-1] == 63 + len(SLEEP) + MARGIN - 1
    assert len(night.epochs) == len(SLEEP) + 2 * MARGIN


def test_every_epoch_is_the_gateways_own_of_the_same_samples(tmp_path):
    path = write_night(tmp_path, "SC4001", "W" * 5 + SLEEP[:8])
    night = prepare_night(path)
    recording = read_recording(path, {"EEG Fpz-Cz": "EEG Fpz-Cz"})
    uv = recording.montage.streams[0].to_microvolts(recording.counts[0].astype(int))
    for at, epoch in enumerate(night.epochs):
        samples = uv[:, epoch * 3000 : (epoch + 1) * 3000].astype(np.float32)
        expected = band_limit(samples, 100.0, Band(notch_hz=50.0))[0]
        np.testing.assert_array_equal(night.uv[at, 0], expected.astype(np.float16))


@pytest.mark.parametrize("record_s", [10, 60])  # SC4362 has minutes
def test_the_length_of_the_data_records_does_not_matter(tmp_path, record_s):
    stages = "W" * 4 + SLEEP
    usual = prepare_night(write_night(tmp_path, "SC4001", stages))
    other = prepare_night(write_night(tmp_path, "SC4362", stages, record_s=record_s))
    np.testing.assert_array_equal(usual.uv, other.uv)
    np.testing.assert_array_equal(usual.epochs, other.epochs)


@pytest.mark.parametrize("emg_hz", [1, 100, 200])
def test_the_rate_of_a_channel_that_is_not_used_does_not_matter(tmp_path, emg_hz):
    night = prepare_night(write_night(tmp_path, "SC4001", "WW" + SLEEP, emg_hz=emg_hz))
    assert len(night.stages) == 2 + len(SLEEP)


def test_channels_of_several_rates_are_brought_to_one(tmp_path):
    path = write_night(tmp_path, "ST7011", "WW" + SLEEP, emg_hz=200)
    night = prepare_night(path, ("EEG Fpz-Cz", "EMG submental"))
    assert night.uv.shape[1:] == (2, 3000)
    assert night.uv[:, 1].std() > 0.1


@pytest.mark.parametrize("beyond_s", [30, 7200])
def test_a_hypnogram_that_outlasts_its_recording_is_cut(tmp_path, beyond_s):
    stages = "WW" + SLEEP + "W"
    night = prepare_night(write_night(tmp_path, "SC4001", stages, beyond_s=beyond_s))
    assert night.epochs[-1] == len(stages) - 1


def test_a_recording_that_outlasts_its_hypnogram_has_no_stage_there(tmp_path):
    path = tmp_path / "SC4001E0-PSG.edf"
    write_psg(path, "WW" + SLEEP + "W" * 50)
    write_hypnogram(tmp_path / "SC4001EC-Hypnogram.edf", "WW" + SLEEP)
    assert len(prepare_night(path).stages) == 2 + len(SLEEP)


def test_a_hypnogram_that_began_later_is_shifted(tmp_path):
    path = tmp_path / "SC4001E0-PSG.edf"
    write_psg(path, "WWWW" + SLEEP)
    write_hypnogram(tmp_path / "SC4001EC-Hypnogram.edf", "WW" + SLEEP, late_s=60)
    night = prepare_night(path)
    assert night.epochs[0] == 2
    assert night.stages[2] == 1


def test_what_the_daemon_would_refuse_is_left_out_and_counted(tmp_path):
    night = prepare_night(write_night(tmp_path, "SC4001", "WW" + SLEEP, quiet=[4, 5]))
    assert not {4, 5} & set(night.epochs.tolist())
    assert sum(night.about["refused_by_the_daemon"].values()) == 2


def test_a_night_without_sleep_or_hypnogram_is_named(tmp_path):
    awake = write_night(tmp_path, "SC4001", "W" * 30)
    with pytest.raises(TrainingDataError, match="no sleep"):
        prepare_night(awake)
    (tmp_path / "SC4001EC-Hypnogram.edf").unlink()
    with pytest.raises(TrainingDataError, match="no hypnogram"):
        prepare_night(awake)


def test_a_recording_cut_short_is_refused(tmp_path):
    path = write_night(tmp_path, "SC4001", "WW" + SLEEP)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(RecordingError, match="copy it again"):
        prepare_night(path)


def test_a_real_hypnogram_fits(shared_data, tmp_path):
    name = "SC4001EC-Hypnogram.edf"
    real = shared_data / "hypnograms" / name
    shutil.copy(real, tmp_path / name)
    letters = _letters(real)
    write_psg(tmp_path / "SC4001E0-PSG.edf", letters[: 79500 // 30], sfreq=20)
    night = prepare_night(tmp_path / "SC4001E0-PSG.edf", ("EEG Fpz-Cz",))
    assert night.about["stages"] == {"W": 188, "N1": 58, "N2": 250, "N3": 220, "R": 125}


def _letters(path):
    edf = edfio.read_edf(path)
    letters = []
    for bout in edf.annotations:
        letter = "M" if bout.text.startswith("Mov") else bout.text[-1]
        letters += [letter] * int(bout.duration // 30)
    return "".join(letters)


# --- a folder of them ---


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    for number, name in enumerate(("SC4001", "SC4002", "SC4011")):
        write_night(folder, name, "WW" + SLEEP, seed=number)
    return folder


@pytest.fixture
def quietly():
    import io  # noqa: PLC0415

    return Progress("prepare", io.StringIO())


def test_a_folder_is_prepared_and_read_back(raw, tmp_path, quietly):
    about = prepare(raw, tmp_path / "made", progress=quietly)
    nights = read_nights(tmp_path / "made")
    assert [night.name for night in nights] == ["SC4001", "SC4002", "SC4011"]
    assert [night.subject for night in nights] == ["00", "00", "01"]
    assert [dict(night.about) for night in nights] == about
    assert isinstance(nights[0].uv, np.memmap)


def test_processes_make_the_same(raw, tmp_path, quietly):
    prepare(raw, tmp_path / "one", progress=quietly)
    prepare(raw, tmp_path / "two", workers=2, progress=quietly)
    for name in ("SC4001", "SC4002", "SC4011"):
        one, two = (read_night(tmp_path / by, name) for by in ("one", "two"))
        np.testing.assert_array_equal(one.uv, two.uv)


def test_only_what_is_missing_or_changed_is_prepared_again(raw, tmp_path, quietly):
    made = tmp_path / "made"
    prepare(raw, made, progress=quietly)
    before = {p.parent.name: p.stat().st_mtime_ns for p in made.glob("*/uv.npy")}
    shutil.rmtree(made / "SC4002")
    (made / ".SC4002.partial").mkdir()  # as a kill leaves it
    (made / ".SC4002.partial" / "uv.npy").write_bytes(b"half")
    write_night(raw, "SC4011", "WWW" + SLEEP)
    prepare(raw, made, progress=quietly)
    after = {p.parent.name: p.stat().st_mtime_ns for p in made.glob("*/uv.npy")}
    assert set(after) == set(before)
    assert after["SC4001"] == before["SC4001"]
    assert after["SC4011"] != before["SC4011"]
    assert len(read_night(made, "SC4011").stages) == 3 + len(SLEEP)


def test_a_bad_night_is_reported_and_the_others_are_prepared(raw, tmp_path, quietly):
    (raw / "SC4002E0-PSG.edf").write_bytes(b"nothing")
    (raw / "SC4011EC-Hypnogram.edf").unlink()
    with pytest.raises(TrainingDataError) as told:
        prepare(raw, tmp_path / "made", progress=quietly)
    assert "SC4002E0" in str(told.value)
    assert "SC4011E0" in str(told.value)
    assert [n.name for n in read_nights(tmp_path / "made")] == ["SC4001"]


def test_an_empty_folder_says_what_to_do(tmp_path):
    with pytest.raises(TrainingDataError, match="fetch them"):
        prepare(tmp_path, tmp_path / "made")
    with pytest.raises(TrainingDataError, match="prepare"):
        read_nights(tmp_path)


def test_nights_prepared_in_two_ways_are_not_mixed(raw, tmp_path, quietly):
    made = tmp_path / "made"
    prepare(raw, made, progress=quietly)
    about = made / "SC4001" / "about.json"
    note = json.loads(about.read_text())
    note["prepared"]["channels"] = ["EEG Fpz-Cz"]
    about.write_text(json.dumps(note))
    with pytest.raises(TrainingDataError, match="prepare again"):
        read_nights(made)
