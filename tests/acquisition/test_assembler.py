from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packet_placement import AWAY_S, LEAP_S
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.acquisition.sample_grid import LAG_S
from gateway.errors import LinkError


def stream(sfreq, *labels, modulus=2**32):
    channels = tuple(Channel(label, Modality.EEG, 0.5) for label in labels)
    return Stream(sfreq, channels, modulus)


EEG_EMG = Montage((stream(100.0, "Fpz-Cz", "Pz-Oz"), stream(1.0, "EMG")))
MUSE_LIKE = Montage((stream(256.0, "TP9"), stream(51.2, "X")))
EEG = Montage((stream(100.0, "Fpz-Cz"),))
MONTAGES = st.sampled_from([EEG_EMG, MUSE_LIKE, EEG])
ROUGH = Montage(tuple(replace(s, rough_rate=True) for s in MUSE_LIKE.streams))


def ramp(of, start, stop, at=0):
    """Counts that say at which index they were sampled."""
    row = np.arange(start, stop) % 30000
    return np.stack([row + k for k in range(len(of.streams[at].channels))])


def packet(of, start, stop, at=0, *, t_rx=None):
    sfreq = of.streams[at].sfreq
    return SamplePacket(
        at,
        start % of.streams[at].index_modulus,
        ramp(of, start, stop, at).astype(np.int32),
        stop / sfreq if t_rx is None else t_rx,
    )


def cut(of, seconds, cuts, *, start_s=0, at=0):
    """Cut one stream into packets at the fractions `cuts` of its length."""
    first = of.streams[at].first_sample(start_s)
    last = of.streams[at].first_sample(start_s + seconds)
    n = last - first
    edges = sorted({first, last, *(first + round(c * n) for c in cuts)})
    return [packet(of, a, b, at) for a, b in pairwise(edges)]


def by_end(of, packets):
    return sorted(
        packets,
        key=lambda p: (p.index + p.counts.shape[1]) / of.streams[p.stream].sfreq,
    )


def every_stream(of, *cuts, start_s=0):
    """Cut all streams of 8 s, each as told, into packets in order of their ends."""
    packets = chain.from_iterable(
        cut(of, 8, cuts[at % len(cuts)], start_s=start_s, at=at)
        for at in range(len(of.streams))
    )
    return by_end(of, packets)


def connected(of, boot_id=1):
    assembler = Assembler(of)
    assembler.link_up(HeadbandInfo(of, boot_id=boot_id))
    return assembler


def run(assembler, packets):
    return [block for p in packets for block in assembler.push_packet(p)]


def same(blocks, others):
    assert [b.second for b in blocks] == [b.second for b in others]
    for block, other in zip(blocks, others, strict=True):
        for uv, uv_too in zip(block.uv, other.uv, strict=True):
            np.testing.assert_array_equal(uv, uv_too)
        for present, present_too in zip(block.present, other.present, strict=True):
            np.testing.assert_array_equal(present, present_too)


def laid_out(of, blocks, at=0, row=0):
    """Return the session's samples and which of them were seen."""
    seconds = blocks[-1].second + 1
    n = of.streams[at].first_sample(seconds)
    counts, present = np.zeros(n), np.zeros(n, bool)
    for block in blocks:
        a = of.streams[at].first_sample(block.second)
        b = of.streams[at].first_sample(block.second + 1)
        counts[a:b] = block.uv[at][row] / 0.5
        present[a:b] = block.present[at]
    return counts, present


CUTS = st.lists(st.floats(0, 1), max_size=40)
FINE = [k / 8 for k in range(8)]  # 1-s packets and shorter for an 8-s stream


@settings(max_examples=40)
@given(MONTAGES, CUTS, CUTS, st.integers(0, 2**32 - 1))
def test_any_cutting_gives_the_same_blocks(of, cuts, more_cuts, start_s):
    start_s %= 40_000  # hours after the headband was switched on
    packets = every_stream(of, [*FINE, *cuts], [*FINE, *more_cuts], start_s=start_s)
    blocks = run(connected(of), packets)
    same(blocks, run(connected(of), every_stream(of, FINE, start_s=start_s)))
    # of 51.2 Hz, eight seconds from any second hold 409 or 410 samples
    assert [b.second for b in blocks] in [list(range(7)), list(range(8))]
    assert all(present.all() for b in blocks for present in b.present)


@settings(max_examples=40)
@given(MONTAGES, CUTS, st.sets(st.integers(1, 60)))
def test_lost_packets_leave_holes_in_place_and_shift_nothing(of, cuts, lost):
    packets = every_stream(of, [*FINE, *cuts])
    assembler = connected(of)
    kept = [p for i, p in enumerate(packets) if i not in lost or p.stream == 1]
    blocks = run(assembler, kept)
    assume(blocks)  # else all was lost
    counts, present = laid_out(of, blocks)
    np.testing.assert_array_equal(counts[present], np.flatnonzero(present))
    assert not counts[~present].any()
    for p in set(packets) - set(kept):
        assert not present[p.index : p.index + p.counts.shape[1]].any()
    assert assembler.loss_counts().packets == len(kept)
    sfreq = of.streams[0].sfreq
    end = max(p.index + p.counts.shape[1] for p in kept if p.stream == 0)
    assume(blocks[-1].second + 1 == int(end / sfreq))  # the last is no hole
    expected = np.count_nonzero(~present) / sfreq
    assert assembler.loss_counts().lost_s == pytest.approx(expected)


@settings(max_examples=40)
@given(MONTAGES, CUTS, st.lists(st.integers(0, 40), max_size=20))
def test_late_and_repeated_packets_change_nothing(of, cuts, repeats):
    packets = every_stream(of, [*FINE, *cuts])
    again = list(packets)
    for i in sorted((r for r in repeats if r < len(packets)), reverse=True):
        again.insert(min(len(again), i + 1 + repeats[0]), packets[i])
    assembler = connected(of)
    same(run(assembler, again), run(connected(of), packets))
    assert assembler.loss_counts().late_packets == len(again) - len(packets)


@settings(max_examples=40)
@given(st.permutations(range(6)))
def test_streams_may_interleave_in_any_way_within_the_lag(order):
    of = EEG_EMG
    packets = by_end(of, cut(of, 9, [k / 9 for k in range(9)]))
    packets += cut(of, 9, [k / 9 for k in range(9)], at=1)
    packets = by_end(of, packets)
    first, shuffled, rest = packets[:2], packets[2:8], packets[8:]
    shuffled = [shuffled[i] for i in order]
    for at in range(2):  # one stream arrives in order
        mine = [p for p in packets[2:8] if p.stream == at]
        for i, p in enumerate(shuffled):
            if p.stream == at:
                shuffled[i] = mine.pop(0)
    same(
        run(connected(of), first + shuffled + rest),
        run(connected(of), packets),
    )


def test_half_an_overlap_is_dropped_whole():
    assembler = connected(EEG)
    run(assembler, [packet(EEG, 0, 60), packet(EEG, 30, 90)])
    (block,) = run(assembler, [packet(EEG, 90, 100)])
    assert block.present[0].tolist() == [*[True] * 60, *[False] * 30, *[True] * 10]
    assert assembler.loss_counts().late_packets == 1


def test_a_block_leaves_with_its_last_sample_and_says_when():
    assembler = connected(EEG_EMG)
    assert not run(assembler, [packet(EEG_EMG, 0, 100)])
    (block,) = run(assembler, [packet(EEG_EMG, 0, 1, 1, t_rx=1.25)])
    assert (block.second, block.t_rx) == (0, 1.25)


def test_a_laggard_is_waited_for_and_then_lost():
    assembler = connected(EEG_EMG)
    run(assembler, [packet(EEG_EMG, 0, 1, 1)])
    blocks = run(assembler, [packet(EEG_EMG, k, k + 50) for k in range(0, 600, 50)])
    assert [b.second for b in blocks] == [0, 1, 2]
    assert [b.present[1].all() for b in blocks] == [True, False, False]
    late = packet(EEG_EMG, 1, 2, 1)
    timely = packet(EEG_EMG, 2 + LAG_S - 2, 4, 1)
    (block,) = run(assembler, [late, timely])
    assert block.present[1].all()
    assert assembler.loss_counts().late_packets == 1
    assert assembler.loss_counts().lost_s == 2


def test_a_stream_that_never_sends_is_waited_for_once_and_loses_nothing():
    assembler = connected(MUSE_LIKE)
    sent = [packet(MUSE_LIKE, k, k + 64) for k in range(0, 40 * 256, 64)]
    arrivals = [(block.t_rx, block.second) for block in run(assembler, sent)]
    assert [second for _, second in arrivals] == list(range(40))
    assert [t_rx for t_rx, second in arrivals if second > LAG_S] == [
        second + 1 for second in range(LAG_S + 1, 40)
    ]
    assert assembler.loss_counts().lost_s == 0
    assert assembler.loss_counts().drift_ppm == pytest.approx(0, abs=1)


def test_the_night_is_dated_by_a_slow_stream_when_the_fast_one_never_sends():
    assembler = connected(MUSE_LIKE)
    ends = [MUSE_LIKE.streams[1].first_sample(s) for s in range(41)]
    for k, end in pairwise(ends):
        run(assembler, [packet(MUSE_LIKE, k, end, 1, t_rx=500 + end / 51.2)])
    assert assembler.clock.t_of(30) == pytest.approx(530, abs=0.02)
    assert not run(assembler, [packet(MUSE_LIKE, 40 * 256, 41 * 256, t_rx=541.0)])
    (block,) = run(assembler, [packet(MUSE_LIKE, ends[-1], 2100, 1, t_rx=541.1)])
    assert (block.second, block.present[0].all()) == (40, True)


def test_a_stream_that_begins_late_is_lost_until_then():
    assembler = connected(EEG_EMG)
    sent = [packet(EEG_EMG, k, k + 50) for k in range(0, 2000, 50)]
    sent += [packet(EEG_EMG, k, k + 1, 1) for k in range(10, 20)]
    blocks = run(assembler, by_end(EEG_EMG, sent))
    # nobody waited for its first second, which ends as the other stream's does
    assert [b.present[1].all() for b in blocks] == [False] * 11 + [True] * 9
    assert assembler.loss_counts().late_packets == 1
    assert assembler.loss_counts().lost_s == 11


def test_a_night_that_begins_within_a_second_has_lost_nothing():
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, 1238, 1250), packet(EEG, 1250, 1400)])
    assert [b.second for b in blocks] == [0, 1]
    assert blocks[0].present[0].tolist() == [False] * 38 + [True] * 62
    assert assembler.loss_counts().lost_s == 0


def test_what_was_sampled_before_second_zero_is_cut_off():
    assembler = connected(EEG_EMG)
    emg_first = packet(EEG_EMG, 10, 11, 1)
    (block,) = run(
        assembler, [emg_first, packet(EEG_EMG, 920, 1040), packet(EEG_EMG, 1040, 1100)]
    )
    assert block.present[0].all()
    assert block.uv[0][0, 0] == 0.5 * 1000


@pytest.mark.parametrize("bits", [10, 16, 32])
def test_the_index_may_wrap(bits):
    of = Montage((stream(100.0, "Fpz-Cz", modulus=2**bits),))
    start = 2**bits - 500
    packets = [packet(of, k, k + 20) for k in range(start, start + 3000, 20)]
    blocks = run(connected(of, boot_id=None), packets)
    _, present = laid_out(of, blocks)
    assert present.all()
    assert len(blocks) == 30


def test_a_reconnection_continues_in_its_exact_place():
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, 0, 250)])
    assembler.link_up(HeadbandInfo(EEG, boot_id=1))
    # arrives with a backlog, much later than it was sampled
    blocks += run(assembler, [packet(EEG, 61_234, 61_400, t_rx=999.0)])
    counts, present = laid_out(EEG, blocks)
    np.testing.assert_array_equal(counts[present], np.flatnonzero(present) % 30000)
    assert [b.second for b in blocks] == [0, 1, 2, 612, 613]
    assert assembler.loss_counts().lost_s == pytest.approx((61_234 - 250) / 100)
    assert assembler.loss_counts().connections == 2


def test_a_wrap_while_the_link_was_away_is_counted_by_arrival():
    of = Montage((stream(100.0, "Fpz-Cz", modulus=2**10),))
    assembler = connected(of)
    run(assembler, [packet(of, 0, 200, t_rx=2.0)])
    assembler.link_up(HeadbandInfo(of, boot_id=1))
    blocks = run(assembler, [packet(of, 5000, 5100, t_rx=51.3)])
    assert [b.second for b in blocks] == [50]


@settings(max_examples=40)
@given(
    boots=st.lists(
        st.tuples(
            st.integers(0, 10**6),  # where the count restarts
            st.integers(1, 900),  # samples until the next restart
            st.floats(0, 100),  # silence before it, seconds
        ),
        min_size=2,
        max_size=6,
    ),
    knows=st.booleans(),
    of=MONTAGES | st.just(ROUGH),
)
def test_a_restarted_count_never_overwrites_nor_goes_back(boots, knows, of):
    assembler = Assembler(of)
    t, blocks, sent = 0.0, [], 0
    for boot_id, (start, n, silence_s) in enumerate(boots):
        t += silence_s
        assembler.link_up(HeadbandInfo(of, boot_id=boot_id if knows else None))
        for k in range(start, start + n, 37):
            stop = min(k + 37, start + n)
            t_rx = t + (stop - start) / of.streams[0].sfreq
            blocks += run(assembler, [packet(of, k, stop, t_rx=t_rx)])
            sent += stop - k
        t += n / of.streams[0].sfreq
    seconds = [b.second for b in blocks]
    assert seconds == sorted(set(seconds))
    counts = assembler.loss_counts()
    assert counts.late_packets == counts.bad_packets == 0
    # flush: a minute later every sample sent must lie on the grid, once
    last = boots[-1][0] + boots[-1][1]
    ahead = packet(of, last + 60 * 256, last + 60 * 256 + 1, t_rx=t + 400)
    blocks += run(assembler, [ahead])
    placed = sum(int(b.present[0].sum()) for b in blocks)
    assert placed - sent in {0, 1}  # it may be the last of a second itself


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 20_000),  # seconds since the headband was switched on
            st.integers(5, 60),  # seconds it sends
            st.floats(0, 100),  # silence before
            st.integers(0, 2),  # how often the link is lost meanwhile
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2**32),
)
def test_between_restarts_all_streams_keep_one_shift_whatever_is_lost(boots, seed):
    dice = np.random.default_rng(seed)
    of, t, blocks, assembler = EEG_EMG, 0.0, [], Assembler(EEG_EMG)
    spans = []
    for boot_id, (start_s, seconds, silence_s, n_losses) in enumerate(boots):
        t += silence_s
        tenths = [k / (10 * seconds) for k in range(10 * seconds)]
        packets = cut(of, seconds, tenths, start_s=start_s)
        packets += cut(of, seconds, tenths, start_s=start_s, at=1)
        packets = [p for p in by_end(of, packets) if dice.random() > 0.1]
        losses = set(dice.integers(0, len(packets), n_losses).tolist()) | {0}
        n_before = len(blocks)
        for i, p in enumerate(packets):
            if i in losses:
                assembler.link_up(HeadbandInfo(of, boot_id=boot_id))
            ended_s = (p.index + p.counts.shape[1]) / of.streams[p.stream].sfreq
            jitter_s = dice.exponential(0.2)
            sent = replace(p, t_rx=t + ended_s - start_s + jitter_s)
            blocks += run(assembler, [sent] * int(dice.integers(1, 3)))
        t += seconds
        spans.append(blocks[n_before:])
    seconds_seen = [b.second for b in blocks]
    assert seconds_seen == sorted(set(seconds_seen))
    for span in spans:
        shifts = {
            round(uv / 0.5 - (b.second + i / stream.sfreq) * stream.sfreq)
            / stream.sfreq
            for b in span[2:]  # the first may still hold the boot before
            for stream, row, present in zip(of.streams, b.uv, b.present, strict=True)
            for i, uv in enumerate(row[0].tolist())
            if present[i]
        }
        assert len({shift % 300 for shift in shifts}) <= 1


@pytest.mark.parametrize("boot_id", [None, 2])
def test_a_restart_is_placed_by_its_arrival(boot_id):
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, 500, 700, t_rx=1000.0)])
    assembler.link_up(HeadbandInfo(EEG, boot_id=boot_id))
    blocks += run(assembler, [packet(EEG, 0, 200, t_rx=1060.0)])
    assert [b.second for b in blocks] == [0, 1, 60, 61]


def test_a_replay_faster_than_life_goes_on_where_it_was():
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, 0, 950, t_rx=0.02)])
    assembler.link_up(HeadbandInfo(EEG, boot_id=2))
    blocks += run(assembler, [packet(EEG, 0, 200, t_rx=0.03)])
    assert [b.second for b in blocks] == [*range(10), 10, 11]


def test_without_a_boot_id_a_fast_replay_loses_nothing_either():
    assembler = connected(EEG, boot_id=None)
    blocks = run(assembler, [packet(EEG, 0, 950, t_rx=0.02)])
    assembler.link_up(HeadbandInfo(EEG))
    blocks += run(assembler, [packet(EEG, 0, 250, t_rx=0.03)])
    counts, present = laid_out(EEG, blocks)
    assert present.all()
    assert counts.tolist() == [*range(950), *range(250)]


@pytest.mark.parametrize("index", [10, 2**31, 2**32 - 1])
def test_an_index_that_makes_no_sense_after_a_reconnection_is_a_restart(index):
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, k, k + 50) for k in range(0, 8000, 50)])
    assembler.link_up(HeadbandInfo(EEG, boot_id=1))
    blocks += run(assembler, [packet(EEG, index, index + 250, t_rx=90.0)])
    assert blocks[79].second == 79
    assert 86 <= blocks[80].second <= 88


def test_one_absurd_leap_is_bad_and_changes_nothing():
    assembler = connected(EEG)
    leap = packet(EEG, (LEAP_S + 60) * 100, (LEAP_S + 60) * 100 + 50, t_rx=1.0)
    packets = [packet(EEG, k, k + 50) for k in range(0, 1000, 50)]
    blocks = run(assembler, [*packets[:3], leap, *packets[3:]])
    same(blocks, run(connected(EEG), packets))
    assert assembler.loss_counts().bad_packets == 1


def test_a_count_that_leaps_on_and_on_does_not_outrun_the_clock():
    assembler, leap = connected(EEG), 50 * 100  # of 50 s each, ten a second
    packets = [
        packet(EEG, k * leap, k * leap + 10, t_rx=k / 10 + 0.1) for k in range(300)
    ]
    blocks = run(assembler, packets)
    assert blocks[-1].second <= 30 + LEAP_S
    assert assembler.loss_counts().bad_packets > 290


def test_a_count_that_restarts_on_and_on_does_not_outrun_the_clock():
    assembler = connected(EEG)
    starts = [k // 2 * 1_000_000 + k % 2 * 10 for k in range(2000)]
    packets = [
        packet(EEG, start, start + 10, t_rx=k / 10 + 0.1)
        for k, start in enumerate(starts)
    ]
    blocks = run(assembler, packets)
    assert blocks[-1].second <= 200 + LEAP_S + 2


def test_after_a_silence_as_long_as_it_the_count_may_leap():
    assembler = connected(EEG)
    run(assembler, [packet(EEG, 0, 50, t_rx=0.5)])
    run(assembler, [packet(EEG, 100_000, 100_050, t_rx=1000.5)])
    assert assembler.loss_counts().bad_packets == 0


def test_a_leap_that_goes_on_is_a_restart():
    assembler = connected(EEG)
    packets = [packet(EEG, k, k + 50) for k in range(0, 1000, 50)]
    packets += [
        packet(EEG, 2**31 + k, 2**31 + k + 50, t_rx=10 + (k + 50) / 100)
        for k in range(0, 1000, 50)
    ]
    blocks = run(assembler, packets)
    assert [b.second for b in blocks] == list(range(20))
    assert assembler.loss_counts().lost_s == pytest.approx(0.5, abs=0.5)


def test_a_stream_that_does_not_share_the_count_is_bad():
    assembler = connected(EEG_EMG)
    run(assembler, [packet(EEG_EMG, 0, 100)])
    run(assembler, [packet(EEG_EMG, AWAY_S, AWAY_S + 1, 1)])
    assert assembler.loss_counts().bad_packets == 1


def test_another_montage_within_the_session_is_refused_and_forgotten():
    assembler = connected(EEG)
    blocks = run(assembler, [packet(EEG, 0, 150)])
    with pytest.raises(LinkError, match=r"Fpz-Cz at 100 Hz became TP9 at 256 Hz"):
        assembler.link_up(HeadbandInfo(MUSE_LIKE, boot_id=1))
    louder = Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, 0.7),)),))
    with pytest.raises(LinkError, match="calibration of Fpz-Cz at 100 Hz; set"):
        assembler.link_up(HeadbandInfo(louder, boot_id=1))
    assembler.link_up(HeadbandInfo(EEG, boot_id=1))
    blocks += run(assembler, [packet(EEG, 150, 200)])
    assert [b.second for b in blocks] == [0, 1]
    assert all(b.present[0].all() for b in blocks)


def test_an_empty_packet_is_nothing():
    assembler = connected(EEG)
    assert not run(assembler, [packet(EEG, 500, 500)])
    assert [b.second for b in run(assembler, [packet(EEG, 0, 100)])] == [0]


def test_the_clock_follows_the_fastest_stream():
    assembler = connected(EEG_EMG)
    for k in range(0, 6000, 20):
        t_rx = 500 + (k + 20) / 100 / 1.0001
        run(assembler, [packet(EEG_EMG, k, k + 20, t_rx=t_rx)])
        if k % 100 == 0:
            run(assembler, [packet(EEG_EMG, k // 100, k // 100 + 1, 1, t_rx=t_rx)])
    assert assembler.loss_counts().drift_ppm == pytest.approx(100, abs=1)
    assert assembler.clock.t_of(30) == pytest.approx(500 + 30 / 1.0001, abs=1e-3)


def test_a_second_is_dated_by_the_last_tick():
    assembler = connected(EEG)
    for k in range(0, 6000, 20):
        run(assembler, [packet(EEG, k, k + 20, t_rx=50 + (k + 20) / 100)])
    tick = ClockTick(115.0, datetime(2026, 2, 13, 23, 0, tzinfo=UTC), synchronised=True)
    off = assembler.utc_of(30, tick) - (tick.utc - timedelta(seconds=35))
    assert abs(off) < timedelta(milliseconds=1)
