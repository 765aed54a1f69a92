"""The header reader beside edfio, and over what other programs write."""

from datetime import date, time
from math import isnan
from pathlib import Path
from tempfile import TemporaryDirectory

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.edf.fields import number_of, whole_of
from gateway.edf.file_reader import read_edf

ASCII = st.characters(min_codepoint=33, max_codepoint=126)


def read(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "night.edf"
        path.write_bytes(content)
        edf = read_edf(path)
        return edf, [edf.digital(signal) for signal in edf.signals]


@st.composite
def edfs(draw):
    kind, signal = draw(
        st.sampled_from([(edfio.Edf, edfio.EdfSignal), (edfio.Bdf, edfio.BdfSignal)])
    )
    record_s = draw(st.sampled_from([0.5, 1, 2, 30]))
    n_records = draw(st.integers(1, 4))
    signals = []
    for _ in range(draw(st.integers(1, 4))):
        n = draw(st.integers(1, 50)) * 2
        low = draw(st.integers(-9999, 9998))
        high = draw(st.integers(low + 1, 9999))
        size = 2**15 if kind is edfio.Edf else 2**23
        edges = draw(
            st.lists(st.integers(-size, size - 1), min_size=2, max_size=2, unique=True)
        )
        lowest, highest = sorted(edges)
        dice = np.random.default_rng(draw(st.integers(0, 99)))
        counts = dice.integers(lowest, highest, n * n_records, endpoint=True)
        signals.append(
            signal.from_digital(
                counts.astype(np.int16 if kind is edfio.Edf else np.int32),
                n / record_s,
                label=draw(st.text(ASCII, min_size=1, max_size=16)),
                physical_dimension=draw(st.sampled_from(["uV", "mV", "", "degC"])),
                physical_range=(low, high),
                digital_range=(lowest, highest),
            )
        )
    texts = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=9)
    annotations = draw(
        st.lists(
            st.builds(
                edfio.EdfAnnotation,
                st.integers(0, int(record_s * n_records * 8)).map(lambda x: x / 8),
                st.none() | st.integers(0, 99).map(lambda x: x / 4),
                texts,
            ),
            max_size=4,
        )
    )
    started = draw(st.dates(date(1985, 1, 2), date(2084, 12, 31)))
    return kind(
        signals,
        recording=edfio.Recording(startdate=started),
        starttime=draw(st.times()).replace(microsecond=0),
        data_record_duration=record_s,
        annotations=annotations or None,
    )


@given(edfs())
@settings(max_examples=60, deadline=None)
def test_every_field_count_and_annotation_is_that_of_edfio(made):
    edf, counts = read(made.to_bytes())
    assert not edf.notes
    assert edf.start_utc.date() == made.startdate
    assert edf.time_of_day.replace(tzinfo=None) == made.starttime
    assert edf.records.n_records == made.num_data_records
    assert edf.records.record_s == made.data_record_duration
    for ours, digital, its in zip(edf.signals, counts, made.signals, strict=True):
        assert ours.label.split(" #")[0] == its.label
        assert ours.dimension == its.physical_dimension
        assert (ours.physical_min, ours.physical_max) == tuple(its.physical_range)
        assert (ours.digital_min, ours.digital_max) == tuple(its.digital_range)
        assert ours.sfreq == its.sampling_frequency
        assert not ours.flaw
        np.testing.assert_array_equal(digital, its.digital)
        gain = (ours.physical_max - ours.physical_min) / (
            ours.digital_max - ours.digital_min
        )
        physical = (digital - float(ours.digital_min)) * gain + ours.physical_min
        np.testing.assert_allclose(physical, its.data, atol=1e-6 * 2e4)
    assert sorted(map(tuple, edf.annotations), key=str) == sorted(
        ((a.onset, a.duration, a.text) for a in made.annotations), key=str
    )


PLAIN = edfio.Edf(
    [
        edfio.EdfSignal.from_digital(
            np.arange(300, dtype=np.int16),
            100,
            label="EEG Fpz-Cz",
            physical_dimension="uV",
            physical_range=(-500, 500),
        ),
        edfio.EdfSignal.from_digital(np.arange(3, dtype=np.int16), 1, label="SpO2"),
    ],
    recording=edfio.Recording(startdate=date(2021, 3, 2)),
    starttime=time(22, 0),
).to_bytes()


def spoilt(at, text, content=PLAIN):
    changed = bytearray(content)
    changed[at : at + len(text)] = text
    return bytes(changed)


# two signals: where the fields of the first are
LABEL, UNIT, LOW, HIGH = 256, 448, 464, 480
LOWEST, HIGHEST, N_SAMPLES = 496, 512, 688


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (LOW, b"-500,0  "),
        (LOW, b"-5e2    "),
        (LOW, b"-500\0\0\0\0"),
        (LOW, b"    -500"),
        (LOWEST, b"-32768.0"),
        (LOWEST, b"-32768\0\0"),
        (HIGHEST, b"32767,0 "),
        (LABEL, b"EEG Fpz-Cz\0\0\0\0\0\0"),
        (N_SAMPLES, b"100.0   "),
        (244, b"1,0     "),
        (244, b"1.000\0\0\0"),
        (236, b"3\0\0\0\0\0\0\0"),
        (184, b"768\0\0\0\0\0"),
        (184, b"        "),
        (252, b"2\0\0\0"),
        (0, b"0\0\0\0\0\0\0\0"),
    ],
)
def test_a_number_that_is_plain_though_against_the_rules_is_read(at, text):
    edf, (first, _) = read(spoilt(at, text))
    (truth, _), _ = read(PLAIN)[0].signals, None
    assert edf.signals[0] is not truth
    for name in truth.__slots__:
        assert getattr(edf.signals[0], name) == getattr(truth, name)
    np.testing.assert_array_equal(first, np.arange(300))
    assert edf.records.record_s == 1
    assert not edf.notes


@pytest.mark.parametrize(
    ("at", "text", "flaw"),
    [
        (LOW + 8, b"********", "physical range"),
        (LOW + 8, b"inf     ", "physical range"),
        (HIGH + 8, b"        ", "physical range"),
        (HIGH + 8, b"nan     ", "physical range"),
        (LOWEST + 8, b"32767   ", "digital range"),
        (LOWEST + 8, b"?       ", "digital range"),
    ],
)
def test_an_odd_signal_says_so_and_spoils_no_other(at, text, flaw):
    edf, (first, _) = read(spoilt(at, text))
    assert not edf.signals[0].flaw
    assert flaw in edf.signals[1].flaw
    np.testing.assert_array_equal(first, np.arange(300))


def test_an_unknown_range_is_not_a_number():
    edf, _ = read(spoilt(LOW + 8, b"********"))
    assert isnan(edf.signals[1].physical_min)


@given(st.floats(-9999, 9999).map(lambda x: round(x, 2)), st.sampled_from(".,"))
def test_numbers_with_either_decimal_mark_are_read(value, mark):
    assert number_of(str(value).replace(".", mark)) == value


@pytest.mark.parametrize(
    "text", ["", "-", "1_0", "0x1", "1.2.3", "1 2", "\u0661", "inf"]
)
def test_what_is_no_number_is_none(text):
    assert number_of(text) is None
    assert whole_of(text) is None
