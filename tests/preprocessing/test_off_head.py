"""Whether a headband was off the head is told from its electrodes, not guessed."""

import numpy as np
import pytest

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.epoch_length import EPOCH_S
from gateway.preprocessing.derivation import resolve
from gateway.preprocessing.electrode_contact import StreamSamples, is_off_head
from gateway.preprocessing.epoching import EpochCutter
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.signal_quality import Flaw

SFREQ = 64
LABELS = ("TP9", "AF7", "AF8")
STREAM = Stream(
    float(SFREQ),
    (
        *(Channel(label, Modality.EEG, 0.5) for label in LABELS),
        Channel("EMG", Modality.EMG, 0.5),
    ),
)
RAIL_UV = 32767 * 0.5
N = EPOCH_S * SFREQ


def head(n=N, seed=0):
    return np.random.default_rng(seed).normal(0, 15, (4, n)).astype(np.float32)


def air(n=N):
    """Mains beyond the converter's range, as a Muse shows it."""
    mains = 2e4 * np.sin(2 * np.pi * 50 / SFREQ * np.arange(n))
    return np.tile(np.clip(mains, -RAIL_UV, RAIL_UV), (4, 1)).astype(np.float32)


def off(uv, present=None):
    present = np.ones(uv.shape[1], np.bool_) if present is None else present
    return is_off_head((STREAM,), (StreamSamples(uv, present),), 50.0)


def test_on_the_head_is_on():
    assert not off(head())


def test_in_the_air_is_off():
    assert off(air())


def test_wild_without_a_rail_is_off():
    assert off(np.tile(3e3 * np.sin(np.arange(N)), (4, 1)).astype(np.float32))


def test_one_electrode_on_the_head_is_enough():
    uv = air()
    uv[1] = head()[1]
    assert not off(uv)


def test_a_muscle_is_no_electrode_on_the_head():
    uv = air()
    uv[3] = head()[3]
    assert off(uv)


def test_a_dead_electrode_beside_those_in_the_air_is_off_too():
    uv = air()
    uv[0] = 0.0
    assert off(uv)


def test_nothing_but_zeros_is_a_dead_converter_and_no_air():
    assert not off(np.zeros((4, N), np.float32))


@pytest.mark.parametrize(("worn_s", "verdict"), [(8, True), (22, False)])
def test_most_of_the_epoch_decides(worn_s, verdict):
    uv = air()
    uv[:, : worn_s * SFREQ] = head()[:, : worn_s * SFREQ]
    assert off(uv) is verdict


def test_what_never_arrived_says_nothing():
    assert not off(air(), np.zeros(N, np.bool_))
    some = np.zeros(N, np.bool_)
    some[-5 * SFREQ :] = True
    assert off(air(), some)
    assert not off(head(), some)


def test_too_slow_to_tell_is_on():
    slow = Stream(10.0, STREAM.channels)
    uv = air(10 * EPOCH_S)
    assert not is_off_head((slow,), (StreamSamples(uv, np.ones(300, np.bool_)),), 50.0)


@pytest.mark.parametrize(("uv", "verdict"), [(head(), False), (air(), True)])
def test_an_epoch_says_it(uv, verdict):
    montage = Montage((STREAM,))
    texts = {"EEG Fpz-Cz": "AF7-TP9"}
    montager = resolve(("EEG Fpz-Cz", "EOG horizontal"), texts, montage)
    cutter = EpochCutter(montage, montager, Band(notch_hz=50.0))
    uv = uv.copy()
    uv[0] /= 2  # so that a difference remains
    (epoch,) = (
        epoch
        for second in range(EPOCH_S)
        for epoch in cutter.push_block(
            SampleBlock(
                second,
                (uv[:, second * SFREQ :][:, :SFREQ],),
                (np.ones(SFREQ, np.bool_),),
                float(second),
                (second * SFREQ,),
            )
        )
    )
    assert epoch.off_head is verdict
    assert bool(epoch.quality[0].flaws & {Flaw.RAILED, Flaw.WILD}) is verdict
