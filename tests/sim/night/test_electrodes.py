"""What is laid on electrodes is the recording again, at the device's own rate."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.drivers import ganglion, muse_classic, npg_lite
from gateway.errors import ConfigError, RecordingError
from gateway.preprocessing.derivation import parse_derivation
from gateway.recordings.recording import Recording
from sim.night.electrodes import SITES, electrodes
from sim.night.resampling import resampled
from sim.night.synthetic_night import synthetic_night

FINE_UV = 1e-3
SOURCES = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")
MUSE = muse_classic.montage(("TP9", "AF7", "AF8", "TP10"))
BOARDS = {
    "muse_classic": MUSE,
    "ganglion": ganglion.montage("3.0.0"),
    "npg_lite": npg_lite.montage(3, 10),
}


def waves(time_s, rng):
    """Sums of sines below 40 Hz at any time, microvolts, one row per signal."""
    freq_hz = rng.uniform(0.2, 40, (len(SOURCES), 8))
    phase = rng.uniform(0, 2 * np.pi, freq_hz.shape)
    angle = 2 * np.pi * freq_hz[:, :, None] * time_s + phase[:, :, None]
    return 6 * np.sin(angle).sum(axis=1)


def recording(uv, sfreq=100.0, labels=("Fpz-Cz", "Pz-Oz", "EOG")):
    channels = tuple(
        Channel(
            label,
            Modality.EOG if label == "EOG" else Modality.EEG,
            FINE_UV,
            0,
            -(2**31),
            2**31 - 1,
        )
        for label in labels
    )
    counts = np.rint(uv / FINE_UV).astype(np.int32)
    montage = Montage((Stream(sfreq, channels),))
    return Recording(name="waves", montage=montage, counts=(counts,))


def derived(board, montage, counts, label):
    """Return what the driver's first derivation makes of `counts`, and its error."""
    stream = montage.streams[0]
    labels = [channel.label for channel in stream.channels]
    text = drivers.load(board).derivations[label][0]
    weights = dict(parse_derivation(label, text, frozenset(labels)).weights)
    row = np.array([weights.get(site, 0.0) for site in labels])
    lsb = stream.channels[0].lsb_uv
    carrying = [abs(w) for site, w in weights.items() if SITES.get(site)]
    uv = row @ stream.to_microvolts(counts.astype(np.int32))
    return uv, sum(carrying) * lsb / 2


@pytest.mark.parametrize("board", BOARDS)
@settings(max_examples=6)
@given(
    seed=st.integers(0, 99),
    offset_mhz=st.integers(-900, 900),
    seconds=st.integers(40, 90),
)
def test_the_drivers_derivations_give_the_recording_back_to_half_a_count(
    board, seed, offset_mhz, seconds
):
    montage = BOARDS[board]
    sfreq = round(montage.streams[0].sfreq + offset_mhz / 1000, 3)
    night = recording(
        waves(np.arange(seconds * 100) / 100, np.random.default_rng(seed))
    )
    counts = electrodes(night, montage, sfreq)
    assert counts.shape[1] == np.ceil(round(seconds * sfreq, 6))
    time_s = np.arange(counts.shape[1]) / sfreq
    true_uv = waves(time_s, np.random.default_rng(seed))
    inside = (time_s > 10) & (time_s < seconds - 10)  # beyond its ends nobody knows
    for label, expected in zip(SOURCES, true_uv, strict=True):
        if label in drivers.load(board).derivations:
            uv, error_uv = derived(board, montage, counts, label)
            off = np.abs(uv - expected)[inside]
            assert off.max() <= error_uv + 0.02


@given(st.integers(1, 2000), st.sampled_from(["1", "64/25", "2", "1/2", "12813/5000"]))
def test_pieces_add_up_to_the_whole(n_samples, ratio):
    ratio = Fraction(ratio)
    signals = np.ones((2, n_samples), np.float32)
    pieces = np.concatenate(list(resampled(signals, ratio)), axis=1)
    assert pieces.shape == (2, -(-n_samples * ratio // 1))
    np.testing.assert_allclose(pieces, 1, atol=1e-6)


def test_where_pieces_meet_there_is_no_seam():
    def swell(time_s):
        return np.sin(np.pi * time_s / 4000) ** 2 * np.sin(2 * np.pi * 31.7 * time_s)

    signal = swell(np.arange(400_000) / 100)[None].astype(np.float32)
    there = np.concatenate(list(resampled(signal, Fraction(64, 25))), axis=1)[0]
    off = np.abs(there - swell(np.arange(there.size) / 256))
    assert off.max() < 5e-6


def test_at_the_recordings_own_rate_counts_stay_what_they_were():
    rng = np.random.default_rng(0)
    counts = rng.integers(-3000, 3000, (1, 5000))
    night = recording(counts * 1.0, labels=("Fpz-Cz",))
    channel = Channel("CH1", Modality.EEG, 1.0)
    laid = electrodes(night, Montage((Stream(100.0, (channel,)),)))
    np.testing.assert_array_equal(laid, counts)
    assert laid.dtype == np.int16


def test_samples_beyond_the_rails_are_at_the_rails():
    loud = recording(np.outer(np.ones(3), 8000 * np.sin(np.arange(6000) / 50)))
    counts = electrodes(loud, MUSE)
    top = MUSE.streams[0].channels[1]
    assert counts.max() == top.digital_max
    assert counts.min() == top.digital_min


def test_signals_of_different_rates_are_laid_side_by_side():
    night, _ = synthetic_night(1, 0.1)
    counts = electrodes(night, ganglion.montage("3.0.0"))
    assert counts.shape == (4, 360 * 200)
    chin_uv = counts[3] * ganglion.LSB_UV
    envelope = night.montage.streams[1].to_microvolts(night.counts[1].astype(np.int32))
    np.testing.assert_allclose(chin_uv[::200], envelope[0], atol=0.1)


def test_an_electrode_without_its_signal_carries_nothing():
    night = recording(np.full((1, 6000), 50.0), labels=("Pz-Oz",))
    counts = electrodes(night, ganglion.montage("3.0.0"))
    assert counts[1].any()
    assert not counts[[0, 2, 3]].any()


def test_a_recording_with_nothing_to_lay_on_says_what_to_name():
    night = recording(np.zeros((1, 6000)), labels=("C3",))
    with pytest.raises(RecordingError, match=r"--channel 'EEG Fpz-Cz=C3'"):
        electrodes(night, MUSE)


@pytest.mark.parametrize("sfreq_hz", [0.0, -1.0, 256.26345, 0.0004])
def test_a_rate_between_millihertz_is_refused(sfreq_hz):
    with pytest.raises(ConfigError, match="whole millihertz"):
        electrodes(recording(np.zeros((3, 6000))), MUSE, sfreq_hz)
