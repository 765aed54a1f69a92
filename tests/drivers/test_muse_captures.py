"""Real captures of the Athena: every block, every sample, whatever is cut out."""

import json
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import (
    Battery,
    ClockTick,
    LinkUp,
    Motion,
    Notification,
    SamplePacket,
)
from gateway.drivers import muse_athena
from gateway.drivers.muse_athena import frame, samples
from gateway.drivers.muse_athena.frame import EEG_4, EEG_8
from gateway.preprocessing.filtering import Band
from gateway.session.pipeline import Night, Pipeline
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch

FILES = (
    *(f"OpenMuse/data_p{p}.txt" for p in (20, 21, 50, 51, 60, 61, 1034, 1035)),
    *(f"OpenMuse/data_p{p}.txt" for p in (1041, 1042, 1043, 1044, 1045, 1046, 4129)),
    *(f"OpenMuse/test_battery_{b}.txt" for b in ("16_80", "58_27", "90_40")),
    *(f"OpenMuse/test_{x}.txt" for x in ("accgyro", "eeg_quality", "optics16")),
    *(
        f"OpenMuse-history/2025-09-24a_data_p{p}.txt"
        for p in (21, 50, 51, 61, 1034, 1035, 1044, 1045, 4129)
    ),
    *(f"OpenMuse-history/2025-09-24b_data_p{p}.txt" for p in (20, 1034)),
    "OpenMuse-history/2025-09-25_data_p1045_v1.txt",
    "OpenMuse-history/2025-10-04_data_accgyro.txt",
)


@cache
def notifications(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    times = [datetime.fromisoformat(time).timestamp() for time, _, _ in rows]
    return [
        Notification(char, bytes.fromhex(text), t - times[0])
        for t, (_, char, text) in zip(times, rows, strict=True)
    ]


@pytest.fixture(scope="module")
def captures(shared_data):
    return shared_data / "captures"


@pytest.fixture(scope="module")
def golden(captures):
    return json.loads((captures / "athena_golden.json").read_text())


@pytest.fixture(params=FILES)
def capture(request, captures, golden):
    return notifications(captures / request.param), golden[request.param]


def info(sent):
    """Return what the handshake would have said at the first EEG block."""
    blocks = (b for n in sent for p in frame.decode(n.payload) for b in p.blocks)
    tag = next(b.tag for b in blocks if b.tag in (EEG_4, EEG_8))
    return HeadbandInfo(samples.montage(tag), muse_athena.TICK_HZ)


def decoded(sent):
    decoder = muse_athena.decoder(info(sent))
    return [value for n in sent for value in decoder.feed(n)]


def of(kind, values):
    return [value for value in values if isinstance(value, kind)]


def test_all_captures_are_named_here(golden):
    assert set(FILES) == set(golden)


def test_every_block_of_every_tag_is_there(capture):
    sent, expected = capture
    assert len(sent) == expected["notifications"]
    blocks, lost, last = {}, {}, {}
    for notification in sent:
        (packet,) = frame.decode(notification.payload)
        assert not packet.unread
        assert frame.encode([packet]) == notification.payload
        for block in packet.blocks:
            tag = f"{block.tag:#04x}"
            blocks[tag] = blocks.get(tag, 0) + 1
            gap = (block.counter - last.get(tag, block.counter - 1) - 1) % 256
            lost[tag] = lost.get(tag, 0) + gap
            last[tag] = block.counter
    assert blocks == expected["blocks"]
    assert lost == expected["lost_blocks"]
    packets = [frame.decode(n.payload)[0] for n in (sent[0], sent[-1])]
    assert packets[0].packet_index == expected["first_packet_index"]
    assert [p.time for p in packets] == [expected["first_tick"], expected["last_tick"]]


def test_every_sample_is_the_expected_one(capture):
    sent, expected = capture
    packets = of(SamplePacket, decoded(sent))
    counts = np.concatenate([p.counts for p in packets], axis=1)
    assert counts.shape == (expected["eeg_channels"], expected["eeg_samples"])
    assert counts[:, :4].T.tolist() == expected["eeg_raw_first4"]
    assert counts.sum(axis=1).tolist() == expected["eeg_raw_sum"]
    railed = ((counts == 0) | (counts == 16383)).mean(axis=1)
    np.testing.assert_allclose(railed, expected["eeg_frac_railed"], atol=5e-5)
    (stream,) = info(sent).montage.streams
    sd = stream.to_microvolts(counts).astype(float).std(axis=1)
    np.testing.assert_allclose(sd, expected["eeg_uV_std"], atol=2e-3)
    again = b"".join(samples.encode_eeg(p.counts) for p in packets)
    raw = [b for n in sent for p in frame.decode(n.payload) for b in p.blocks]
    assert again == b"".join(b.payload for b in raw if b.tag in (EEG_4, EEG_8))


def test_motion_is_the_expected_one(capture):
    sent, expected = capture
    motion = of(Motion, decoded(sent))
    acc = np.concatenate([m.acc_g for m in motion], axis=1).astype(float)
    gyro = np.concatenate([m.gyro_dps for m in motion], axis=1).astype(float)
    assert acc.shape == gyro.shape == (3, expected["accgyro_samples"])
    raw = np.vstack([acc / samples.G, gyro / samples.DPS])
    np.testing.assert_allclose(raw[:, 0], expected["accgyro_raw_first"], atol=1e-3)
    sums = raw.round().sum(axis=1)
    np.testing.assert_allclose(sums, expected["accgyro_raw_sum"], atol=0.5)
    norm = np.median(np.linalg.norm(acc, axis=0))
    assert norm == pytest.approx(expected["acc_norm_g_median"], abs=1e-4)


def test_the_charge_is_the_expected_one(capture):
    sent, expected = capture
    charge = of(Battery, decoded(sent))
    assert len(charge) == expected["blocks"]["0x98"]
    first = expected["battery_first"]["soc_percent"]
    assert charge[0] == Battery(min(100, round(first)))


def test_nothing_is_lost_on_the_way_to_the_grid(capture):
    sent, expected = capture
    told = info(sent)
    assembler = Assembler(told.montage)
    assembler.link_up(told)
    packets = of(SamplePacket, decoded(sent))
    blocks = [block for packet in packets for block in assembler.push_packet(packet)]
    counts = assembler.loss_counts()
    assert counts.lost_s == 0
    assert (counts.packets, counts.late_packets, counts.bad_packets) == (
        len(packets),
        0,
        0,
    )
    assert all(block.present[0].all() for block in blocks)
    assert sum(p.counts.shape[1] for p in packets) == expected["eeg_samples"]


@settings(max_examples=15)
@given(data=st.data())
def test_whatever_is_cut_out_leaves_a_hole_of_its_exact_length(captures, data):
    name = data.draw(st.sampled_from(["data_p21", "test_optics16"]))
    sent = notifications(captures / "OpenMuse" / f"{name}.txt")
    decoder, whole = muse_athena.decoder(info(sent)), {}
    for at, notification in enumerate(sent):
        whole[at] = of(SamplePacket, decoder.feed(notification))
    start = data.draw(st.integers(1, len(sent) - 1))
    end = data.draw(st.integers(start, len(sent)))
    also = data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=99))
    decoder = muse_athena.decoder(info(sent))
    for at, notification in enumerate(sent):
        if not start <= at < end and at not in also:
            found = of(SamplePacket, decoder.feed(notification))
            for one, other in zip(found, whole[at], strict=True):
                assert (one.index, one.ticks) == (other.index, other.ticks)
                np.testing.assert_array_equal(one.counts, other.counts)


def test_two_starts_in_one_connection_lie_as_far_apart_as_the_clock_says(captures):
    first, second = (
        notifications(captures / "OpenMuse" / f"data_p{p}.txt") for p in (51, 61)
    )
    decoder = muse_athena.decoder(info(first))
    before, after = (
        of(SamplePacket, [v for n in sent for v in decoder.feed(n)])
        for sent in (first, second)
    )
    end = before[-1].index + before[-1].counts.shape[1]
    away_s = (after[0].ticks - before[-1].ticks) % 2**32 / 1e6
    assert (after[0].index - end) / 256 == pytest.approx(away_s, abs=0.2)
    steps = {b.index - a.index - a.counts.shape[1] for a, b in pairwise(after)}
    assert steps == {0}


def test_the_packet_that_brainflow_logged_is_unpacked_as_there(captures):
    path = captures / "brainflow-athena" / "packet.json"
    expected = json.loads(path.read_text())
    (packet,) = frame.decode(bytes.fromhex(expected["hex"]))
    assert packet.packet_index == expected["packet_index"]
    assert packet.time == expected["device_ms"]
    for block, known in zip(packet.blocks, expected["blocks"], strict=True):
        assert f"{block.tag:#x}" == known["tag"]
        assert (block.counter, block.offset) == (known["counter"], known["offset"])
        counts = samples.decode_eeg(block.tag, block.payload)
        assert counts.T.reshape(-1).tolist() == known["eeg_raw_8ch_2samples"]


def test_the_rate_by_the_devices_clock_is_that_by_arrival(captures):
    sent = notifications(captures / "OpenMuse" / "test_optics16.txt")
    packets = of(SamplePacket, decoded(sent))
    ends = [p.index + p.counts.shape[1] for p in packets]
    ticks = np.unwrap([p.ticks for p in packets], period=2**32) / muse_athena.TICK_HZ
    period_s, _ = np.polyfit(ends, ticks, 1)
    arrival_period_s, _ = np.polyfit(ends, [p.t_rx for p in packets], 1)
    assert 1 / period_s == pytest.approx(256.35, abs=0.05)
    assert 1 / period_s == pytest.approx(1 / arrival_period_s, abs=0.1)
    told = info(sent)
    assembler = Assembler(told.montage)
    assembler.link_up(told)
    assert [block for packet in packets for block in assembler.push_packet(packet)]
    assert assembler.loss_counts().sfreq_hz == pytest.approx(1 / period_s, abs=0.01)


class Indifferent:
    """Says the same of every epoch."""

    card = ModelCard(
        name="indifferent",
        channels=("EEG Fpz-Cz", "EOG horizontal"),
        scale_uv=(20.0, 30.0),
        band=Band(),
        temperature=1.0,
        digest="0" * 64,
    )

    def hypnodensity(self, epoch):
        assert np.isfinite(epoch.uv).all()
        return (0.2,) * 5


def test_a_capture_goes_all_the_way_to_epochs(captures):
    sent = notifications(captures / "OpenMuse" / "test_eeg_quality.txt")
    driver = muse_athena.DRIVER
    channels = {label: texts[0] for label, texts in driver.derivations.items()}
    pipeline = Pipeline(driver, Night(Indifferent(), channels, 50))
    midnight = datetime(2026, 1, 1, tzinfo=UTC)
    inputs = [
        ClockTick(0.0, midnight, synchronised=True),
        LinkUp(0.0, info(sent)),
        *sent,
    ]
    outputs = [output for value in inputs for output in pipeline.push_input(value)]
    epochs = [output for output in outputs if isinstance(output, ScoredEpoch)]
    assert len(epochs) == 3
    assert all(quality.missing_s == 0 for e in epochs for quality in e.quality)
    counts = pipeline.loss_counts
    assert (
        counts.lost_s,
        counts.bad_packets,
        counts.unread_packets,
    ) == (0, 0, 0)
    for one, next_one in pairwise(epochs):
        apart_s = (next_one.start_utc - one.start_utc).total_seconds()
        assert apart_s == pytest.approx(30, abs=0.1)
