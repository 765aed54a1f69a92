from fractions import Fraction
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Stream
from gateway.acquisition.sample_grid import StreamPosition

SFREQS = ["1", "51.2", "52.1", "100", "128", "200", "250", "256", "256.26", "500"]


@given(st.sampled_from(SFREQS), st.integers(0, 100_000))
def test_a_second_begins_at_its_first_sample_and_not_before(sfreq, second):
    stream = Stream(float(sfreq), ())
    exact = Fraction(sfreq) * second
    assert stream.first_sample(second) == ceil(exact)


@given(st.sampled_from(SFREQS), st.integers(0, 10**8))
def test_every_sample_lies_in_one_second(sfreq, sample):
    stream = Stream(float(sfreq), ())
    second = StreamPosition(stream).second_of(sample)
    assert stream.first_sample(second) <= sample < stream.first_sample(second + 1)


@given(st.sampled_from(SFREQS), st.integers(0, 10**6))
def test_what_follows_the_last_sample_of_a_second_is_free(sfreq, second):
    lane = StreamPosition(Stream(float(sfreq), ()))
    lane.progress = lane.stream.first_sample(second)
    assert lane.free_second() == lane.seconds() == second
    lane.progress += 1
    assert lane.free_second() == second + 1


@given(
    st.integers(-(2**23), 2**23 - 1),
    st.integers(-(2**15), 2**15),
    st.sampled_from([0.0885, 0.48828125, 1e-3]),
)
def test_counts_become_microvolts(count, zero, lsb_uv):
    stream = Stream(256.0, (Channel("TP9", Modality.EEG, lsb_uv, zero),))
    uv = stream.to_microvolts(np.array([[count]], np.int32))
    assert uv.dtype == np.float32
    assert uv[0, 0] == pytest.approx((count - zero) * lsb_uv, rel=1e-6, abs=1e-9)


@given(
    st.floats(1e-9, 1e5) | st.floats(-1e5, -1e-9),
    st.integers(-(2**15), 2**15),
    st.lists(st.integers(-(2**23), 2**23 - 1), min_size=1, max_size=20),
)
def test_counts_come_back_from_microvolts(lsb_uv, zero, counts):
    stream = Stream(100.0, (Channel("A", Modality.EEG, lsb_uv, zero),))
    row = np.array([counts], np.int32)
    uv = stream.to_microvolts(row)
    back = stream.to_counts(uv)
    np.testing.assert_array_equal(stream.to_microvolts(back), uv)
    if zero == 0:
        np.testing.assert_array_equal(back, row)
