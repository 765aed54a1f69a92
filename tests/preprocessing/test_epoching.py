import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.preprocessing.derivation import resolve
from gateway.preprocessing.epoching import EpochCutter, fill_gaps
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import Flaw

EEG = Stream(128.0, tuple(Channel(s, Modality.EEG, 0.1) for s in ("AF7", "TP9")))
ODD = Stream(51.2, (Channel("EOG", Modality.EOG, 0.1),))
EMG = Stream(1.0, (Channel("EMG", Modality.EMG, 0.1),))
MONTAGE = Montage((EEG, ODD, EMG))
MONTAGER = resolve(
    ("EEG", "EOG", "EMG", "nothing"), {"EEG": "AF7-TP9", "EOG": "EOG"}, MONTAGE
)
SECONDS = 120


def night(seconds=SECONDS, seed=0):
    dice = np.random.default_rng(seed)
    blocks = []
    for second in range(seconds):
        sizes = [
            s.first_sample(second + 1) - s.first_sample(second) for s in MONTAGE.streams
        ]
        blocks.append(
            SampleBlock(
                second,
                tuple(
                    dice.normal(0, 30, (len(s.channels), n)).astype(np.float32)
                    for s, n in zip(MONTAGE.streams, sizes, strict=True)
                ),
                tuple(np.ones(n, bool) for n in sizes),
                float(second + 1),
            )
        )
    return blocks


NIGHT = night()


def epochs_of(blocks):
    cutter = EpochCutter(MONTAGE, MONTAGER, Band())
    return [epoch for block in blocks for epoch in cutter.push_block(block)]


EPOCHS = epochs_of(NIGHT)


def same(epoch, other):
    return np.array_equal(epoch.uv, other.uv) and epoch.quality == other.quality


def test_every_thirtieth_block_makes_an_epoch_of_the_models_shape():
    assert [e.index for e in EPOCHS] == [0, 1, 2, 3]
    assert [e.t_rx for e in EPOCHS] == [30.0, 60.0, 90.0, 120.0]
    assert all(e.uv.shape == (4, 3000) and e.uv.dtype == np.float32 for e in EPOCHS)
    assert all(e.usable.tolist() == [True, True, True, False] for e in EPOCHS)
    assert all(e.quality[3].flaws == {Flaw.ABSENT} for e in EPOCHS)


@settings(max_examples=30)
@given(st.integers(0, SECONDS - 1), st.integers(0, 2), st.floats(-1e4, 1e4))
def test_an_epoch_depends_on_its_own_thirty_seconds_alone(second, at, change_uv):
    blocks = list(NIGHT)
    uv = list(blocks[second].uv)
    uv[at] = uv[at] + np.float32(change_uv)
    old = blocks[second]
    blocks[second] = SampleBlock(second, tuple(uv), old.present, old.t_rx)
    for epoch, before in zip(epochs_of(blocks), EPOCHS, strict=True):
        if epoch.index != second // 30:
            assert same(epoch, before)


@settings(max_examples=30)
@given(st.sets(st.integers(0, SECONDS - 2), min_size=1, max_size=60))
def test_lost_blocks_change_their_own_epochs_alone_and_every_epoch_appears(lost):
    epochs = epochs_of([b for b in NIGHT if b.second not in lost])
    assert [e.index for e in epochs] == [0, 1, 2, 3]
    for epoch, before in zip(epochs, EPOCHS, strict=True):
        missing = sum(second // 30 == epoch.index for second in lost)
        assert epoch.quality[0].missing_s == pytest.approx(missing)
        assert (Flaw.GAP in epoch.quality[0].flaws) == (missing > 6)
        if not missing:
            assert same(epoch, before)


def test_a_hole_of_ten_minutes_yields_twenty_epochs_of_nothing():
    later = [SampleBlock(b.second + 660, b.uv, b.present, b.t_rx + 660) for b in NIGHT]
    epochs = epochs_of([*NIGHT[:60], *later])
    assert [e.index for e in epochs] == list(range(26))
    for epoch in epochs[2:22]:
        assert epoch.missing_s == pytest.approx(30)
        assert epoch.quality[0].flaws == {Flaw.GAP}
        assert not epoch.uv.any()
        assert epoch.t_rx == later[0].t_rx
    assert same(epochs[22], EPOCHS[0])


def test_a_night_may_begin_late():
    epochs = epochs_of(NIGHT[45:])
    assert [e.index for e in epochs] == [0, 1, 2, 3]
    assert [round(e.missing_s) for e in epochs] == [30, 15, 0, 0]


def test_a_derivation_is_its_weighted_difference():
    eeg = np.concatenate([b.uv[0] for b in NIGHT[:30]], axis=1)
    blocks = [
        SampleBlock(
            b.second,
            (np.stack([b.uv[0][0] - b.uv[0][1], 0 * b.uv[0][0]]), *b.uv[1:]),
            b.present,
            b.t_rx,
        )
        for b in NIGHT[:30]
    ]
    (epoch,) = epochs_of(blocks)
    assert eeg.std() > 1
    np.testing.assert_allclose(epoch.uv[0], EPOCHS[0].uv[0], atol=1e-3)


@given(st.lists(st.booleans(), min_size=2, max_size=50), st.floats(-5, 5))
def test_gaps_are_bridged_by_straight_lines(present, slope):
    present = np.array(present)
    line = (slope * np.arange(present.size, dtype=np.float32))[None] + 3
    filled = fill_gaps(np.where(present, line, 0).astype(np.float32), present)
    if present.any():
        first, last = np.flatnonzero(present)[[0, -1]]
        inside = slice(first, last + 1)
        np.testing.assert_allclose(filled[:, inside], line[:, inside], atol=1e-3)
        assert (filled[:, :first] == filled[:, first]).all()
    else:
        assert not filled.any()


@pytest.mark.parametrize("offset_uv", [0.0, 3_000.0])
def test_a_gap_on_an_electrodes_offset_does_not_ring(offset_uv):
    time = np.arange(30 * 128) / 128
    wave = np.stack([20 * np.sin(2 * np.pi * 6 * time), 0 * time]).astype(np.float32)
    wave[0] += np.float32(offset_uv)
    blocks = []
    for b in NIGHT[:30]:
        uv = wave[:, b.second * 128 : (b.second + 1) * 128].copy()
        present = np.ones(128, bool)
        if b.second == 15:
            present[:40] = False
            uv[:, :40] = 0
        blocks.append(
            SampleBlock(b.second, (uv, *b.uv[1:]), (present, *b.present[1:]), 0.0)
        )
    (epoch,) = epochs_of(blocks)
    assert not epoch.quality[0].flaws
    assert 19 < np.abs(epoch.uv[0]).max() < 25


ROUGH = Montage((Stream(256.0, EEG.channels[:1], rough_rate=True),))


@pytest.mark.parametrize("sfreq", [255.92, 256.26, 256.59, 250.0])
def test_an_epoch_of_a_rough_rate_has_the_samples_of_thirty_true_seconds(sfreq):
    def first_sample(_, second):
        return round(second * sfreq)

    montager = resolve(("EEG",), {"EEG": "AF7"}, ROUGH)
    cutter = EpochCutter(ROUGH, montager, Band(), first_sample)
    epochs, lost = [], {31, 44, 59}
    for second in range(60):
        at = np.arange(first_sample(0, second), first_sample(0, second + 1))
        wave = 20 * np.sin(2 * np.pi * 7.3 * at / sfreq).astype(np.float32)
        if second not in lost:
            block = SampleBlock(second, (wave[None],), (np.ones(at.size, bool),), 0.0)
            epochs += cutter.push_block(block)
    epochs += cutter.push_block(
        SampleBlock(60, (wave[None],), (np.ones(at.size, bool),), 0.0)
    )
    whole, holed = epochs
    expected = 20 * np.sin(2 * np.pi * 7.3 * np.arange(3000) / 100)
    a_sample = 20 * 2 * np.pi * 7.3 / sfreq  # of time, in microvolts
    middle, end = slice(500, 2500), slice(2000, 2800)
    np.testing.assert_allclose(whole.uv[0][middle], expected[middle], atol=a_sample)
    assert whole.missing_s == 0
    assert holed.missing_s == pytest.approx(3, abs=0.01)
    # what follows a hole is where it was: thirty seconds of 7.3 Hz are 219 cycles
    np.testing.assert_allclose(holed.uv[0][end], expected[end], atol=a_sample)


SITES = ("TP9", "AF7", "AF8", "TP10")
RAIL = 8000
BAND_OF_FOUR = Montage(
    (
        Stream(
            256.0,
            tuple(
                Channel(s, Modality.EEG, 0.1, 0, digital_min=-RAIL, digital_max=RAIL)
                for s in SITES
            ),
        ),
    )
)
WHOLE = "(AF7+AF8)/2-(TP9+TP10)/2"
OFFERED = {
    "EEG Fpz-Cz": (WHOLE, "(AF7+AF8)/2-TP9", "(AF7+AF8)/2-TP10"),
    "EOG horizontal": ("AF7-AF8",),
}
INPUTS = ("EEG Fpz-Cz", "EOG horizontal")


def worn(spoil, seconds=120, seed=0):
    """Return the epochs of a band of four electrodes; `spoil` changes a second."""
    montager = resolve(INPUTS, {}, BAND_OF_FOUR, OFFERED)
    cutter, dice, epochs = EpochCutter(BAND_OF_FOUR, montager, Band()), None, []
    for second in range(seconds):
        dice = np.random.default_rng([seed, second])
        uv = dict(zip(SITES, dice.normal(0, 30, (4, 256)), strict=True))
        spoil(second, uv)
        row = np.stack([uv[site] for site in SITES]).astype(np.float32)
        block = SampleBlock(second, (row,), (np.ones(256, bool),), float(second))
        epochs += cutter.push_block(block)
    return epochs


def intact(second, uv):
    pass


def off(*sites, since=30, until=60, rails=True):
    def spoil(second, uv):
        for site in sites:
            if since <= second < until:
                uv[site][:] = 0.1 * RAIL if rails else 3.0

    return spoil


def used(epochs):
    return [e.quality[0].derivation for e in epochs]


@pytest.mark.parametrize("rails", [True, False])
@pytest.mark.parametrize(("ear", "other"), [("TP9", "TP10"), ("TP10", "TP9")])
def test_with_one_ear_off_the_other_is_used_and_other_epochs_stay(ear, other, rails):
    before, epochs = worn(intact), worn(off(ear, rails=rails))
    assert used(epochs) == [WHOLE, f"(AF7+AF8)/2-{other}", WHOLE, WHOLE]
    assert all(e.usable.all() for e in epochs)
    for at in (0, 2, 3):
        assert same(epochs[at], before[at])
    np.testing.assert_array_equal(epochs[1].uv[1], before[1].uv[1])


def test_with_both_ears_off_there_is_no_eeg():
    epoch = worn(off("TP9", "TP10"))[1]
    assert epoch.usable.tolist() == [False, True]
    assert epoch.quality[0].flaws == {Flaw.RAILED}
    assert not epoch.uv[0].any()


def test_an_ear_that_is_off_for_a_moment_is_no_ear_that_is_off():
    assert used(worn(off("TP9", since=30, until=31)))[1] == WHOLE
    assert used(worn(off("TP9", since=30, until=33)))[1] == "(AF7+AF8)/2-TP10"


def test_a_recording_laid_on_electrodes_comes_out_as_it_was():
    direct = Montage((Stream(256.0, (EEG.channels[0], EEG.channels[1])),))
    montager = resolve(INPUTS, dict(zip(INPUTS, ("AF7", "TP9"), strict=True)), direct)
    cutter, plain = EpochCutter(direct, montager, Band()), []

    def lay(second, uv):
        front, eyes = np.random.default_rng(second).normal(0, 30, (2, 256))
        block = SampleBlock(
            second,
            (np.stack([front, eyes]).astype(np.float32),),
            (np.ones(256, bool),),
            0.0,
        )
        plain.extend(cutter.push_block(block))
        uv["AF7"], uv["AF8"] = front + eyes / 2, front - eyes / 2
        uv["TP9"] = uv["TP10"] = np.zeros(256)

    epochs = worn(lay)
    assert used(epochs) == [WHOLE] * 4  # all have ears of nothing; the first serves
    for epoch, expected in zip(epochs, plain, strict=True):
        np.testing.assert_allclose(epoch.uv, expected.uv, atol=1e-4)
        assert epoch.usable.all()
