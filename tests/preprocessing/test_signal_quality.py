import numpy as np
import pytest

from gateway.acquisition.montage import Channel, Modality, Stream
from gateway.preprocessing.filtering import Band, band_limit
from gateway.preprocessing.signal_quality import Flaw, any_flat, judge, railed_fraction
from gateway.recordings.edf_recording import read_recording

EEG = Channel("A", Modality.EEG, 0.1, zero=100, digital_min=0, digital_max=1000)
STREAM = Stream(100.0, (EEG, EEG))
WAVE = np.sin(np.arange(3000)).astype(np.float32)
FIRST = np.array([1, 0], np.float32)


def judged(uv, *, missing_s=0.0, railed=0.0):
    return judge(uv.astype(np.float32), missing_s, railed, 30)


@pytest.mark.parametrize(
    ("uv", "found", "expected"),
    [
        (20 * WAVE, {}, set()),
        (0 * WAVE, {}, {Flaw.FLAT}),
        (0.05 * WAVE, {}, {Flaw.FLAT}),
        (5000 * WAVE, {}, {Flaw.WILD}),
        (20 * WAVE, {"missing_s": 5.9}, set()),
        (20 * WAVE, {"missing_s": 6.1}, {Flaw.GAP}),
        (0 * WAVE, {"missing_s": 30.0}, {Flaw.GAP}),
        (0 * WAVE, {"missing_s": 10.0}, {Flaw.GAP, Flaw.FLAT}),
        (20 * WAVE, {"railed": 0.04}, set()),
        (20 * WAVE, {"railed": 0.06}, {Flaw.RAILED}),
    ],
)
def test_flaws_are_named(uv, found, expected):
    quality = judged(uv, **found)
    assert quality.flaws == expected
    assert (quality.score == 0) == bool(expected)


def test_the_score_falls_with_what_is_lost_and_railed():
    assert judged(20 * WAVE).score == 1
    assert judged(20 * WAVE, missing_s=3).score == pytest.approx(0.9)
    assert judged(20 * WAVE, missing_s=3, railed=0.02).score == pytest.approx(0.882)


def test_a_spike_is_not_wild():
    spiky = 20 * WAVE
    spiky[1000:1020] = 5000
    assert not judged(spiky).flaws


def test_samples_at_the_rails_are_counted_in_the_channels_used():
    counts = np.full((2, 100), 500, np.int32)
    counts[0, :10], counts[0, 10:15], counts[1, :] = 0, 1000, 1000
    uv = STREAM.to_microvolts(counts)
    assert railed_fraction(uv, STREAM, FIRST) == pytest.approx(0.15)
    assert railed_fraction(uv, STREAM, FIRST[::-1]) == 1
    assert railed_fraction(uv, STREAM, FIRST + FIRST[::-1]) == 1
    assert railed_fraction(uv[:, :0], STREAM, FIRST) == 0


def test_one_count_from_the_rail_is_not_railed():
    counts = np.array([[1, 999], [1, 999]], np.int32)
    assert railed_fraction(STREAM.to_microvolts(counts), STREAM, FIRST) == 0


def test_an_electrode_that_gives_nothing_is_seen_under_a_difference():
    uv = np.stack([20 * WAVE, np.full(3000, 7.0, np.float32)])
    assert not any_flat(uv, FIRST)
    assert any_flat(uv, FIRST[::-1])
    assert any_flat(uv, FIRST - FIRST[::-1])
    assert any_flat(uv[:, :0], FIRST)


def flaws_of(recording):
    """Yield epoch, channel and flaws of everything a recording holds at 100 Hz."""
    stream, counts = recording.montage.streams[0], recording.counts[0]
    uv = stream.to_microvolts(counts.astype(np.int32))
    rows = np.eye(len(stream.channels), dtype=np.float32)
    for epoch in range(uv.shape[1] // 3000):
        piece = uv[:, epoch * 3000 : (epoch + 1) * 3000]
        filtered = band_limit(piece, stream.sfreq, Band(notch_hz=50.0))
        for at, row in enumerate(rows):
            railed = railed_fraction(piece, stream, row)
            yield epoch, at, judge(filtered[at], 0.0, railed, 30).flaws


def test_no_real_epoch_that_an_expert_scored_is_refused(shared_data, cut_edf):
    n_seen, refused = 0, []
    for npz in sorted((shared_data / "sleep_edf_cuts").glob("*.npz")):
        path, labels = cut_edf(npz.stem)
        for epoch, at, flaws in flaws_of(read_recording(path)):
            n_seen += 1
            if flaws and labels[epoch] < 5:
                refused.append((npz.stem, epoch, at, flaws))
    assert n_seen == 331
    assert refused == []
