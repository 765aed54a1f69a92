import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from gateway.preprocessing.derivation import resolve
from gateway.preprocessing.filtering import Band, band_limit
from gateway.preprocessing.signal_quality import judge
from gateway.staging.stage import STAGES, Stage
from sim.night.stage_sequence import FIRST_REM_MIN, stage_sequence
from sim.night.synthetic_night import synthetic_night

W, N1, N2, N3, R = range(5)
FPZ_CZ, PZ_OZ, EOG = range(3)
NIGHT, SCORED = synthetic_night(seed=1, hours=8)
CODES = np.array([STAGES.index(stage) for stage in SCORED])
STREAM = NIGHT.montage.streams[0]
UV = STREAM.to_microvolts(NIGHT.counts[0].astype(np.int32))
EPOCHS = UV.reshape(3, -1, 3000)


def power(low, high, at, code):
    """Return the median power of a band, uV^2, over a stage's epochs."""
    epochs = EPOCHS[at, code == CODES]
    spectrum = np.abs(np.fft.rfft(epochs * np.hanning(3000), axis=1)) ** 2
    hz = np.fft.rfftfreq(3000, 0.01)
    inside = (hz >= low) & (hz < high)
    return np.median(spectrum[:, inside].sum(axis=1)) / (3000 * 1125 / 2)


def test_it_says_that_it_is_synthetic():
    assert NIGHT.synthetic
    assert "SYNTHETIC" in NIGHT.name
    assert NIGHT.start_utc is None


def test_eight_hours_are_960_epochs_of_every_channel():
    assert NIGHT.duration_s == 8 * 3600
    assert len(SCORED) == 960
    assert [c.shape for c in NIGHT.counts] == [(3, 2_880_000), (1, 28_800)]


def test_the_same_seed_gives_the_same_night_and_another_another():
    one, stages = synthetic_night(seed=2, hours=0.5)
    again, stages_again = synthetic_night(seed=2, hours=0.5)
    other, _ = synthetic_night(seed=3, hours=0.5)
    assert stages == stages_again
    for counts, counts_again in zip(one.counts, again.counts, strict=True):
        np.testing.assert_array_equal(counts, counts_again)
    assert (one.counts[0] != other.counts[0]).mean() > 0.9


def test_a_model_finds_its_inputs_in_it():
    labels = ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "EMG submental")
    found = resolve(labels, {}, NIGHT.montage).alternatives
    assert [[placed.stream for placed in choices] for choices in found] == [
        *([0], [0], [0], [1])
    ]


def test_its_calibration_is_exact_on_the_wire():
    for stream in NIGHT.montage.streams:
        for channel in stream.channels:
            volts = np.float32(channel.lsb_uv * 1e-6)
            assert float(volts) * 1e6 == channel.lsb_uv
            assert len(channel.label) <= 8


@pytest.mark.parametrize("seed", range(20))
def test_every_night_has_its_stages_in_their_places(seed):
    stages = stage_sequence(np.random.default_rng(seed), 960)
    first = {stage: stages.index(stage) / 2 for stage in Stage}
    assert stages[0] is Stage.W
    assert 5 < first[Stage.N1] < 20
    assert first[Stage.R] > FIRST_REM_MIN
    deep = [i for i, stage in enumerate(stages) if stage is Stage.N3]
    assert np.median(deep) < 480
    assert 0.02 < len(deep) / 960 < 0.3
    assert 0.3 < stages.count(Stage.N2) / 960 < 0.7
    assert 0.08 < stages.count(Stage.R) / 960 < 0.4


def test_twenty_nights_hold_as_much_of_each_stage_as_real_ones():
    nights = [stage_sequence(np.random.default_rng(seed), 960) for seed in range(20)]
    share = {s.value: sum(n.count(s) for n in nights) / 19200 for s in Stage}
    # 58 nights of Sleep-EDF after sleep onset: 7, 10, 50, 13 and 21 %
    real = {"W": 0.08, "N1": 0.10, "N2": 0.49, "N3": 0.13, "R": 0.21}
    assert share == pytest.approx(real, abs=0.04)


def test_the_stages_differ_as_the_manual_says():
    assert power(8, 12, PZ_OZ, W) > 3 * power(8, 12, PZ_OZ, N1)
    assert power(12, 15, FPZ_CZ, N2) > 2 * power(12, 15, FPZ_CZ, N1)
    assert power(0.5, 4, FPZ_CZ, N3) > 3 * power(0.5, 4, FPZ_CZ, N2)
    assert power(0.3, 2, EOG, R) > 2 * power(0.3, 2, EOG, N2)
    assert power(0.2, 0.6, EOG, N1) > 2 * power(0.2, 0.6, EOG, N2)
    swings = np.ptp(EPOCHS[FPZ_CZ, CODES == N3].reshape(-1, 100), axis=1)
    assert 75 < np.percentile(swings, 90) < 200
    emg = NIGHT.counts[1].reshape(-1, 30)
    assert np.median(emg[CODES == R]) < 0.7 * np.median(emg[CODES == W])


def test_amplitudes_lie_among_those_of_real_nights(shared_data):
    with np.load(shared_data / "sleep_edf_features" / "time_domain.npz") as real:
        features, labels = real["features"], real["labels"]
    for at in (FPZ_CZ, PZ_OZ, EOG):
        for code in range(5):
            std_uv, mobility = features[labels == code][:, at, [0, 5]].T
            ours = EPOCHS[at, code == CODES]
            low, high = np.percentile(std_uv, [25, 75])
            assert low < np.median(ours.std(axis=1)) < high, (at, code)
            rough = np.diff(ours).std(axis=1) / ours.std(axis=1)
            low, high = np.percentile(mobility, [10, 90])
            assert low < np.median(rough) < high, (at, code)


def test_nothing_shows_where_an_epoch_begins():
    jumps = np.abs(np.diff(UV[FPZ_CZ]))
    borders = jumps[2999::3000]
    assert borders.size == 959
    assert np.median(borders) == pytest.approx(np.median(jumps), rel=0.15)
    before = UV[FPZ_CZ].reshape(-1, 100).std(axis=1)
    changes = [
        i * 30
        for i, (a, b) in enumerate(pairwise(CODES), start=1)
        if (a, b) == (N2, N3)
    ]
    rises = [before[s + 10 : s + 20].mean() / before[s : s + 1].mean() for s in changes]
    assert np.median(rises) > 1.05  # still rising when the epoch has begun


def test_it_is_fit_to_be_scored():
    flawed = 0
    for epoch in range(0, 960, 7):
        filtered = band_limit(EPOCHS[:, epoch], 100.0, Band())
        flawed += any(judge(row, 0.0, 0.0, 30).flaws for row in filtered)
    assert flawed == 0


def test_a_night_fits_into_a_small_computer():
    tracemalloc.start()
    synthetic_night(seed=1, hours=2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
