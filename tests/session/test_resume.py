"""A night that goes on in another process: nothing moves, and the gap is the loss."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import ClockTick, SamplePacket
from gateway.messages.outputs import RecordingState, SessionState
from gateway.preprocessing.filtering import Band
from gateway.session.night import Night
from gateway.session.resume import ClockInstant, InterruptedSession
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.stage import Refusal

BEGAN = datetime(2026, 2, 12, 23, tzinfo=UTC)
EPOCHS = 12
LENGTH_S = 30 * EPOCHS
END_S = LENGTH_S + 1  # so that the last epoch is over, however it was steered
T_ZERO = 1000.0  # monotonic, of the headband's first sample
PACKET_S = 0.25


class AmplitudeScorer:
    """Any change of any sample changes what it says."""

    card = ModelCard(
        name="amplitude",
        channels=("EEG Fpz-Cz",),
        scale_uv=(20.0,),
        band=Band(),
        temperature=1.0,
        digest="0" * 64,
    )

    def hypnodensity(self, epoch):
        parts = np.abs(epoch.uv.astype(np.float64)).reshape(5, -1).sum(axis=1)
        return tuple(float(part) for part in parts / parts.sum())


def headband(sfreq, *, boot_id, rough=False):
    channel = Channel("Fpz-Cz", Modality.EEG, 0.1)
    stream = Stream(sfreq, (channel,), rough_rate=rough)
    return HeadbandInfo(Montage((stream,)), boot_id=boot_id)


COUNTS = np.random.default_rng(0).normal(0, 300, (1, 257 * END_S)).astype(np.int32)
KINDS = {
    "counts on": (headband(100.0, boot_id=1), 100.0),
    "counts anew": (headband(100.0, boot_id=None), 100.0),
    "of a rough rate": (headband(256.0, boot_id=None, rough=True), 256.26),
}


def packets(true_hz, *, since=0.0, until=END_S):
    """Cut what the headband sends from one second of the night to another."""
    for at in np.arange(since, until, PACKET_S):
        first, end = round(at * true_hz), round((at + PACKET_S) * true_hz)
        yield SamplePacket(0, first, COUNTS[:, first:end], T_ZERO + end / true_hz)


class Process:
    """A daemon's night, as far as it concerns its restart."""

    def __init__(self, interrupted=None, *, shift_s=0.0):
        self.night = Night(AmplitudeScorer(), {}, 50)
        self.shift_s = shift_s  # of the monotonic clock, after a reboot
        self.tick(0.0)
        if interrupted is not None:
            self.night.resume(interrupted)
        self.epochs, self.interrupted = [], interrupted
        self.info = None

    def tick(self, second):
        utc = BEGAN + timedelta(seconds=second)
        self.now = ClockTick(T_ZERO + second + self.shift_s, utc, synchronised=True)
        self.night.tick(self.now)

    def lapse(self, second):
        self.tick(second)
        self.hear(self.night.lapse(self.now.t))

    def connect(self, info):
        self.night.begin(info)
        self.info = info

    def send(self, sent):
        for packet in sent:
            self.tick(packet.t_rx - T_ZERO)
            t_rx = packet.t_rx + self.shift_s
            self.hear(self.night.push_packet(replace(packet, t_rx=t_rx)))

    def hear(self, outputs):
        for output in outputs:
            point = self.night.checkpoint(self.night.loss_counts)
            if isinstance(output, ScoredEpoch):
                self.epochs.append(output)
            if isinstance(output, ScoredEpoch) or (self.interrupted is None and point):
                boot = "first" if not self.shift_s else "second"
                self.interrupted = InterruptedSession(
                    "night",
                    "0" * 64,
                    self.info or self.interrupted.info,
                    SessionState(RecordingState.RECORDING, BEGAN),
                    (
                        *(self.interrupted.epochs if self.interrupted else ()),
                        *([output] if isinstance(output, ScoredEpoch) else []),
                    ),
                    point,
                    ClockInstant(boot, *self.now),
                )


def killed_at(second, kind):
    info, true_hz = KINDS[kind]
    process = Process()
    process.connect(info)
    process.send(packets(true_hz, until=second))
    return process


def went_on(kind, before, back_s, *, shift_s=0.0, lapse_s=None):
    """Go on with what `before` left, the headband being back at `back_s`."""
    info, true_hz = KINDS[kind]
    interrupted = before.interrupted
    if shift_s:
        boot, *_ = interrupted.last
        utc = BEGAN + timedelta(seconds=back_s)
        now = ClockInstant(
            boot + "+", T_ZERO + back_s + shift_s, utc, synchronised=True
        )
        interrupted = interrupted.by_clock_of(now)
    process = Process(interrupted, shift_s=shift_s)
    if lapse_s is not None:
        process.lapse(lapse_s)
    process.connect(info)
    process.send(packets(true_hz, since=back_s))
    return process


@pytest.fixture(scope="module")
def undisturbed():
    nights = {}
    for kind, (info, true_hz) in KINDS.items():
        process = Process()
        process.connect(info)
        process.send(packets(true_hz))
        nights[kind] = process
    return nights


SHIFTS = st.sampled_from([0.0, -900.0, 5e4])


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(kill_s=st.integers(1, 200), away_s=st.integers(1, 120), shift_s=SHIFTS)
def test_every_epoch_comes_once_and_only_the_gap_is_missing(
    undisturbed, kind, kill_s, away_s, shift_s
):
    whole = undisturbed[kind]
    before = killed_at(kill_s, kind)
    back_s = kill_s + away_s
    after = went_on(kind, before, back_s, shift_s=shift_s)
    got = [*before.epochs, *after.epochs]
    assert [e.index for e in got] == [e.index for e in whole.epochs]
    kept_s = 30 * len(before.epochs)
    for mine, theirs in zip(got, whole.epochs, strict=True):
        began, end = 30 * mine.index, 30 * mine.index + 30
        if end <= kept_s or (kind == "counts on" and began >= back_s):
            assert mine.hypnodensity == theirs.hypnodensity
        elif began >= kept_s and end <= back_s:
            assert mine.stage is Refusal.GAP
        off_s = (mine.start_utc - theirs.start_utc).total_seconds()
        assert abs(off_s) < 0.3
    assert after.night.scoring_state.stages == tuple(e.stage for e in got)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6)
@given(kill_s=st.integers(31, 200), away_s=st.integers(1, 120), shift_s=SHIFTS)
def test_the_loss_counted_is_what_lay_between(kind, kill_s, away_s, shift_s):
    before = killed_at(kill_s, kind)
    after = went_on(kind, before, kill_s + away_s, shift_s=shift_s)
    kept_s = 30 * len(before.epochs)
    exact_s = 1e-9 if kind == "counts on" else 0.3
    lost_s = after.night.loss_counts.lost_s
    assert lost_s == pytest.approx(kill_s + away_s - kept_s, abs=exact_s)
    missing_s = sum(e.quality[0].missing_s for e in after.epochs)
    assert missing_s == pytest.approx(lost_s, abs=0.3)
    n_packets = before.interrupted.grid.counts.packets
    assert after.night.loss_counts.packets == n_packets + (END_S - kill_s - away_s) * 4


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shift_s", [0.0, 5e4])
def test_epochs_pass_while_the_headband_is_away_after_the_restart(kind, shift_s):
    before = killed_at(100, kind)
    after = went_on(kind, before, 290, shift_s=shift_s, lapse_s=250.0)
    stages = [e.stage for e in after.epochs]
    assert [e.index for e in before.epochs + after.epochs] == list(range(EPOCHS))[
        : len(stages) + 3
    ]
    assert stages[:5] == [Refusal.GAP] * 5  # epochs 3 to 7, and told before it is back
    assert Refusal.GAP not in stages[7:]


@pytest.mark.parametrize("kind", KINDS)
def test_a_night_may_be_killed_twice_and_its_samples_go_on_counting(kind, undisturbed):
    first = killed_at(100, kind)
    info, true_hz = KINDS[kind]
    second = Process(first.interrupted)
    second.connect(info)
    second.send(packets(true_hz, since=112, until=200))
    third = went_on(kind, second, 215, shift_s=5e4)
    got = [*first.epochs, *second.epochs, *third.epochs]
    assert [e.index for e in got] == [e.index for e in undisturbed[kind].epochs]
    ends = [e.span[0].stop for e in got]
    begins = [e.span[0].start for e in got]
    assert begins == [0, *ends[:-1]]
    assert ends[-1] == pytest.approx(LENGTH_S * true_hz, abs=true_hz * 0.3)
    lost_s = (112 - 90) + (215 - 180)
    assert third.night.loss_counts.lost_s == pytest.approx(lost_s, abs=0.5)


def test_a_night_killed_before_its_first_epoch_goes_on_too():
    before = killed_at(20, "counts on")
    assert before.interrupted.grid.second == 0
    after = went_on("counts on", before, 40)
    assert [e.index for e in after.epochs] == list(range(EPOCHS))
    assert after.night.loss_counts.lost_s == 40
    assert after.epochs[0].stage is Refusal.GAP


def test_nothing_is_checked_before_the_first_sample():
    night = Night(AmplitudeScorer(), {}, 50)
    assert night.checkpoint(LossCounts()) is None


def test_nor_before_the_stream_that_tells_the_time():
    slow = Stream(1.0, (Channel("EMG", Modality.EMG, 0.1),))
    fast = headband(100.0, boot_id=1).montage.streams[0]
    process = Process()
    process.connect(HeadbandInfo(Montage((fast, slow)), boot_id=1))
    for packet, known in (
        (SamplePacket(1, 0, np.zeros((1, 1), np.int32), T_ZERO), False),
        (SamplePacket(0, 0, np.zeros((1, 20), np.int32), T_ZERO + 0.2), True),
    ):
        process.send([packet])
        assert (
            process.night.checkpoint(process.night.loss_counts) is not None
        ) is known
