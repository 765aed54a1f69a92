"""Blocks in, a file out: every sample in its place, every loss annotated."""

import tracemalloc
from collections import Counter
from datetime import datetime
from itertools import islice

import edfio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import SampleBlock
from gateway.edf.fields import patient_field, recording_field
from gateway.edf.header import Header
from gateway.edf.record_writer import GAP, START, RecordWriter
from gateway.edf.samples import unpack
from gateway.edf.signals import lay_out
from gateway.edf.tal import Annotation, parse_annotations

WHEN = datetime(2026, 2, 3, 23, 1, 5)  # noqa: DTZ001 (local time, as in the file)
RAIL = 2**15


def channel(name, rail=RAIL, zero=0, lsb_uv=0.05):
    return Channel(name, Modality.EEG, lsb_uv, zero, -rail, rail - 1)


MIXED = Montage(
    (Stream(100.0, (channel("A"), channel("B", zero=7))), Stream(1.0, (channel("C"),)))
)
MUSE = Montage((Stream(256.0, (channel("TP9"), channel("AF7")), rough_rate=True),))
WIDE = Montage((Stream(200.0, (channel("CH1", 2**23, lsb_uv=0.00187),)),))


def write(montage, blocks, *, offset_us=0):
    """Return the header and the content of the file that `blocks` make."""
    layout = lay_out(montage)
    header = Header(
        patient=patient_field(None),
        recording=recording_field(WHEN, code="s", equipment="e"),
        start=WHEN,
        record_us=layout.record_us,
        signals=layout.signals(),
        wide=layout.wide,
    )
    records = RecordWriter(layout, offset_us)
    written = [raw for block in blocks for raw in records.push(block)]
    written += records.close()
    return header, header.encode(len(written)) + b"".join(written)


def signals(header, content):
    """Return the counts of every ordinary signal, and the annotation bytes."""
    n_bytes, width = header.record_bytes, header.sample_bytes
    data = content[header.n_bytes :]
    assert len(data) % n_bytes == 0
    columns = [[] for _ in header.signals]
    for start in range(0, len(data), n_bytes):
        at = start
        for column, signal in zip(columns, header.signals, strict=True):
            column.append(data[at : at + signal.n_samples * width])
            at += signal.n_samples * width
    *ordinary, annotations = columns
    counts = [unpack(b"".join(x), wide=header.wide) for x in ordinary]
    return counts, [a for raw in annotations for a in parse_annotations(raw)]


def blocks_of(montage, counts, masks, sizes):
    """Yield blocks; `sizes` has the samples of each second in the first stream."""
    streams = montage.streams
    ratio = [round(streams[0].sfreq / stream.sfreq) for stream in streams]
    first = 0
    for second, size in enumerate(sizes):
        spans = [slice(first // r, (first + size) // r) for r in ratio]
        if any(mask[span].any() for mask, span in zip(masks, spans, strict=True)):
            yield SampleBlock(
                second,
                tuple(
                    stream.to_microvolts(c[:, span]) * m[span]
                    for stream, c, m, span in zip(
                        streams, counts, masks, spans, strict=True
                    )
                ),
                tuple(m[span] for m, span in zip(masks, spans, strict=True)),
                0.0,
                tuple(span.start for span in spans),
            )
        first += size


def random_counts(rng, montage, n):
    streams = montage.streams
    ratio = [round(streams[0].sfreq / stream.sfreq) for stream in streams]
    return [
        np.stack(
            [
                rng.integers(c.digital_min, c.digital_max, n // r)
                for c in stream.channels
            ]
        ).astype(np.int32)
        for stream, r in zip(streams, ratio, strict=True)
    ]


def random_mask(rng, n, n_holes, longest):
    mask = np.ones(n, bool)
    for start in rng.integers(0, n, n_holes).tolist():
        mask[start : start + rng.integers(1, longest + 1)] = False
    mask[-1] = True  # what is lost after the last block is nobody's
    return mask


def check_file(montage, counts, masks, header, content):
    """See that samples are in place, held where lost, and that every loss is told."""
    found, annotations = signals(header, content)
    at = 0
    for number, (rows, mask) in enumerate(zip(counts, masks, strict=True)):
        told = np.zeros(mask.size, bool)
        n_per_s = montage.streams[number].sfreq
        labels = lay_out(montage).labels(number)
        for row in rows:
            there = found[at][: mask.size]
            np.testing.assert_array_equal(there[mask], row[mask])
            latest = np.maximum.accumulate(np.where(mask, np.arange(mask.size), -1))
            lost = ~mask & (latest >= 0)
            np.testing.assert_array_equal(there[lost], row[latest[lost]])
            at += 1
        for a in annotations:
            mine = {GAP, START, f"{GAP}@@{labels[-1]}", f"{START}@@{labels[-1]}"}
            if mine & set(a.texts):
                span = [round(us * n_per_s / 1e6) for us in (a.onset_us, a.end_us)]
                assert not told[slice(*span)].any(), "told twice"
                told[slice(*span)] = True
        np.testing.assert_array_equal(told, ~mask)


@settings(max_examples=25)
@given(
    st.sampled_from([MIXED, MUSE, WIDE]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 12),
    st.integers(1, 2000),
)
def test_every_sample_is_in_its_place_and_every_loss_is_annotated(
    montage, seed, n_holes, longest
):
    rng = np.random.default_rng(seed)
    sfreq = int(montage.streams[0].sfreq)
    rough = montage.streams[0].rough_rate
    sizes = sfreq + rough * rng.integers(-1, 2, 40)
    n = int(sizes.sum())
    counts = random_counts(rng, montage, n)
    masks = [random_mask(rng, c.shape[1], n_holes, longest) for c in counts]
    for mask in masks:
        mask[-2:] = True
    header, content = write(montage, blocks_of(montage, counts, masks, sizes.tolist()))
    check_file(montage, counts, masks, header, content)


def whole_night(seconds, montage=MIXED, seed=0):
    rng = np.random.default_rng(seed)
    sfreq = int(montage.streams[0].sfreq)
    counts = random_counts(rng, montage, seconds * sfreq)
    masks = [np.ones(c.shape[1], bool) for c in counts]
    return counts, masks, [sfreq] * seconds


@pytest.mark.parametrize("montage", [MIXED, WIDE])
def test_edfio_reads_counts_microvolts_and_the_exact_start(montage):
    counts, masks, sizes = whole_night(20, montage)
    masks[0][150:180] = False
    header, content = write(
        montage, blocks_of(montage, counts, masks, sizes), offset_us=345_678
    )
    read = edfio.read_bdf if header.wide else edfio.read_edf
    edf = read(content)
    rows = [row for c in counts for row in c]
    channels = [c for stream in montage.streams for c in stream.channels]
    kept = [m for c, m in zip(counts, masks, strict=True) for _ in c]
    for signal, row, one, mask in zip(edf.signals, rows, channels, kept, strict=True):
        np.testing.assert_array_equal(signal.digital[mask], row[mask])
        peak_uv = 2.0 * abs(one.digital_min * one.lsb_uv)
        np.testing.assert_allclose(
            signal.data[mask], (row[mask] - one.zero) * one.lsb_uv, atol=1e-5 * peak_uv
        )
    assert edf.startdatetime.microsecond == 345_678
    gaps = [a for a in edf.annotations if a.text.startswith(GAP)]
    onset, duration = (1.5, 0.3) if len(masks) > 1 else (0.75, 0.15)
    assert {(float(a.onset), float(a.duration)) for a in gaps} == {(onset, duration)}


def test_records_begin_where_they_say_from_the_headers_second_on():
    counts, masks, sizes = whole_night(5)
    _, content = write(MIXED, blocks_of(MIXED, counts, masks, sizes), offset_us=250_000)
    header, content = write(
        MIXED, blocks_of(MIXED, counts, masks, sizes), offset_us=250_000
    )
    _, annotations = signals(header, content)
    times = [a.onset_us for a in annotations if a.texts == ("",)]
    assert times == [250_000 + n * 10**6 for n in range(5)]


def test_what_was_laid_down_before_is_passed_over():
    counts, masks, sizes = whole_night(4)
    blocks = list(blocks_of(MIXED, counts, masks, sizes))
    again = [*blocks[:3], *blocks[1:]]
    assert write(MIXED, again) == write(MIXED, blocks)


def test_ten_minutes_of_nothing_is_reported_at_once_and_laid_down_record_by_record():
    counts, masks, sizes = whole_night(2)
    first, last = blocks_of(MIXED, counts, masks, sizes)
    late = SampleBlock(601, last.uv, last.present, 0.0, (60_100, 601))
    records = RecordWriter(lay_out(MIXED), 0)
    assert not list(records.push(first))
    tracemalloc.start()
    n = sum(1 for _ in records.push(late))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert n == 601
    assert peak < 601 * lay_out(MIXED).annotation_bytes
    assert records.account.missing_s(GAP) == 600
    (final,) = records.close()
    assert GAP.encode() not in final


def test_memory_does_not_grow_with_the_night():
    """Eight channels at 256 Hz; scripts/test-recording does ten hours of it."""
    montage = Montage((Stream(256.0, tuple(channel(f"E{n}") for n in range(8))),))
    records, uv = RecordWriter(lay_out(montage), 0), np.zeros((8, 256), np.float32)
    held = []
    tracemalloc.start()
    for second in range(0, 900, 3):
        block = SampleBlock(second, (uv,), (np.ones(256, bool),), 0.0, (second * 256,))
        for raw in records.push(block):
            assert len(raw) == 8 * 256 * 2 + 240
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    written = 900 * 8 * 256 * 2
    assert max(held) - held[0] < 0.05 * written


def test_annotations_that_find_no_room_get_records_of_their_own():
    counts, masks, sizes = whole_night(2)
    records = RecordWriter(lay_out(MIXED), 0)
    written = [
        raw for b in blocks_of(MIXED, counts, masks, sizes) for raw in records.push(b)
    ]
    for n in range(100):
        records.annotate(n, f"marker {n}")
    written += records.close()
    texts = Counter(
        text for raw in written for a in parse_annotations(raw) for text in a.texts
    )
    assert sum(texts[f"marker {n}"] for n in range(100)) == 100
    assert texts["BAD_end"]
    assert len(written) < 20


@pytest.mark.parametrize("n", [150, *range(180, 241), 500])
@pytest.mark.parametrize("montage", [WIDE, MIXED], ids=["one stream", "two"])
def test_a_long_text_at_the_end_takes_a_few_records(montage, n):
    records = RecordWriter(lay_out(montage), 123_456)
    for number in range(3):
        text = f"{number}{'x' * n}"
        records.add(Annotation(60_272_137, 30_000_000, (text,)))
    written = list(islice(records.close(), 40))
    assert len(written) < 40


def test_a_record_goes_out_at_once_when_asked_and_the_next_follows():
    counts, masks, sizes = whole_night(2)
    one, two = blocks_of(MIXED, counts, masks, sizes)
    records = RecordWriter(lay_out(MIXED), 0)
    assert not list(records.push(one))
    records.annotate(0, "Sleep stage W", 30_000_000)
    (raw,) = records.flush()
    assert b"Sleep stage W" in raw
    assert not list(records.flush())
    assert not list(records.push(two))
    (raw,) = records.close()
    assert b"Sleep" not in raw
