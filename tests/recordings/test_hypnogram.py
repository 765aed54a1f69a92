from collections import Counter
from datetime import date, datetime, time, timedelta

import edfio
import pytest

from gateway.edf.file_reader import read_edf
from gateway.errors import RecordingError
from gateway.recordings.hypnogram import find_hypnogram, read_hypnogram
from gateway.staging.stage import Stage


def written(path, *annotations):
    edf = edfio.Edf(
        [],
        recording=edfio.Recording(startdate=date(2026, 2, 13)),
        starttime=time(23, 0),
        annotations=[edfio.EdfAnnotation(*a) for a in annotations],
    )
    edf.write(path)
    return path


R_AND_K = (
    (0, 60, "Sleep stage W"),
    (60, 30, "Sleep stage 1"),
    (90, 60, "Sleep stage 2"),
    (150, 30, "Movement time"),
    (180, 30, "Sleep stage 3"),
    (210, 30, "Sleep stage 4"),
    (215, None, "Lights off"),
    (240, 30, "Sleep stage R"),
    (270, 30, "Sleep stage ?"),
)
STAGES = (
    *(Stage.W, Stage.W, Stage.N1, Stage.N2, Stage.N2),
    *(None, Stage.N3, Stage.N3, Stage.R, None),
)


def test_rechtschaffen_and_kales_become_aasm(tmp_path):
    assert read_hypnogram(written(tmp_path / "h.edf", *R_AND_K)) == STAGES


def test_aasm_annotations_are_read(tmp_path):
    path = written(
        tmp_path / "h.edf",
        *[(30 * i, 30, stage.edf_annotation) for i, stage in enumerate(Stage)],
    )
    assert read_hypnogram(path) == tuple(Stage)


@pytest.mark.parametrize("late_s", [0, 60, 74, -30])
def test_stages_are_aligned_to_the_start_of_the_recording(tmp_path, late_s):
    path = written(tmp_path / "h.edf", *R_AND_K)
    start_utc = read_edf(path).start_utc + timedelta(seconds=late_s)
    stages = read_hypnogram(path, start_utc=start_utc)
    shift = round(late_s / 30)
    assert stages == (STAGES[shift:] if shift >= 0 else (None, *STAGES))


@pytest.mark.parametrize("n_epochs", [4, 10, 13])
def test_there_are_as_many_stages_as_epochs(tmp_path, n_epochs):
    stages = read_hypnogram(written(tmp_path / "h.edf", *R_AND_K), n_epochs=n_epochs)
    assert stages == (STAGES + (None,) * 3)[:n_epochs]


def test_a_file_without_stages_is_refused(tmp_path):
    path = written(tmp_path / "h.edf", (0, None, "Lights off"))
    with pytest.raises(RecordingError, match="no annotation like"):
        read_hypnogram(path)


def test_a_stage_without_end_is_refused(tmp_path):
    path = written(tmp_path / "h.edf", (0, 1e9, "Sleep stage W"))
    with pytest.raises(RecordingError, match="check it"):
        read_hypnogram(path)


def test_the_hypnogram_beside_a_recording_is_found(tmp_path):
    psg = tmp_path / "SC4001E0-PSG.edf"
    assert find_hypnogram(psg) is None
    for name in ("SC4001E0-PSG.edf", "SC4002EC-Hypnogram.edf", "SC4001E0-notes.edf"):
        (tmp_path / name).touch()
    assert find_hypnogram(psg) is None
    (tmp_path / "SC4001EC-Hypnogram.edf").touch()
    assert find_hypnogram(psg) == tmp_path / "SC4001EC-Hypnogram.edf"
    (tmp_path / "SC4001EH-Hypnogram.edf").touch()
    with pytest.raises(RecordingError, match=r"SC4001EC.*SC4001EH"):
        find_hypnogram(psg)


def test_seventy_real_hypnograms_are_nights(shared_data):
    paths = sorted((shared_data / "hypnograms").glob("*-Hypnogram.edf"))
    assert len(paths) == 70
    for path in paths:
        count = Counter(read_hypnogram(path))
        asleep = sum(count[stage] for stage in (Stage.N1, Stage.N2, Stage.N3, Stage.R))
        assert 120 < asleep < 1440, path.name  # one to twelve hours
        assert count[Stage.N2] > 60, path.name


def test_a_real_hypnogram_agrees_with_the_cuts_made_of_it(shared_data, cut_edf):
    codes = (*Stage, None, None)
    for night, name in (
        ("SC4012EC", "SC4012E0_epoch0696-0715"),
        ("SC4091EC", "SC4091E0_epoch0341-0359"),
    ):
        stages = read_hypnogram(shared_data / "hypnograms" / f"{night}-Hypnogram.edf")
        _, labels = cut_edf(name)
        first = int(name[-9:-5])
        assert stages[first : first + len(labels)] == tuple(codes[c] for c in labels)


def test_the_start_of_a_real_night_is_read(shared_data):
    path = shared_data / "hypnograms" / "SC4001EC-Hypnogram.edf"
    start = read_edf(path).start_utc.replace(tzinfo=None)
    assert start == datetime(1989, 4, 24, 16, 13)  # noqa: DTZ001 (as in the file)


def test_two_stages_at_one_time_are_refused(tmp_path):
    rows = ((600, 600, "Sleep stage 2"), (0, 900, "Sleep stage W"))
    with pytest.raises(RecordingError, match="overlap: the epoch at 600 s is"):
        read_hypnogram(written(tmp_path / "h.edf", *rows))


@pytest.mark.parametrize("duration_s", [None, 0.0])
def test_a_stage_without_duration_lasts_to_the_next(tmp_path, duration_s):
    rows = [(0, "W"), (60, "N1"), (90, "N4"), (240, "R")]
    texts = [(at, duration_s, f"Sleep stage {name}@@EEG F4-A1") for at, name in rows]
    expected = ["W", "W", "N1", "N3", "N3", "N3", "N3", "N3", "R"]
    stages = read_hypnogram(written(tmp_path / "h.edf", *texts))
    assert [stage.value for stage in stages] == expected


def test_a_stage_of_no_known_name_is_refused_with_its_count(tmp_path):
    rows = [(30 * i, 30, f"Sleep stage {'WQ'[i % 2]}") for i in range(6)]
    with pytest.raises(RecordingError, match=r"'Sleep stage Q' \(3 times\)"):
        read_hypnogram(written(tmp_path / "h.edf", *rows))


def test_bare_names_are_read_where_no_others_are(tmp_path):
    bare = [(0, 30, "Wake"), (30, 30, "N2"), (45, None, "Arousal")]
    stages = read_hypnogram(written(tmp_path / "h.edf", *bare))
    assert stages == (Stage.W, Stage.N2)
    full = [(0, 60, "Sleep stage N3"), (40, None, "wake")]
    assert read_hypnogram(written(tmp_path / "f.edf", *full)) == (Stage.N3, Stage.N3)


@pytest.mark.parametrize(
    ("recording", "beside", "belongs"),
    [
        ("subject_01-PSG.edf", "subject_02-Hypnogram.edf", False),
        ("subject_01-PSG.edf", "subject_01-Hypnogram.edf", True),
        ("SN001.edf", "SN001_sleepscoring.edf", True),
        ("SN001.edf", "SN0011_sleepscoring.edf", False),
        ("night.edf", "night_hypnogram.edf", True),
    ],
)
def test_a_hypnogram_belongs_to_its_whole_name(tmp_path, recording, beside, belongs):
    stages = written(tmp_path / beside, (0, 30, "Sleep stage W"))
    assert find_hypnogram(tmp_path / recording) == (stages if belongs else None)
    content = bytearray(stages.read_bytes())
    content[88:168] = b"Startdate X X sleepgate ulw".ljust(80)  # our own result
    stages.write_bytes(content)
    assert find_hypnogram(tmp_path / recording) is None
