"""An electrode's own signal says how it sits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Stream
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.electrode_contact import judge_channels, judge_contact

SFREQ = 256.0
N = 4 * 256
TIME_S = np.arange(N) / SFREQ


def eeg(rms_uv=12.0, seed=0):
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=N))
    wave = walk - np.convolve(walk, np.ones(129) / 129, "same")
    return (wave / wave.std() * rms_uv).astype(np.float32)


def mains(rms_uv, hz=50.0):
    return (rms_uv * np.sqrt(2) * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32)


def judged(uv, present=None, railed=0.0, mains_hz=50):
    present = np.ones(uv.size, bool) if present is None else present
    return judge_contact(uv, present, railed=railed, sfreq=SFREQ, mains_hz=mains_hz)


@pytest.mark.parametrize("offset_uv", [0.0, -700.0])
def test_quiet_eeg_is_good_whatever_the_electrode_potential(offset_uv):
    contact = judged(eeg() + np.float32(offset_uv))
    assert contact.state is ContactState.GOOD
    assert 6 < contact.rms_uv < 20
    assert contact.mains_ratio < 0.1


@pytest.mark.parametrize("hz", [50, 60])
def test_the_mains_of_a_poor_ear_are_fair_at_best_and_measured(hz):
    contact = judged(eeg() + mains(27.0, hz), mains_hz=hz)
    assert contact.state is ContactState.FAIR
    assert contact.mains_uv == pytest.approx(27.0, rel=0.1)


def test_mains_seen_through_a_rough_sampling_rate_are_mains_still():
    contact = judged(mains(50.0, 50.0 * 256 / 256.59))
    assert contact.mains_ratio > 0.99


def test_a_pure_sine_has_its_known_rms():
    contact = judged(mains(40.0, 10.0))
    assert contact.rms_uv == pytest.approx(40.0, rel=0.01)
    assert contact.mains_ratio < 1e-3


@pytest.mark.parametrize(
    ("railed", "state"),
    [(0.4, ContactState.OFF), (0.05, ContactState.FAIR), (0.0, ContactState.GOOD)],
)
def test_samples_at_the_rails_tell(railed, state):
    assert judged(eeg(), railed=railed).state is state


@pytest.mark.parametrize(
    "uv",
    [np.zeros(N, np.float32), np.full(N, 725.0, np.float32), mains(600.0)],
    ids=["zeros", "stuck", "wild"],
)
def test_a_flat_line_or_more_than_any_scalp_gives_is_off(uv):
    assert judged(uv).state is ContactState.OFF


@given(
    rms_uv=st.floats(1, 150),
    mains_uv=st.floats(0, 60),
    railed=st.sampled_from([0.0, 0.005, 0.015, 0.1, 0.3]),
)
def test_quality_says_how_far_from_its_limits_a_contact_is(rms_uv, mains_uv, railed):
    contact = judged(eeg(rms_uv) + mains(mains_uv), railed=railed)
    limits = {
        ContactState.GOOD: (0.5, 1.0),
        ContactState.FAIR: (1e-9, 0.5),
        ContactState.OFF: (0.0, 0.0),
    }
    least, most = limits[contact.state]
    assert least <= contact.quality <= most


def test_too_little_signal_is_never_good():
    present = np.arange(N) < 200
    contact = judged(eeg(), present)
    assert contact.state is ContactState.OFF
    assert np.isfinite(contact.rms_uv)


@given(
    lost=st.lists(st.tuples(st.integers(0, N), st.integers(1, 200)), max_size=3),
    garbage=st.floats(-1e5, 1e5, width=32),
)
def test_what_was_lost_is_never_looked_at(lost, garbage):
    present = np.ones(N, bool)
    for start, length in lost:
        present[start : start + length] = False
    clean = eeg() + mains(30.0)
    dirty = np.where(present, clean, np.float32(garbage))
    assert judged(clean, present) == judged(dirty, present)


@given(scale=st.floats(0.5, 4.0))
def test_more_mains_never_make_it_better(scale):
    order = [ContactState.GOOD, ContactState.FAIR, ContactState.OFF]
    less = judged(eeg() + mains(10.0))
    more = judged(eeg() + mains(10.0 * scale + 5))
    assert order.index(more.state) >= order.index(less.state)


def test_each_channel_is_judged_by_its_own_rails():
    channel = Channel("", Modality.EEG, 0.1, digital_min=-7000, digital_max=7000)
    stream = Stream(SFREQ, (channel, channel))
    uv = np.stack([eeg(), np.clip(mains(2000.0), -700, 700)])
    good, off = judge_channels(uv, np.ones(N, bool), stream, 50)
    assert (good.state, good.railed) == (ContactState.GOOD, 0.0)
    assert off.state is ContactState.OFF
    assert off.railed > 0.4
