from datetime import UTC, date, datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import Modality
from gateway.errors import RecordingError
from gateway.recordings.edf_recording import open_edf, read_recording
from gateway.recordings.recording import Recording

DICE = np.random.default_rng(0)
COUNTS = DICE.integers(-2048, 2048, 3000, dtype=np.int16)
SPARSE = DICE.integers(-100, 100, 30, dtype=np.int16)


def signal(label, counts=COUNTS, sfreq=100.0, **header):
    header = {
        "physical_dimension": "uV",
        "physical_range": (-204.8, 204.7),
        "digital_range": (-2048, 2047),
    } | header
    return edfio.EdfSignal.from_digital(counts, sfreq, label=label, **header)


SLEEP_EDF = (
    signal("EEG Fpz-Cz"),
    signal("EEG Pz-Oz"),
    signal("EOG horizontal"),
    signal("Resp oro-nasal", SPARSE, 1.0, physical_dimension=""),
    signal("EMG submental", SPARSE, 1.0),
    signal("Temp rectal", SPARSE, 1.0, physical_dimension="DegC"),
)


def written(folder, *signals, **options):
    edf = edfio.Edf(
        signals or SLEEP_EDF,
        recording=edfio.Recording(startdate=date(1989, 4, 24)),
        starttime=time(16, 13),
        **options,
    )
    path = folder / "SC4001E0-PSG.edf"
    edf.write(path)
    return path


def patched(path, at, text):
    content = bytearray(path.read_bytes())
    content[at : at + len(text)] = text
    path.write_bytes(content)
    return path


def test_the_names_of_sleep_edf_are_known(tmp_path):
    night = read_recording(written(tmp_path))
    assert night.name == "SC4001E0-PSG"
    assert not night.synthetic
    assert night.start_utc == datetime(1989, 4, 24, 16, 13, tzinfo=UTC)
    assert [
        (stream.sfreq, [(c.label, c.modality) for c in stream.channels])
        for stream in night.montage.streams
    ] == [
        (
            100.0,
            [
                ("Fpz-Cz", Modality.EEG),
                ("Pz-Oz", Modality.EEG),
                ("EOG", Modality.EOG),
            ],
        ),
        (1.0, [("EMG", Modality.EMG)]),
    ]
    np.testing.assert_array_equal(night.counts[0], np.stack([COUNTS] * 3))
    np.testing.assert_array_equal(night.counts[1], SPARSE[None])
    assert night.duration_s == 30.0


def test_channels_may_be_named_by_hand(tmp_path):
    path = written(tmp_path, signal("FpzCz-ref"), signal("left eye"))
    channels = {"EEG Fpz-Cz": "FpzCz-ref", "EOG horizontal": "left eye"}
    (stream,) = read_recording(path, channels).montage.streams
    assert [(c.label, c.modality) for c in stream.channels] == [
        ("Fpz-Cz", Modality.EEG),
        ("EOG", Modality.EOG),
    ]


def test_channels_that_share_a_short_name_are_numbered(tmp_path):
    path = written(tmp_path, signal("EMG left tibia"), signal("EMG right tibia"))
    (stream,) = read_recording(path).montage.streams
    assert [c.label for c in stream.channels] == ["EMG", "EMG 2"]


@pytest.mark.parametrize(
    ("dimension", "times"),
    [("nV", 1e-3), ("uV", 1), ("\xb5V", 1), ("mV", 1e3), ("V", 1e6)],
)
def test_physical_dimensions_become_microvolts(tmp_path, dimension, times):
    path = written(tmp_path, signal("EEG A", physical_dimension="xx"))
    patched(path, 256 + 16 + 80, dimension.encode("latin-1").ljust(8))
    (stream,) = read_recording(path).montage.streams
    assert stream.channels[0].lsb_uv == pytest.approx(0.1 * times)


@given(
    st.floats(-9e4, 9e4).map(lambda x: round(x, 1)),
    st.floats(1, 9e4).map(lambda x: round(x, 1)),
    st.booleans(),
)
@settings(max_examples=30)
def test_microvolts_are_those_of_the_file_within_half_a_count(low, span, inverted):
    high = round(low + span, 1)
    if inverted:
        low, high = high, low
    made = signal("EEG A", physical_range=(low, high))
    (stream,) = (night := from_bytes(edfio.Edf([made]).to_bytes())).montage.streams
    (channel,) = stream.channels
    assert channel.lsb_uv > 0
    volts = np.float32(channel.lsb_uv * 1e-6)
    assert float(volts) * 1e6 == channel.lsb_uv
    truth = made.data
    uv = stream.to_microvolts(night.counts[0].astype(np.int32))[0]
    largest = max(abs(low), abs(high))
    assert np.abs(uv - truth).max() <= 0.5 * channel.lsb_uv + 1e-5 * largest
    assert channel.digital_min <= night.counts[0].min()
    assert channel.digital_max >= night.counts[0].max()


def from_bytes(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        path.write_bytes(content)
        return read_recording(path)


def test_the_real_cuts_read_as_the_counts_they_hold(cut_edf, shared_data):
    for npz in sorted((shared_data / "sleep_edf_cuts").glob("*.npz")):
        path, labels = cut_edf(npz.stem)
        night = read_recording(path)
        with np.load(npz) as cut:
            np.testing.assert_array_equal(night.counts[0][0], cut["eeg_fpz_cz"])
            lsb_uv = night.montage.streams[0].channels[0].lsb_uv
            assert lsb_uv == pytest.approx(
                float(cut["uV_per_lsb_eeg_fpz_cz"]), rel=1e-5
            )
            assert ("emg_submental" in cut) == (len(night.counts) == 2)
        assert night.duration_s == 30 * len(labels)


def test_a_recorder_that_never_closed_its_file_is_read_to_the_end(tmp_path):
    path = patched(written(tmp_path), 236, b"-1      ")
    assert read_recording(path).duration_s == 30.0


def test_a_date_that_was_removed_is_none(tmp_path):
    path = patched(written(tmp_path), 88, b"Startdate X X X X".ljust(80))
    assert read_recording(path).start_utc is None


@pytest.mark.parametrize(
    ("said", "seconds", "spoil"),
    [
        (
            "says 30 data records, it holds 28",
            28,
            lambda p: p.write_bytes(p.read_bytes()[:-1000]),
        ),
        (
            "9999999 data records, it holds 30",
            30,
            lambda p: patched(p, 236, b"9999999 "),
        ),
        ("many data records, it holds 30", 30, lambda p: patched(p, 236, b"many    ")),
        ("cut short; 566 bytes", 29, lambda p: p.write_bytes(p.read_bytes()[:-40])),
    ],
)
def test_a_file_that_is_not_as_long_as_it_says_is_read_and_reported(
    tmp_path, said, seconds, spoil
):
    path = written(tmp_path)
    spoil(path)
    night = open_edf(path)
    assert night.duration_s == seconds
    assert any(said in note for note in night.notes)


@pytest.mark.parametrize(
    ("at", "text"),
    [(168, t) for t in ("00.00.00", "XX.XX.XX", "        ", "--.--.--", "31.02.21")]
    + [(176, "24.00.00"), (176, "        ")],
)
def test_a_date_that_is_none_is_read_and_reported(tmp_path, at, text):
    path = patched(written(tmp_path), at, text.encode())
    patched(path, 88, b"night one".ljust(80))
    night = open_edf(path)
    assert night.start_utc is None
    assert "no date: times count from the start" in night.notes
    np.testing.assert_array_equal(night.load().counts[0][0], COUNTS)
    assert (night.edf.time_of_day is None) == (at == 176)


@pytest.mark.parametrize(
    ("problem", "spoil"),
    [
        ("No such file", lambda p: p.unlink()),
        ("not an EDF file", lambda p: p.write_bytes(b"")),
        ("not an EDF file", lambda p: p.write_bytes(b"RIFF" * 1000)),
        ("broken EDF", lambda p: p.write_bytes(p.read_bytes()[:700])),
        ("0 whole data records", lambda p: p.write_bytes(p.read_bytes()[:2000])),
        ("'many' signals", lambda p: patched(p, 252, b"many")),
        ("'x' samples in a data record", lambda p: patched(p, 1552, b"x       ")),
        ("wrong length", lambda p: patched(p, 184, b"512     ")),
        ("broken EDF", lambda p: patched(p, 244, b"0       ")),
        ("data records of '-1' s", lambda p: patched(p, 244, b"-1      ")),
        ("data records of 'nan' s", lambda p: patched(p, 244, b"nan     ")),
    ],
)
def test_a_file_that_is_spoilt_is_refused_by_name(tmp_path, problem, spoil):
    path = written(tmp_path)
    spoil(path)
    with pytest.raises(RecordingError, match=problem) as refused:
        read_recording(path)
    assert str(refused.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("problem", "made"),
    [
        ("no label begins", signal("Resp oro-nasal")),
        ("channel 'EEG A' is in 'uA'", signal("EEG A", physical_dimension="uA")),
        ("channel 'EEG A' is in ''.*--unit uV", signal("EEG A", physical_dimension="")),
    ],
)
def test_a_channel_of_no_use_is_refused_by_name(tmp_path, problem, made):
    with pytest.raises(RecordingError, match=problem):
        read_recording(written(tmp_path, made))


@pytest.mark.parametrize(
    ("problem", "channels"),
    [
        ("no channel 'C3'; it has 'EEG Fpz-Cz'", {"EEG C3": "C3"}),
        ("begin its name with EEG", {"front": "EEG Fpz-Cz"}),
        ("list is empty", {}),
    ],
)
def test_channels_named_wrongly_are_refused(tmp_path, problem, channels):
    with pytest.raises(RecordingError, match=problem):
        read_recording(written(tmp_path), channels)


def test_an_interrupted_recording_is_refused(tmp_path):
    path = written(tmp_path, annotations=[edfio.EdfAnnotation(1, None, "lights off")])
    assert read_recording(path).duration_s == 30.0
    content = path.read_bytes()
    path.write_bytes(content.replace(b"+29\x14\x14", b"+99\x14\x14"))
    with pytest.raises(RecordingError, match="interruptions"):
        read_recording(path)


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(st.integers(0, 256 * 7 - 1), st.binary(min_size=1, max_size=8)),
        min_size=1,
        max_size=4,
    )
)
def test_any_bytes_in_the_header_are_read_or_refused(spoilt):
    content = bytearray(WHOLE)
    for at, bytes_ in spoilt:
        content[at : at + len(bytes_)] = bytes_
    try:
        assert isinstance(from_bytes(bytes(content)), Recording)
    except RecordingError as refused:
        assert "/night.edf: " in str(refused)


@settings(max_examples=300)
@given(
    st.sampled_from([168, 176, 184, 236, 244, 252, *range(880, 1744, 8)]),
    st.one_of(
        st.integers(-(10**7), 10**7).map(str),
        st.floats(allow_nan=True).map(lambda x: f"{x:g}"),
    ),
)
def test_any_number_in_the_header_is_read_or_refused(at, number):
    content = bytearray(WHOLE)
    content[at : at + 8] = number.encode()[:8].ljust(8)
    try:
        assert isinstance(from_bytes(bytes(content)), Recording)
    except RecordingError as refused:
        assert "/night.edf: " in str(refused)


WHOLE = edfio.Edf(SLEEP_EDF).to_bytes()
