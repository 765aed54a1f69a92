"""EDF+ by the paragraphs of its specification, www.edfplus.info/specs/edfplus.html.

What follows "2.1.3.1" in a test's name is what that paragraph asks for.
"""

import io
from datetime import datetime

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.edf.annotations import AnnotationCounts, Annotations
from gateway.edf.fields import (
    eight,
    patient_field,
    recording_field,
    seconds_text,
    whole_second,
)
from gateway.edf.header import COUNT_AT, Header, parse_header
from gateway.edf.signals import lay_out, montage_of
from gateway.edf.tal import Annotation, parse_annotations

START = datetime(2026, 2, 3, 23, 1, 5)  # noqa: DTZ001 (local time, as in the file)
ONSETS = st.integers(-(10**9), 10**12)
DURATIONS = st.none() | st.integers(0, 10**11)
TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2026"),
    min_size=1,
    max_size=300,
)


def channel(name="Fpz-Cz", bits=16, **more):
    rail = 2 ** (bits - 1)
    return Channel(name, Modality.EEG, 0.05, 0, -rail, rail - 1, **more)


def header(montage=None, **changes):
    layout = lay_out(montage or Montage((Stream(100.0, (channel(),)),)))
    fields = {
        "patient": patient_field(None),
        "recording": recording_field(START, code="01J8", equipment="sleepgate_diy"),
        "start": START,
        "record_us": layout.record_us,
        "signals": layout.signals(),
        "wide": layout.wide,
    }
    return Header(**(fields | changes))


def fields_of(content):
    widths = (8, 80, 80, 8, 8, 8, 44, 8, 8, 4)
    file = io.BytesIO(content)
    return [file.read(width).decode("latin-1") for width in widths]


# the header ------------------------------------------------------------------------


def test_2_1_1_the_version_is_0_and_the_reserved_field_says_edf_plus_continuous():
    fields = fields_of(header().encode(7))
    assert fields[0] == "0       "
    assert fields[6].startswith("EDF+C")


def test_2_1_2_the_header_is_printable_ascii_left_justified_and_filled_with_spaces():
    content = header().encode(7)
    assert all(32 <= byte <= 126 for byte in content)
    for field in fields_of(content):
        assert field == field.strip().ljust(len(field))


def test_edf_the_header_tells_its_length_and_the_number_of_signals():
    content = header().encode(7)
    fields = fields_of(content)
    assert int(fields[5]) == len(content) == 256 * 3
    assert int(fields[9]) == 2


def test_edf_the_number_of_data_records_stands_at_byte_236():
    content = header().encode(12345)
    assert content[COUNT_AT : COUNT_AT + 8] == b"12345   "


def test_2_1_3_2_date_and_time_are_local_with_dots():
    fields = fields_of(header().encode(0))
    assert fields[3:5] == ["03.02.26", "23.01.05"]


@pytest.mark.parametrize("year", [1985, 1999, 2000, 2084])
def test_2_1_3_2_two_digits_mean_1985_to_2084(year):
    start = START.replace(year=year)
    parsed, _ = parse_header(header(start=start).encode(0))
    assert parsed.start == start


@pytest.mark.parametrize("year", [1970, 2085])
def test_a_clock_beyond_these_years_is_set_to_the_first_of_them(year):
    whole, _ = whole_second(START.replace(year=year))
    assert whole.year == 1985


def test_2_1_3_3_the_patient_has_code_sex_birthday_and_name_x_where_unknown():
    assert patient_field(None) == "X X X X"
    assert patient_field("S 07") == "S_07 X X X"


def test_2_1_3_4_the_recording_has_date_code_technician_and_equipment():
    field = recording_field(START, code="01J8", equipment="my band \xe9")
    assert field == "Startdate 03-FEB-2026 01J8 X my_band__"


def test_2_1_3_5_digital_minimum_is_below_maximum_and_physical_ones_differ():
    for signal in header().signals:
        assert signal.digital_min < signal.digital_max
        assert float(signal.physical_min) != float(signal.physical_max)


def test_2_2_1_the_annotation_signal_has_its_label_range_and_no_transducer():
    last = header().signals[-1]
    assert last.label == "EDF Annotations"
    assert (last.digital_min, last.digital_max) == (-32768, 32767)
    assert last.transducer == last.dimension == last.prefiltering == ""


def test_a_text_too_long_for_its_field_is_refused():
    with pytest.raises(ValueError, match="patient"):
        header(patient="x" * 81).encode(0)


@given(st.floats(-9_999_999, 99_999_999))
def test_a_number_in_eight_characters_is_as_precise_as_they_allow(value):
    text = eight(value)
    assert len(text) <= 8
    assert "e" not in text
    n_decimals = max(7 - len(f"{value:.0f}"), 0)
    assert abs(float(text) - value) <= 0.5 * 10.0**-n_decimals * (1 + 1e-6)


@given(st.integers(-(10**14), 10**14))
def test_microseconds_are_written_exactly(us):
    text = seconds_text(us)
    whole, _, part = text.lstrip("-").partition(".")
    back = int(whole) * 10**6 + int(part.ljust(6, "0") or 0)
    assert back == abs(us)
    assert text.startswith("-") == (us < 0)


def test_a_header_is_read_as_it_was_written():
    written = header()
    assert parse_header(written.encode(99) + b"data") == (written, 99)


@pytest.mark.parametrize("content", [b"", b"\x01" * 600, b"0       " + b" " * 600])
def test_what_is_no_header_is_refused(content):
    with pytest.raises(ValueError, match=r".*"):
        parse_header(content)


@given(st.data())
def test_a_header_that_is_damaged_is_read_or_refused(data):
    content = bytearray(header().encode(5))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 8))
        content[at : at + 8] = data.draw(
            st.sampled_from([b"-1      ", b"inf     ", b"nan     ", b"0       "])
            | st.binary(min_size=8, max_size=8)
        )
    try:
        parsed, _ = parse_header(bytes(content))
    except ValueError:
        return
    assert parsed.record_bytes > 0
    assert parsed.record_us > 0


# the montage -----------------------------------------------------------------------

RATES = st.sampled_from([1.0, 52.0, 100.0, 128.0, 200.0, 250.0, 256.0, 500.0])
CHANNELS = st.builds(
    Channel,
    st.from_regex(r"[A-Z][A-Za-z0-9-]{0,7}", fullmatch=True),
    st.sampled_from(Modality),
    st.floats(1e-4, 100).flatmap(lambda lsb: st.sampled_from([lsb, -lsb])),
    st.integers(-(2**14), 2**14),
)
STREAMS = st.builds(
    Stream, RATES, st.lists(CHANNELS, min_size=1, max_size=4).map(tuple)
)


@settings(max_examples=40)
@given(st.lists(STREAMS, min_size=1, max_size=3))
def test_a_montage_comes_back_from_the_header_exactly(streams):
    montage = Montage(tuple(streams))
    parsed, _ = parse_header(header(montage).encode(0))
    assert montage_of(parsed.signals, parsed.record_us) == montage


@given(CHANNELS)
def test_2_1_3_5_physical_and_digital_ranges_give_the_microvolts(one):
    montage = Montage((Stream(100.0, (one,)),))
    signal = header(montage).signals[0]
    unit_uv = {"nV": 1e-3, "uV": 1.0, "mV": 1e3, "V": 1e6}[signal.dimension]
    for text, count in (
        (signal.physical_min, signal.digital_min),
        (signal.physical_max, signal.digital_max),
    ):
        ours = (count - one.zero) * one.lsb_uv
        peak = max(abs(signal.digital_min), signal.digital_max) + abs(one.zero)
        assert float(text) * unit_uv == pytest.approx(
            ours, abs=2e-5 * peak * abs(one.lsb_uv)
        )


@pytest.mark.parametrize(
    ("rates", "seconds", "n_samples"),
    [
        ((256.0,), 1, (256,)),
        ((100.0, 1.0), 1, (100, 1)),
        ((51.2,), 5, (256,)),
        ((0.5, 100.0), 2, (1, 200)),
        ((33.333,), 0.99001, (33,)),
    ],
)
def test_2_1_3_a_record_holds_whole_numbers_of_samples(rates, seconds, n_samples):
    layout = lay_out(Montage(tuple(Stream(rate, (channel(),)) for rate in rates)))
    assert layout.record_us == pytest.approx(seconds * 1e6, abs=1)
    assert layout.n_samples == n_samples


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        ((Stream(33.333, (channel(),)), Stream(100.0, (channel(),))), "33.333"),
        (
            (Stream(256.0, (channel(),), rough_rate=True), Stream(52.0, (channel(),))),
            "rough",
        ),
        ((Stream(100.0, (channel(bits=32),)),), "24 bits"),
    ],
)
def test_what_fits_no_file_is_refused(streams, reason):
    with pytest.raises(ValueError, match=reason):
        lay_out(Montage(streams))


def test_counts_of_24_bits_make_it_a_bdf_plus():
    written = header(Montage((Stream(200.0, (channel(bits=24),)),)))
    content = written.encode(3)
    assert content.startswith(b"\xffBIOSEMI")
    assert fields_of(content)[6].startswith("BDF+C")
    assert written.signals[-1].label == "BDF Annotations"
    assert parse_header(content) == (written, 3)


# annotations -----------------------------------------------------------------------


def drained(annotations):
    """Return what is written, record by record, until nothing waits."""
    records = [annotations.fill(0)]
    while annotations:
        records.append(annotations.fill(len(records) * 10**6))
    return records


def said(records):
    return [a for record in records for a in parse_annotations(record) if any(a.texts)]


def test_2_2_2_a_list_is_onset_duration_texts_and_a_zero():
    one = Annotation(1_500_000, 250_000, ("Sleep stage N2", "K complex"))
    assert one.encode() == b"+1.5\x150.25\x14Sleep stage N2\x14K complex\x14\x00"
    assert Annotation(0, None, ("Lights off",)).encode() == b"+0\x14Lights off\x14\x00"
    assert Annotation(-5, None, ("x",)).encode().startswith(b"-0.000005\x14")


def test_2_2_3_unused_bytes_are_zero():
    content = Annotations(240).fill(3_000_000)
    assert content == b"+3\x14\x14\x00".ljust(240, b"\x00")


@given(st.lists(st.tuples(ONSETS, DURATIONS, TEXTS, st.booleans()), max_size=40))
def test_2_2_4_every_record_tells_its_own_time_first(added):
    annotations = Annotations(240)
    for onset_us, duration_us, text, urgent in added:
        annotations.add(Annotation(onset_us, duration_us, (text,)), urgent=urgent)
    for n, record in enumerate(drained(annotations)):
        assert len(record) == 240
        first = next(parse_annotations(record))
        assert first == Annotation(n * 10**6, None, ("",))


@given(st.lists(st.tuples(ONSETS, DURATIONS, TEXTS), max_size=40))
def test_no_annotation_is_lost_however_many_there_are(added):
    annotations = Annotations(240)
    for onset_us, duration_us, text in added:
        annotations.add(Annotation(onset_us, duration_us, (text,)))
    whole = []
    for found in said(drained(annotations)):
        (text,) = found.texts
        if text.startswith("\u2026"):
            onset_us, duration_us, begun = whole.pop()
            assert (found.onset_us, found.duration_us) == (onset_us, duration_us)
            text = begun + text[1:]
        whole.append((found.onset_us, found.duration_us, text))
    assert whole == added


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=40))
def test_joining_gaps_changes_no_sum(gaps):
    annotations, expected = Annotations(240), 0
    at_us = 0
    for pause_us, length_us in gaps:
        at_us += pause_us + length_us
        expected += length_us
        gap = Annotation(at_us - length_us, length_us, ("BAD_gap",))
        annotations.add(gap, urgent=True)
    assert annotations.account.missing_us["BAD_gap", ""] == expected
    assert sum(a.duration_us for a in said(drained(annotations))) == expected


def test_what_fits_a_record_is_written_in_one_piece():
    text = "Input EEG Fpz-Cz: " + "x" * 172  # a Muse's derivations
    annotations = Annotations(240)
    annotations.add(Annotation(345_678, None, (text,)))
    assert [a.texts for a in said(drained(annotations))] == [(text,)]


def test_gaps_go_before_what_can_wait():
    annotations = Annotations(48)
    annotations.add(Annotation(0, None, ("Sleep stage N2 and more",)))
    annotations.add(Annotation(0, 500_000, ("BAD_gap",)), urgent=True)
    first = list(parse_annotations(annotations.fill(0)))
    assert first[1].texts == ("BAD_gap",)
    assert annotations


def test_a_gap_that_goes_on_is_one_annotation_until_it_is_written():
    annotations = Annotations(240)
    for second in range(3):
        gap = Annotation(second * 10**6, 10**6, ("BAD_gap",))
        annotations.add(gap, urgent=True)
    assert said(drained(annotations)) == [Annotation(0, 3 * 10**6, ("BAD_gap",))]


def test_stages_are_never_joined():
    annotations = Annotations(240)
    for epoch in range(3):
        annotations.add(Annotation(epoch * 30 * 10**6, 30 * 10**6, ("Sleep stage N2",)))
    assert len(said(drained(annotations))) == 3


def test_2_2_2_what_a_text_must_not_hold_is_replaced():
    annotations = Annotations(240)
    annotations.add(Annotation(0, None, ("a\x14b\x15c\x00d\ud800e\tf",)))
    (found,) = said(drained(annotations))
    assert found.texts == ("a\ufffdb\ufffdc\ufffdd?e\tf",)


@given(st.lists(st.tuples(ONSETS, DURATIONS, TEXTS), max_size=10))
def test_edfio_reads_the_same_annotations(added):
    annotations = Annotations(240)
    for onset_us, duration_us, text in added:
        annotations.add(Annotation(onset_us, duration_us, (text,)))
    records = drained(annotations)
    written = header()
    samples = np.zeros(100, "<i2").tobytes()
    content = written.encode(len(records)) + b"".join(samples + r for r in records)
    expected = sorted(
        (a.onset_us / 1e6, (a.duration_us or 0) / 1e6, a.texts[0])
        for a in said(records)
    )
    found = sorted(
        (float(a.onset), float(a.duration or 0), a.text)
        for a in edfio.read_edf(content).annotations
    )
    assert found == expected


def test_the_account_takes_the_worst_channel():
    account = AnnotationCounts()
    for texts, duration_us in (
        (("BAD_gap",), 10**6),
        (("BAD_gap@@EEG A", "BAD_gap@@EEG B"), 500_000),
        (("BAD_gap@@EEG B",), 250_000),
        (("Sleep stage W",), 30 * 10**6),
        (("Sleep stage ?",), 30 * 10**6),
    ):
        account.add(Annotation(7, duration_us, texts))
    assert account.missing_s("BAD_gap") == 1.75
    assert (account.n_epochs, account.n_scored, account.last_epoch_us) == (2, 1, 7)
