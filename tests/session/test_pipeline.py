"""The whole chain without a radio: what was lost is lost, and nothing else moves."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import (
    ClockTick,
    LinkDown,
    LinkUp,
    Notification,
    SampleBlock,
)
from gateway.acquisition.sample_grid import LAG_S
from gateway.drivers import diy
from gateway.errors import ConfigError
from gateway.messages.outputs import (
    Availability,
    RecordingState,
    SessionState,
    SignalBegins,
)
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.headband_fit import Contacts
from gateway.session.pipeline import LOOK_S, Night, Pipeline
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal, Stage
from sim.devices.diy import DiyDevice

LSB_UV = float(np.float32(1e-7)) * 1e6
EEG = tuple(Channel(label, Modality.EEG, LSB_UV) for label in ("Fpz-Cz", "Pz-Oz"))
EOG = Channel("EOG", Modality.EOG, LSB_UV)
EMG = Channel("EMG", Modality.EMG, LSB_UV)
MONTAGE = Montage((Stream(100.0, (*EEG, EOG)), Stream(1.0, (EMG,))))
EPOCHS = 5
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
START = b"\x01\x03\x00\x00\x00"


class AmplitudeScorer:
    """Any change of any sample changes what it says."""

    card = ModelCard(
        name="amplitude",
        channels=("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"),
        scale_uv=(20.0, 12.0, 30.0),
        band=Band(),
        temperature=1.0,
        digest="0" * 64,
    )

    def hypnodensity(self, epoch):
        parts = np.abs(epoch.uv.astype(np.float64)).reshape(3, 5, -1).sum(axis=(0, 2))
        return tuple(float(part) for part in parts / parts.sum())


def recording(seed=0):
    rng = np.random.default_rng(seed)
    seconds = 30 * EPOCHS
    return [
        rng.normal(0, 300, (3, 100 * seconds)).astype(np.int32),
        rng.integers(0, 50, (1, seconds)).astype(np.int32),
    ]


RECORDING = recording()


def pipeline(channels=None, watch=None):
    made = Pipeline(diy.DRIVER, Night(AmplitudeScorer(), channels or {}, 50), watch)
    list(made.push_input(ClockTick(0.0, MIDNIGHT, synchronised=True)))
    return made


def frames(counts=None, mtu=247, boot_id=1, **knobs):
    device = DiyDevice(MONTAGE, counts or RECORDING, boot_id=boot_id, **knobs)
    assert device.write(diy.CONTROL, START, mtu, 0.0).streaming
    return device.info, list(device.frames(device.skip_s, mtu))


def run(info, sent, into=None):
    chain = into or pipeline()
    outputs = list(chain.push_input(LinkUp(0.0, info)))
    for frame in sent:
        notification = Notification(frame.char, frame.payload, frame.due_s)
        outputs += chain.push_input(notification)
    return outputs


def epochs(outputs):
    return [value for value in outputs if isinstance(value, ScoredEpoch)]


WHOLE = epochs(run(*frames()))


def test_every_epoch_of_the_recording_comes_once_and_in_order():
    assert [epoch.index for epoch in WHOLE] == list(range(EPOCHS))
    assert all(isinstance(epoch.stage, Stage) for epoch in WHOLE)


def test_epochs_are_labelled_with_the_wall_clock():
    offsets = [(epoch.start_utc - MIDNIGHT).total_seconds() for epoch in WHOLE]
    assert offsets == pytest.approx([0, 30, 60, 90, 120], abs=1.1)


@settings(max_examples=25)
@given(mtu=st.integers(23, 517), batch_s=st.floats(0.01, 2.0))
def test_the_cutting_into_notifications_changes_no_bit(mtu, batch_s):
    again = epochs(run(*frames(mtu=mtu, batch_s=batch_s)))
    assert [e.hypnodensity for e in again] == [e.hypnodensity for e in WHOLE]


@settings(max_examples=40)
@given(data=st.data())
def test_a_lost_notification_changes_its_own_epoch_only(data):
    info, sent = frames()
    at = data.draw(st.integers(1, len(sent) - 30))
    n_lost = data.draw(st.integers(1, 25))
    lost, kept = sent[at : at + n_lost], sent[:at] + sent[at + n_lost :]
    touched = {
        int(second // 30)
        for frame in lost
        for second in (frame.due_s - 0.4, frame.due_s)  # its first and last sample
    }
    for before, after in zip(WHOLE, epochs(run(info, kept)), strict=True):
        if before.index not in touched:
            assert after.hypnodensity == before.hypnodensity


def test_an_epoch_with_more_than_a_fifth_missing_is_refused_and_counted():
    info, sent = frames()
    kept = [f for f in sent if not 40 <= f.due_s < 47]
    outputs = run(info, kept)
    stages = [epoch.stage for epoch in epochs(outputs)]
    assert stages[1] is Refusal.GAP
    assert Refusal.GAP not in stages[:1] + stages[2:]
    counts = [value for value in outputs if isinstance(value, LossCounts)][-1]
    assert counts.lost_s == pytest.approx(7, abs=1)


def test_rubbish_and_repeats_are_dropped_and_counted():
    info, sent = frames()
    chain = pipeline()
    list(chain.push_input(LinkUp(0.0, info)))
    outputs = []
    for frame in sent:
        for payload in (frame.payload, frame.payload[:-1], frame.payload):
            outputs += chain.push_input(Notification(frame.char, payload, frame.due_s))
    assert [e.hypnodensity for e in epochs(outputs)] == [e.hypnodensity for e in WHOLE]
    assert chain.loss_counts.bad_packets == len(sent)
    n_status = sum(frame.char == diy.STATUS for frame in sent)
    assert chain.loss_counts.late_packets == len(sent) - n_status


def test_bad_packets_in_a_row_are_counted_until_a_good_one_or_a_new_connection():
    info, sent = frames()
    chain = pipeline()
    list(chain.push_input(LinkUp(0.0, info)))
    rubbish = Notification(sent[0].char, b"rubbish", 0.0)
    for expected in range(1, 4):
        assert list(chain.push_input(rubbish)) == []
        assert chain.packet_decoder.bad_in_a_row == expected
    list(chain.push_input(Notification(sent[0].char, sent[0].payload, 0.0)))
    assert chain.packet_decoder.bad_in_a_row == 0
    list(chain.push_input(rubbish))
    list(chain.push_input(LinkUp(1.0, info)))
    assert (chain.packet_decoder.bad_in_a_row, chain.loss_counts.bad_packets) == (0, 4)


def test_availability_follows_the_samples_not_the_connection():
    info, sent = frames()
    chain = pipeline()
    assert list(chain.push_input(LinkUp(0.0, info))) == []
    first = sent[0]
    outputs = list(chain.push_input(Notification(first.char, first.payload, 1.0)))
    assert outputs[0] == Availability(online=True, reason="samples arrive")
    down = list(chain.push_input(LinkDown(2.0, "out of range")))
    assert down[-1] == Availability(online=False, reason="out of range")


def test_a_connection_that_returns_continues_in_its_place():
    chain = pipeline()
    info, sent = frames()
    before = run(info, [f for f in sent if f.due_s < 65], into=chain)
    before += chain.push_input(LinkDown(65.0, "out of range"))
    _, later = frames(skip_s=95.0)
    after = run(info, later, into=chain)
    got = epochs(before + after)
    assert [epoch.index for epoch in got] == list(range(EPOCHS))
    assert [epoch.stage for epoch in got][2] is Refusal.GAP
    for at in (0, 1, 4):
        assert got[at].hypnodensity == WHOLE[at].hypnodensity


def ticked(chain, begin_s, end_s):
    """Let the seconds pass; return (second, output) for all that is said."""
    said = []
    for t in range(begin_s, end_s):
        tick = ClockTick(float(t), MIDNIGHT + timedelta(seconds=t), synchronised=True)
        said += [(t, output) for output in chain.push_input(tick)]
    return said


def away(chain, begin_s=65, end_s=130, sent=None):
    """Send until the link is lost; return info, what was said, what while away."""
    info, whole = frames()
    before = run(info, [f for f in sent or whole if f.due_s < begin_s], into=chain)
    before += chain.push_input(LinkDown(float(begin_s), "out of range"))
    return info, before, ticked(chain, begin_s, end_s)


def test_epochs_of_a_dead_link_are_refused_in_their_turn():
    chain = pipeline()
    _, before, meanwhile = away(chain)
    assert [e.index for e in epochs(before)] == [0, 1]
    refused = [(t, e) for t, e in meanwhile if isinstance(e, ScoredEpoch)]
    assert [e.index for _, e in refused] == [2, 3]
    assert all(e.stage is Refusal.GAP for _, e in refused)
    for t, e in refused:
        over_s = (e.index + 1) * 30 + 0.4  # second 0 arrived with its last frame
        assert over_s <= t <= over_s + LAG_S + 1
        off_s = (e.start_utc - MIDNIGHT).total_seconds() - e.index * 30
        assert abs(off_s) < 1.1
    tallies = [value for _, value in meanwhile if isinstance(value, LossCounts)]
    assert tallies[-1].lost_s == pytest.approx(120 - 65, abs=1)


def test_while_the_link_is_up_nothing_is_refused_for_being_slow():
    chain = pipeline()
    info, sent = frames()
    run(info, [f for f in sent if f.due_s < 65], into=chain)
    assert ticked(chain, 65, 130) == []


def test_a_headband_that_returns_after_its_epochs_were_refused_goes_on_in_its_place():
    chain = pipeline()
    info, before, meanwhile = away(chain)
    _, later = frames(skip_s=125.0)
    after = run(info, later, into=chain)
    got = epochs(before) + epochs(v for _, v in meanwhile) + epochs(after)
    assert [e.index for e in got] == list(range(EPOCHS))
    for at in (0, 1):
        assert got[at].hypnodensity == WHOLE[at].hypnodensity
    assert got[4].quality[0].missing_s == pytest.approx(5, abs=1)


@settings(max_examples=20)
@given(st.integers(30, 130), st.integers(0, 100), st.integers(0, 149), st.booleans())
def test_what_comes_after_its_epoch_was_refused_is_late_and_never_silent(
    lost_at_s, away_s, back_s, rebooted
):
    chain = pipeline()
    info, before, meanwhile = away(chain, lost_at_s, lost_at_s + away_s)
    info, later = frames(skip_s=float(back_s), boot_id=2 if rebooted else 1)
    after = list(chain.push_input(LinkUp(float(lost_at_s + away_s), info)))
    for frame in later:
        t = lost_at_s + away_s + frame.due_s - back_s
        after += chain.push_input(Notification(frame.char, frame.payload, t))
    got = epochs(before) + epochs(v for _, v in meanwhile) + epochs(after)
    assert [e.index for e in got] == list(range(len(got)))
    seconds = [b.second for b in before + after if isinstance(b, SampleBlock)]
    assert seconds == sorted(set(seconds))
    n_data = sum(f.char == diy.DATA for f in later)
    n_before = sum(f.due_s < lost_at_s for f in frames()[1] if f.char == diy.DATA)
    counts = chain.loss_counts
    assert (
        counts.packets + counts.late_packets + counts.bad_packets == n_before + n_data
    )


def test_epochs_of_a_replay_wait_for_the_link():
    chain = pipeline()
    info, sent = frames()
    list(chain.push_input(LinkUp(0.0, info)))
    for frame in sent:
        if frame.due_s < 65:
            n = Notification(frame.char, frame.payload, frame.due_s * 3)
            list(chain.push_input(n))
    list(chain.push_input(LinkDown(195.0, "out of range")))
    assert ticked(chain, 195, 400) == []


def test_a_headband_that_changed_its_montage_is_not_mixed_into_the_night():
    chain = pipeline()
    info, sent = frames()
    run(info, sent, into=chain)
    other = DiyDevice(Montage((Stream(50.0, EEG),)), [RECORDING[0][:2]], boot_id=2).info
    (refused,) = chain.push_input(LinkUp(1.0, other))
    assert not refused.online
    assert "50 Hz" in refused.reason
    n_bad = chain.loss_counts.bad_packets
    assert list(chain.push_input(Notification(diy.DATA, sent[0].payload, 2.0))) == []
    assert chain.loss_counts.bad_packets == n_bad + 1
    assert chain.packet_decoder.bad_in_a_row == 1


@pytest.mark.parametrize(
    "channel", [Channel("chest", Modality.ECG, LSB_UV), EOG], ids=["ECG", "EOG"]
)
def test_a_headband_without_eeg_says_what_it_has(channel):
    info = DiyDevice(
        Montage((Stream(100.0, (channel,)),)), [RECORDING[0][:1]], boot_id=1
    ).info
    with pytest.raises(ConfigError, match=f"the headband gives {channel.label}"):
        list(pipeline().push_input(LinkUp(0.0, info)))


def test_the_night_is_summed_up_at_its_close():
    chain = pipeline()
    run(*frames(), into=chain)
    counts, *moments, night, summary, session = chain.close()
    assert isinstance(counts, LossCounts)
    assert night.final
    assert [e.hypnodensity for e in night.epochs] == [e.hypnodensity for e in WHOLE]
    assert all(isinstance(moment, SleepEvent) for moment in moments)
    assert isinstance(summary, NightSummary)
    assert summary.n_epochs == EPOCHS
    assert session.state is RecordingState.ENDED
    assert session.n_epochs == EPOCHS


def test_a_session_begins_with_its_first_sample_and_only_once():
    chain = pipeline()
    outputs = [*run(*frames(), into=chain), *run(*frames(), into=chain)]
    began = [output for output in outputs if isinstance(output, SessionState)]
    assert [session.state for session in began] == [RecordingState.RECORDING]
    assert not [o for o in pipeline().close() if isinstance(o, SessionState)]


def sent_until(chain, t, speed=1.0):
    info, sent = frames()
    list(chain.push_input(LinkUp(0.0, info)))
    for frame in sent:
        if frame.due_s <= t:
            n = Notification(frame.char, frame.payload, frame.due_s * speed)
            list(chain.push_input(n))


def test_a_mark_says_when_it_was_on_the_grid_and_by_the_wall_clock():
    chain = pipeline()
    sent_until(chain, 70)
    (event,) = chain.mark(65.0, "pill\x14taken")
    assert (event.what, event.text) == (EventKind.MARKER, "pill taken")
    assert event.epoch == 2
    assert event.second == pytest.approx(65, abs=1)
    assert event.utc == MIDNIGHT + timedelta(seconds=65)


def test_a_mark_before_the_first_sample_has_no_place_on_the_grid():
    (event,) = pipeline().mark(0.5, "ready")
    assert (event.epoch, event.second) == (None, None)
    assert event.utc == MIDNIGHT + timedelta(seconds=0.5)


def test_a_mark_in_a_replay_falls_into_the_epoch_that_is_replayed():
    chain = pipeline()
    sent_until(chain, 70, speed=0.1)
    (event,) = chain.mark(7.0, "here")
    assert event.epoch == 2
    assert event.second == pytest.approx(68, abs=2)
    off_s = (event.utc - MIDNIGHT).total_seconds() - event.second
    assert abs(off_s) < 1.1


def test_the_lights_bound_the_time_in_bed():
    chain = pipeline()
    sent_until(chain, 40)
    off, began = chain.switch_lights(40.0, off=True)
    assert off.what is EventKind.LIGHTS_OFF
    assert began.state is RecordingState.RECORDING
    sent_until(chain, 200)
    on, session = chain.switch_lights(125.0, off=False)
    assert on.what is EventKind.LIGHTS_ON
    assert (session.lights.off_utc, session.lights.on_utc) == (off.utc, on.utc)
    *_, summary, ended = chain.close()
    assert summary.in_bed == slice(1, 4)
    assert summary.tib_min == 1.5
    assert ended.lights == session.lights


def test_lights_off_before_the_first_sample_is_the_start():
    chain = pipeline()
    _, idle = chain.switch_lights(0.0, off=True)
    assert idle.state is RecordingState.IDLE
    run(*frames(), into=chain)
    *_, summary, _ = chain.close()
    assert summary.in_bed == slice(0, EPOCHS)


def test_what_the_blocks_are_is_reported_once_before_the_first():
    outputs = run(*frames())
    kinds = [type(output) for output in outputs]
    assert kinds.count(SignalBegins) == 1
    assert kinds.index(SignalBegins) + 1 == kinds.index(SampleBlock)
    told = outputs[kinds.index(SignalBegins)]
    assert told.info.montage == MONTAGE
    assert (told.driver, told.mains_hz, told.synchronised) == ("diy", 50, True)
    assert told.derivations["EOG horizontal"] == ("EOG",)
    assert abs(told.start_utc - MIDNIGHT) < timedelta(seconds=2)


def test_blocks_and_epochs_say_which_samples_they_are():
    outputs = run(*frames())
    blocks = [output for output in outputs if isinstance(output, SampleBlock)]
    epochs = [output for output in outputs if isinstance(output, ScoredEpoch)]
    assert [b.first for b in blocks] == [(100 * b.second, b.second) for b in blocks]
    assert [e.span for e in epochs] == [
        (range(3000 * i, 3000 * (i + 1)), range(30 * i, 30 * (i + 1)))
        for i in range(EPOCHS)
    ]


def watched(montage):
    return ContactMonitor(montage, AmplitudeScorer.card.channels, {}, {}, 50)


def looks(chain, begin_s, end_s, speed=1.0):
    """Send what falls into some seconds; return when the electrodes were looked at."""
    _, sent = frames(skip_s=begin_s)
    at, outputs = [], []
    for frame in (f for f in sent if f.due_s < end_s):
        t = begin_s + (frame.due_s - begin_s) / speed
        list(chain.push_input(ClockTick(float(int(t)), MIDNIGHT, synchronised=True)))
        found = list(chain.push_input(Notification(frame.char, frame.payload, t)))
        seen = [o for o in found if isinstance(o, Contacts)]
        at += [t for _ in seen]
        outputs += seen
    return at, outputs


def test_the_electrodes_are_looked_at_every_few_seconds_while_samples_arrive():
    chain = pipeline(watch=watched)
    list(chain.push_input(LinkUp(0.0, frames()[0])))
    at, seen = looks(chain, 0.0, 60.0)
    gaps = np.diff(at)
    assert len(at) == pytest.approx(60 / LOOK_S, abs=1)
    assert (gaps > LOOK_S - 1.5).all()
    labels = [each.label for each in seen[0].inputs]
    assert tuple(labels) == AmplitudeScorer.card.channels
    assert {each.label for each in seen[0].electrodes} >= {"Fpz-Cz", "EOG"}
    list(chain.push_input(LinkDown(60.0, "out of range")))
    away = ticked(chain, 60, 120)
    assert not [o for _, o in away if isinstance(o, Contacts)]
    list(chain.push_input(LinkUp(120.0, frames()[0])))
    assert looks(chain, 120.0, 130.0)[1], "and again when it is back"


def test_a_replay_is_looked_at_as_often_as_a_night():
    chain = pipeline(watch=watched)
    list(chain.push_input(LinkUp(0.0, frames()[0])))
    at, _ = looks(chain, 0.0, 140.0, speed=10.0)
    assert len(at) <= 14 / LOOK_S + 1


def test_nobody_looks_at_the_electrodes_unless_asked():
    assert not [o for o in run(*frames()) if isinstance(o, Contacts)]


def test_a_mark_and_a_checkpoint_at_any_time_of_two_streams():
    chain = pipeline()
    info, sent = frames()
    list(chain.push_input(LinkUp(0.0, info)))
    for frame in sent[:40]:  # the slow stream comes first, and tells no time
        list(chain.push_input(Notification(frame.char, frame.payload, frame.due_s)))
        (event,) = chain.mark(frame.due_s, "now")
        point = chain.checkpoint()
        assert (event.second is None) == (point is None)
        assert point is None or point.second == 0
    assert point is not None
