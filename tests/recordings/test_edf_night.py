"""Files read while they are scored: interruptions, losses and 24 bits in place."""

from datetime import date, time
from itertools import pairwise

import edfio
import numpy as np
import pytest

from gateway.edf.file_reader import read_edf
from gateway.errors import RecordingError
from gateway.models.load import read_model
from gateway.offline.score_recording import packets, score
from gateway.recordings.edf_recording import open_edf, read_recording
from gateway.recordings.open_recording import open_night
from gateway.session.pipeline import Night
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

SFREQ = 100
DICE = np.random.default_rng(1)


def written(  # noqa: PLR0913 (one per property of the file)
    path, seconds, record_s=5, *, annotations=(), kind=edfio.Edf, sfreq=SFREQ
):
    """Write EEG and a slow EMG; return the path."""
    noise = np.cumsum(DICE.normal(0, 4, seconds * sfreq))
    eeg = noise - np.convolve(noise, np.ones(sfreq) / sfreq, "same")
    signal = edfio.EdfSignal if kind is edfio.Edf else edfio.BdfSignal
    uv = {"physical_dimension": "uV", "physical_range": (-500, 500)}
    signals = [
        signal(eeg.clip(-499, 499), sfreq, label="EEG Fpz-Cz", **uv),
        signal(DICE.normal(0, 5, seconds), 1, label="EMG submental", **uv),
    ]
    made = kind(
        signals,
        recording=edfio.Recording(startdate=date(2026, 2, 13)),
        starttime=time(23, 0),
        data_record_duration=record_s,
        annotations=[edfio.EdfAnnotation(0, None, "begin"), *annotations],
    )
    made.write(path)
    return path


def without_records(path, first, n, name="cut.edf"):
    """Cut data records out of a file, as a recorder that paused leaves them out."""
    content = path.read_bytes()
    header_bytes, n_records = int(content[184:192]), int(content[236:244])
    record_bytes = (len(content) - header_bytes) // n_records
    records = [
        content[header_bytes + i * record_bytes :][:record_bytes]
        for i in range(n_records)
        if not first <= i < first + n
    ]
    header = bytearray(content[:header_bytes])
    header[192:197] = b"EDF+D"
    header[236:244] = str(len(records)).encode().ljust(8)
    out = path.with_name(name)
    out.write_bytes(bytes(header) + b"".join(records))
    return out


def epochs_of(recording):
    outputs = score(recording, Night(read_model("default"), {}, 50))
    return [output for output in outputs if isinstance(output, ScoredEpoch)]


def said(epoch):
    return (epoch.index, epoch.start_utc, epoch.stage, epoch.hypnodensity)


def said_alone(epoch):
    """Return what does not depend on the epochs before."""
    return (epoch.index, epoch.start_utc, epoch.raw_stage, epoch.raw_hypnodensity)


@pytest.mark.parametrize("record_s", [1, 7, 30])
def test_what_is_read_piece_by_piece_is_what_is_read_whole(tmp_path, record_s):
    path = written(tmp_path / "n.edf", 210, record_s)
    whole = list(packets(read_recording(path)))
    pieces = list(open_edf(path).packets())
    for stream in (0, 1):
        mine = [p for p in pieces if p.stream == stream]
        assert all(a.index + a.counts.shape[1] == b.index for a, b in pairwise(mine))
        np.testing.assert_array_equal(
            np.concatenate([p.counts for p in mine], axis=1),
            np.concatenate([p.counts for p in whole if p.stream == stream], axis=1),
        )


def test_a_file_is_scored_bit_for_bit_however_it_is_read(tmp_path):
    path = written(tmp_path / "n.edf", 330)
    whole, pieces = epochs_of(read_recording(path)), epochs_of(open_edf(path))
    assert [said(e) for e in whole] == [said(e) for e in pieces]
    assert len(whole) == 11


def test_an_interruption_stays_where_it_was(tmp_path):
    whole = written(tmp_path / "n.edf", 300)
    cut = without_records(whole, 13, 22)  # 65 s to 175 s
    before, after = epochs_of(open_edf(whole)), epochs_of(open_edf(cut))
    assert [e.index for e in after] == list(range(10))
    for epoch in (0, 1, 6, 7, 8, 9):
        assert said_alone(after[epoch]) == said_alone(before[epoch])
    for epoch in (2, 3, 4, 5):
        assert after[epoch].stage is Refusal.GAP
    assert after[3].quality[0].missing_s == pytest.approx(30)
    assert after[2].quality[0].missing_s == pytest.approx(25)
    assert "interrupted 1 times" in open_edf(cut).notes[0]


def test_hours_between_records_pass_as_hours(tmp_path):
    whole = written(tmp_path / "n.edf", 9000, record_s=30, sfreq=64)
    cut = without_records(whole, 4, 290)
    before, after = epochs_of(open_edf(whole)), epochs_of(open_edf(cut))
    assert len(after) == 300
    assert [said_alone(e) for e in after[294:]] == [said_alone(e) for e in before[294:]]
    assert {e.stage for e in after[4:294]} == {Refusal.GAP}


def test_a_recording_that_begins_with_a_loss_keeps_its_time(tmp_path):
    lost = edfio.EdfAnnotation(0, 75.5, "BAD_gap")
    whole = written(tmp_path / "n.edf", 210)
    content = whole.read_bytes()
    marked = edfio.read_edf(content)
    marked.add_annotations([lost])
    marked.write(tmp_path / "marked.edf")
    before, after = (
        epochs_of(open_edf(whole)),
        epochs_of(open_edf(tmp_path / "marked.edf")),
    )
    assert [e.stage for e in after[:3]] == [Refusal.GAP] * 3
    assert [said_alone(e) for e in after[3:]] == [said_alone(e) for e in before[3:]]


@pytest.mark.parametrize("text", ["BAD_gap", "BAD_gap@@EEG Fpz-Cz"])
def test_held_samples_count_as_missing(tmp_path, text):
    gaps = [(31.0, 3.25), (100.0, 0.5), (180.0, 30.0)]
    annotations = [edfio.EdfAnnotation(onset, s, text) for onset, s in gaps]
    path = written(tmp_path / "n.edf", 210, annotations=annotations)
    epochs = epochs_of(open_edf(path))
    missing = [e.quality[0].missing_s for e in epochs]
    assert missing == pytest.approx([0, 3.25, 0, 0.5, 0, 0, 30])
    assert epochs[6].stage is Refusal.GAP
    assert epochs[1].stage is not Refusal.GAP


def test_lights_off_and_on_bound_the_time_in_bed(tmp_path):
    marks = [(44, "Lights off"), (61, "lights off"), (178, "Lights on")]
    annotations = [edfio.EdfAnnotation(at, None, text) for at, text in marks]
    path = written(tmp_path / "n.edf", 240, annotations=annotations)
    night = Night(read_model("default"), {}, 50)
    *_, summary = score(open_edf(path), night)
    assert (summary.in_bed, summary.tib_min) in ((slice(1, 6), 2.5), (slice(2, 6), 2))


def test_twenty_four_bits_are_read(tmp_path):
    path = written(tmp_path / "n.bdf", 60, kind=edfio.Bdf)
    night = open_night(path)
    read = night.load()
    source = edfio.read_bdf(path)
    for stream, signal in enumerate(source.signals):
        np.testing.assert_array_equal(read.counts[stream][0], signal.digital)
    assert read.counts[0].min() < -(2**15)  # not just two of the three bytes
    uv = read.montage.streams[0].to_microvolts(read.counts[0])[0]
    assert np.abs(uv - source.signals[0].data).max() < 1e-3
    assert len(epochs_of(night)) == 2


def test_a_header_that_promises_less_than_there_is_is_not_believed(tmp_path):
    path = written(tmp_path / "n.edf", 60)
    content = bytearray(path.read_bytes())
    content[236:244] = b"3       "
    path.write_bytes(bytes(content) + b"\x01" * 7)
    night = open_edf(path)
    assert len(epochs_of(night)) == 2
    assert "says 3 data records, it holds 12" in night.notes[0]
    assert "7 bytes are left out" in night.notes[1]


def test_records_that_go_back_in_time_are_refused(tmp_path):
    path = written(tmp_path / "n.edf", 60)
    path.write_bytes(path.read_bytes().replace(b"+25\x14\x14", b"+12\x14\x14"))
    with pytest.raises(RecordingError, match="data record 5 begins 13 s before"):
        open_edf(path)


def test_an_interrupted_file_that_does_not_say_when_is_refused(tmp_path):
    cut = without_records(written(tmp_path / "n.edf", 60), 3, 2)
    cut.write_bytes(cut.read_bytes().replace(b"+25\x14\x14", b"\x00" * 5))
    with pytest.raises(RecordingError, match="does not say when it begins"):
        open_edf(cut)


def test_two_nights_in_one_file_are_refused(tmp_path):
    path = written(tmp_path / "n.edf", 60)
    path.write_bytes(path.read_bytes().replace(b"+55\x14\x14", b"+200055\x14\x14"))
    with pytest.raises(RecordingError, match="export the two recordings apart"):
        open_edf(path)


def test_annotations_out_of_order_are_put_in_order(tmp_path):
    shuffled = [edfio.EdfAnnotation(t, 30, "Sleep stage W") for t in (60, 0, 30)]
    path = written(tmp_path / "n.edf", 90, annotations=shuffled)
    content = path.read_bytes()
    path.write_bytes(content.replace(b"+30\x1530", b"+61\x1530"))
    onsets = [a.onset_s for a in open_edf(path).edf.annotations]
    assert onsets == sorted(onsets)
    assert {60.0, 61.0} <= set(onsets)


def test_signals_of_one_name_are_told_apart(tmp_path):
    made = edfio.Edf(
        [
            edfio.EdfSignal(DICE.normal(0, 9, 300), 10, label="EEG Fpz-Cz"),
            edfio.EdfSignal(DICE.normal(0, 9, 300), 10, label="EEG Fpz-Cz"),
        ]
    )
    made.write(tmp_path / "n.edf")
    labels = [s.label for s in read_edf(tmp_path / "n.edf").signals]
    assert labels == ["EEG Fpz-Cz", "EEG Fpz-Cz #2"]


@pytest.mark.parametrize("suffix", ["", "@@EEG Fpz-Cz", " @@x"])
@pytest.mark.parametrize(
    ("off", "on"),
    [
        ("Lights off", "Lights on"),
        ("LIGHTS OUT", "lights ON"),
        ("light_off", "Light on"),
    ],
)
def test_the_lights_are_read_in_all_their_spellings(tmp_path, off, on, suffix):
    marks = [(30, off), (30, off), (90, on)]
    annotations = [edfio.EdfAnnotation(at, None, text + suffix) for at, text in marks]
    night = open_edf(written(tmp_path / "n.edf", 120, annotations=annotations))
    assert night.lights == [(30.0, True), (90.0, False)]
