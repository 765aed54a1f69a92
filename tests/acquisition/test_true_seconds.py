"""A rate that is not the printed one: thirty seconds of a night are true seconds."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.clock_discipline import MAX_RATE_ERROR
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import ClockTick, SamplePacket

HOUR_S = 3600
NIGHT_S = 8 * HOUR_S
T_ZERO = 5000.0  # monotonic seconds at power-on
UTC_ZERO = datetime(2026, 1, 1, tzinfo=UTC)
NOW = ClockTick(0.0, UTC_ZERO, synchronised=True)
COUNTER = Channel("TP9", Modality.EEG, 1.0)  # microvolts say which sample it is
MONTAGE = Montage((Stream(256.0, (COUNTER,), rough_rate=True),))
DROPS = tuple((500.0 + 650 * n, 530.0 + 650 * n) for n in range(10))
UNITS = [255.92, 256.26, 256.59]


class Unit(NamedTuple):
    """A headband and the air between."""

    sfreq: float = 256.26
    n_samples: int = 256  # in a packet
    tick_hz: float | None = None
    jitter_s: float = 0.0  # of the ticks
    reads: object = None  # what its clock shows at a true second, if it is broken
    ppm: float = 0.0  # how fast its clock is
    speed: float = 1.0  # of a replay
    boot_id: int | None = None
    reboots: bool = False  # its clock begins at 0 with every connection

    @property
    def info(self):
        return HeadbandInfo(MONTAGE, tick_hz=self.tick_hz, boot_id=self.boot_id)


def arrivals(ready_s, dice):
    """Arrive at connection events, every thirtieth stretch in a burst."""
    interval_s = dice.uniform(0.03, 0.05)
    sent = np.ceil(ready_s / interval_s) * interval_s
    sent += np.where(dice.random(sent.size) < 0.03, dice.uniform(0, 0.2, sent.size), 0)
    return np.maximum.accumulate(sent)


def packets(unit, seconds, drops=(), seed=0):
    """Yield what arrives, with None where the link was lost."""
    dice = np.random.default_rng(seed)
    firsts = np.arange(0, int(seconds * unit.sfreq) - unit.n_samples, unit.n_samples)
    ready_s = (firsts + unit.n_samples) / unit.sfreq
    t_rx = (T_ZERO + arrivals(ready_s, dice) / unit.speed).tolist()
    jitter_s = dice.normal(0, unit.jitter_s, firsts.size).tolist()
    base, clock_zero_s, away = 0, -777.0, False
    for at, first in enumerate(firsts.tolist()):
        true_s = first / unit.sfreq
        if any(begin <= true_s < end for begin, end in drops):
            away = True
            continue
        if away:
            away = False
            base = first if unit.boot_id is None else 0
            clock_zero_s = true_s if unit.reboots else clock_zero_s
            yield None
        ticks = None
        if unit.tick_hz is not None:
            read_s = true_s if unit.reads is None else unit.reads(true_s)
            shown_s = (read_s - clock_zero_s) * (1 + unit.ppm * 1e-6) + jitter_s[at]
            ticks = round(shown_s * unit.tick_hz) % 2**32
        counts = np.arange(first, first + unit.n_samples, dtype=np.int32)[None]
        yield SamplePacket(0, first - base, counts, t_rx[at], ticks)


class Night(NamedTuple):
    assembler: Assembler
    blocks: list
    labels: dict  # of epochs, seconds after power-on

    def off_s(self, unit, since_s=0):
        """Return how far each second begins from its true place."""
        return np.array(
            [
                b.uv[0][0, 0] / unit.sfreq - b.second
                for b in self.blocks
                if b.present[0][0] and b.second >= since_s
            ]
        )

    def samples(self):
        return np.concatenate([b.uv[0][0][b.present[0]] for b in self.blocks])


def play(unit, seconds, drops=(), seed=0):
    assembler = Assembler(MONTAGE)
    assembler.link_up(unit.info)
    night = Night(assembler, [], {})
    for packet in packets(unit, seconds, drops, seed):
        if packet is None:
            assembler.link_up(unit.info)
            continue
        for block in assembler.push_packet(packet):
            night.blocks.append(block)
            if block.second % 30 == 29:
                began = assembler.utc_of(block.second - 29, NOW)
                passed = (began - UTC_ZERO).total_seconds() - T_ZERO
                night.labels[block.second // 30] = passed
    return night


def misdated_s(night, since=2):
    """Return how far epochs are dated from the true seconds they should begin at."""
    return max(
        abs(s - 30 * epoch) for epoch, s in night.labels.items() if epoch >= since
    )


@pytest.mark.parametrize("sfreq", UNITS)
def test_a_night_dated_by_arrivals_has_960_epochs_in_their_places(sfreq):
    unit = Unit(sfreq)
    night = play(unit, NIGHT_S + 2)
    assert sorted(night.labels) == list(range(960))
    assert abs(night.off_s(unit)[-1]) < 0.02
    assert np.abs(night.off_s(unit, 90)).max() < 0.04
    assert misdated_s(night) < 0.04
    counts = night.assembler.loss_counts()
    assert counts.sfreq_hz == pytest.approx(sfreq, rel=2e-5)
    assert counts.drift_ppm == pytest.approx((sfreq / 256 - 1) * 1e6, abs=20)
    assert (counts.lost_s, counts.late_packets) == (0, 0)


@pytest.mark.parametrize(
    ("tick_hz", "jitter_s", "bound_s"), [(32768.0, 0.003, 0.01), (1000.0, 0.033, 0.03)]
)
def test_a_night_by_the_headbands_clock_has_960_epochs_in_their_places(
    tick_hz, jitter_s, bound_s
):
    unit = Unit(tick_hz=tick_hz, jitter_s=jitter_s)
    night = play(unit, NIGHT_S + 2)
    assert sorted(night.labels) == list(range(960))
    assert np.abs(night.off_s(unit, 90)).max() < bound_s
    assert misdated_s(night) < 0.04
    assert night.assembler.loss_counts().drift_ppm == pytest.approx(0, abs=40)


@pytest.mark.parametrize(
    "unit",
    [
        Unit(),
        Unit(tick_hz=32768.0, jitter_s=0.003),
        Unit(tick_hz=1000.0, jitter_s=0.033),
        Unit(tick_hz=1000.0, jitter_s=0.003, reboots=True),
    ],
    ids=["arrivals", "new ticks", "old ticks", "reboots"],
)
def test_after_ten_reconnections_the_seconds_are_where_they_were(unit):
    night = play(unit, 2 * HOUR_S + 2, DROPS)
    assert night.blocks[-1].second == 2 * HOUR_S
    assert abs(night.off_s(unit)[-1]) < 0.05
    # a first packet that came late is made up for within two minutes
    calm = [
        b for b in night.blocks if not any(a <= b.second < z + 120 for a, z in DROPS)
    ]
    calm_night = night._replace(blocks=calm)
    assert np.abs(calm_night.off_s(unit, 90)).max() < 0.05
    assert np.abs(night.off_s(unit, 90)).max() < 0.3
    assert night.assembler.loss_counts().lost_s == pytest.approx(300, abs=1)


def test_with_a_boot_id_the_loss_is_exact_to_the_sample_and_nothing_shifts():
    unit = Unit(boot_id=3, n_samples=64)
    drops = [(600.0, 642.0)]
    sent = [p for p in packets(unit, HOUR_S, drops) if p is not None]
    night = play(unit, HOUR_S, drops)
    gap = max(b.index - a.index - 64 for a, b in pairwise(sent))
    assert gap > 40 * 256
    assert night.assembler.loss_counts().lost_s * 256 == gap
    assert np.abs(night.off_s(unit, 90)).max() < 0.04


def test_the_measured_rate_outlives_a_lost_link():
    unit = Unit(256.59)
    night = play(unit, 1300, [(100.0, 1200.0)])
    assert night.assembler.loss_counts().sfreq_hz == pytest.approx(256.59, rel=2e-4)
    after = [b for b in night.blocks if b.second > 1100]
    assert abs(after[5].uv[0][0, 0] / 256.59 - after[5].second) < 0.3  # 2.5 nominally


@pytest.mark.parametrize("tick_hz", [None, 32768.0])
def test_seconds_that_lapse_while_the_link_is_away_are_true_ones_too(tick_hz):
    unit = Unit(256.59, n_samples=64, tick_hz=tick_hz)
    assembler = Assembler(MONTAGE)
    assembler.link_up(unit.info)
    blocks = []
    for packet in packets(unit, 900, [(300.0, 700.0)]):
        if packet is None:
            assert assembler.second_at(T_ZERO + 690.0) == pytest.approx(690, abs=0.05)
            blocks += assembler.lapse(690, T_ZERO + 690.0)
            assert assembler.loss_counts().lost_s == pytest.approx(390, abs=1)
            assert not list(assembler.lapse(600, T_ZERO + 690.0))
            assembler.link_up(unit.info)
        else:
            blocks += assembler.push_packet(packet)
    seconds = [b.second for b in blocks]
    assert seconds == [*range(301), *range(700, seconds[-1] + 1)]
    for block in blocks[301:]:
        if block.present[0][0]:
            true_s = block.uv[0][0, 0] / 256.59
            assert true_s == pytest.approx(block.second, abs=0.25)
    assert assembler.loss_counts().late_packets == 0


@settings(max_examples=20)
@example(
    events=[("send", 76, 55), ("send", 63, 196), ("lapse", 15, 0), ("send", 24, 5363)],
    knows_boot=False,
    stamped=True,
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["send", "send", "send", "link", "boot", "lapse"]),
            st.integers(0, 80),  # seconds, of sending or of silence
            st.integers(0, 2**32 - 1),  # index, or seed
        ),
        max_size=9,
    ),
    st.booleans(),
    st.booleans(),
)
def test_whatever_happens_seconds_go_on_and_every_sample_is_somewhere(
    events, knows_boot, stamped
):
    of = Montage((MONTAGE.streams[0], Stream(52.0, (COUNTER,), rough_rate=True)))
    assembler = Assembler(of)
    t, index, boot, blocks, sent = 100.0, 0, 1, [], 0

    def link_up():
        tick_hz = 1000.0 if stamped else None
        boot_id = boot if knows_boot else None
        assembler.link_up(HeadbandInfo(of, tick_hz=tick_hz, boot_id=boot_id))

    link_up()
    for what, seconds, number in events:
        dice = np.random.default_rng(number)
        if what == "lapse":
            t += seconds
            now = assembler.second_at(t)
            if now is not None:
                blocks += assembler.lapse(max(0, int(now) - 3), t)
        elif what != "send":
            index, boot = (number, boot + 1) if what == "boot" else (index, boot)
            link_up()
        for _ in range(4 * seconds if what == "send" else 0):
            t += 0.25 * (1 + dice.normal(0, 1e-3))
            ticks = int(dice.choice([t * 1000, number])) % 2**32 if stamped else None
            counts = np.ones((1, 64), np.int32)
            late_s = dice.exponential(0.05)
            packet = SamplePacket(0, index % 2**32, counts, t + late_s, ticks)
            blocks += assembler.push_packet(packet)
            index, sent = index + 64, sent + 1
    seconds_seen = [b.second for b in blocks]
    assert seconds_seen == sorted(set(seconds_seen))
    # the clocks here may say anything; no rate further off than that is believed
    most = 256 * MAX_RATE_ERROR + 1
    assert all(abs(b.present[0].size - 256) <= most for b in blocks)
    counts = assembler.loss_counts()
    assert counts.packets + counts.late_packets + counts.bad_packets == sent
    placed = sum(int(b.present[0].sum()) for b in blocks)
    assert placed <= 64 * counts.packets


def test_a_fast_replay_is_nominal_without_ticks_and_right_with_them():
    nominal = play(Unit(speed=60), HOUR_S)
    assert {b.present[0].size for b in nominal.blocks} == {256}
    assert nominal.assembler.loss_counts().sfreq_hz is None
    unit = Unit(speed=60, tick_hz=32768.0, jitter_s=0.003)
    night = play(unit, HOUR_S)
    assert np.abs(night.off_s(unit, 90)).max() < 0.01
    assert night.assembler.loss_counts().drift_ppm is None
    spacing = np.diff([s for _, s in sorted(night.labels.items())])
    assert spacing == pytest.approx(30)


def test_the_headbands_own_clock_may_drift_and_its_seconds_are_dated_right():
    unit = Unit(tick_hz=32768.0, jitter_s=0.003, ppm=100.0)
    night = play(unit, HOUR_S)
    assert night.assembler.loss_counts().drift_ppm == pytest.approx(100, abs=20)
    for epoch, began in night.labels.items():
        if epoch >= 2:
            assert began == pytest.approx(epoch * 30 / 1.0001, abs=0.04)


@pytest.mark.parametrize(
    "reads",
    [
        lambda s: 7.0,
        lambda s: -s,
        lambda s: 1.03 * s,
        lambda s: s if s < 300 else 300.0,
        lambda s: s if s < 300 else 600 - s,
        lambda s: s - 40 * (s > 300),
        lambda s: s + 0.6 * (s > 300) - 0.3 * (s > 600),
        lambda s: 0.0 if 300 < s < 700 else s,
    ],
    ids=["still", "back", "fast", "stops", "turns", "set", "skips", "pauses"],
)
def test_a_clock_that_makes_no_sense_does_not_move_the_seconds(reads):
    unit = Unit(n_samples=128, tick_hz=1000.0, reads=reads)
    night = play(unit, HOUR_S)
    assert night.blocks[-1].second == HOUR_S - 2
    assert np.abs(night.off_s(unit, 120)).max() < 0.1
    assert night.assembler.loss_counts().sfreq_hz == pytest.approx(256.26, rel=2e-4)
    np.testing.assert_array_equal(night.samples(), np.arange(night.samples().size))


@settings(max_examples=15)
@given(
    st.lists(st.integers(1, 500), min_size=1, max_size=8),
    st.sampled_from(UNITS),
    st.booleans(),
)
def test_whatever_the_packets_sizes_every_sample_comes_once_and_seconds_are_true(
    sizes, sfreq, stamped
):
    assembler = Assembler(MONTAGE)
    tick_hz = 32768.0 if stamped else None
    assembler.link_up(HeadbandInfo(MONTAGE, tick_hz=tick_hz))
    blocks, first, at = [], 0, 0
    while first < 120 * sfreq:
        n = sizes[at % len(sizes)]
        counts = np.arange(first, first + n, dtype=np.int32)[None]
        ticks = round(first / sfreq * 32768) if stamped else None
        t_rx = 9.0 + (first + n) / sfreq
        blocks += assembler.push_packet(SamplePacket(0, first, counts, t_rx, ticks))
        first, at = first + n, at + 1
    assert [b.second for b in blocks] == list(range(len(blocks)))
    samples = np.concatenate([b.uv[0][0] for b in blocks])
    np.testing.assert_array_equal(samples, np.arange(samples.size))
    edge = sum(b.present[0].size for b in blocks[:110])
    assert edge / sfreq == pytest.approx(110, abs=0.01)


@settings(max_examples=10)
@given(st.integers(35, 250), st.floats(-0.01, 0.01), st.floats(-5, 5))
def test_what_was_cut_is_not_cut_again_whatever_comes_later(seconds, faster, jump_s):
    def turn(true_s):
        later_s = max(0.0, true_s - seconds)
        return true_s + later_s * faster + jump_s * (later_s > 0)

    assembler = Assembler(MONTAGE)
    unit = Unit(n_samples=64, tick_hz=1000.0, reads=turn)
    assembler.link_up(unit.info)
    blocks, edges, copies = [], [], []
    for packet in packets(unit, 300):
        for block in assembler.push_packet(packet):
            blocks.append(block)
            copies.append(block.uv[0].copy())
            edges.append(assembler.first_sample(0, block.second))
    assert [b.second for b in blocks] == list(range(len(blocks)))
    assert edges == [assembler.first_sample(0, b.second) for b in blocks]
    assert edges == [b.uv[0][0, 0] for b in blocks]
    for block, copy in zip(blocks, copies, strict=True):
        np.testing.assert_array_equal(block.uv[0], copy)


def test_streams_of_one_crystal_follow_the_fastest_by_their_ratio():
    motion = Stream(52.0, (COUNTER,), rough_rate=True)
    aux = Stream(1.0, (COUNTER,))
    of = Montage((motion, MONTAGE.streams[0], aux))
    assembler = Assembler(of)
    assembler.link_up(HeadbandInfo(of, boot_id=1))
    blocks, rate = [], 256.59 / 256
    for quarter in range(4 * 600):
        for at, n in ((1, 64), (0, 13)):
            counts = np.arange(quarter * n, (quarter + 1) * n, dtype=np.int32)[None]
            t_rx = 70 + (quarter + 1) / 4 / rate
            blocks += assembler.push_packet(SamplePacket(at, quarter * n, counts, t_rx))
    for block in blocks[60:]:
        assert block.uv[1][0, 0] / 256.59 == pytest.approx(block.second, abs=0.005)
        assert block.uv[0][0, 0] / (52 * rate) == pytest.approx(block.second, abs=0.03)
        assert block.present[2].size == 1
        assert block.present[0].all()
        assert block.present[1].all()
