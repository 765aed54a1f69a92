"""When nights begin, end and go on, over days, in virtual time."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import (
    ClockTick,
    LinkDown,
    LinkUp,
    Notification,
    SamplePacket,
)
from gateway.config.schema import SessionsConfig
from gateway.errors import DecodeError
from gateway.messages.outputs import NightEpochs, RecordingState, SessionState
from gateway.preprocessing.contact_monitor import ContactMonitor
from gateway.preprocessing.contact_state import ContactState
from gateway.preprocessing.filtering import Band
from gateway.preprocessing.headband_fit import Contacts
from gateway.session.checkpoint_file import CheckpointFile
from gateway.session.controller import SessionController
from gateway.session.device import DeviceSetup, OpenSession
from gateway.session.night import Night
from gateway.session.pipeline import Pipeline
from gateway.session.standby import Standby
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.model_card import ModelCard
from gateway.staging.scored_epoch import ScoredEpoch
from gateway.staging.sleep_statistics import NightSummary
from gateway.staging.stage import Refusal, Stage

EVENING = datetime(2026, 3, 28, 22, tzinfo=UTC)
SFREQ = 50.0
LABELS = ("EEG Fpz-Cz",)
INFO = HeadbandInfo(
    Montage((Stream(SFREQ, (Channel("Fpz-Cz", Modality.EEG, 0.1),)),)), boot_id=1
)
MINUTE_S, HOUR_S = 60, 3600
CLOSELY_S, STRIDE_S = 30, 10  # second by second at first, then in longer packets
SIGNAL = np.random.default_rng(1).normal(0, 300, 3600 * 50).astype(np.int32)


class Decoder:
    """Reads a packet: whether it is worn, how many seconds, and the last of them."""

    def feed(self, notification):
        if not notification.payload:
            raise DecodeError("nothing in it")
        worn, n_seconds = notification.payload[:2]
        second = int.from_bytes(notification.payload[2:], "big")
        first = (second - n_seconds + 1) * 50
        counts = (
            np.take(SIGNAL, np.arange(first, first + 50 * n_seconds), mode="wrap")
            if worn
            else np.full(50 * n_seconds, 32767, np.int32)
        )
        yield SamplePacket(0, first, counts[None], notification.t_rx)


DRIVER = type(
    "PlainDriver", (), {"name": "plain", "decoder": staticmethod(lambda _: Decoder())}
)()


class FlatScorer:
    """Says N2 of everything."""

    card = ModelCard("m", LABELS, (20.0,), Band(), 1.0, "0" * 64)

    def hypnodensity(self, epoch):
        return (0.1, 0.1, 0.6, 0.1, 0.1)


class World:
    """A machine with its clocks, a headband, and daemons one after the other."""

    def __init__(self, folder, *, boot="first", **rules):
        self.t = 500.0
        self.step_s = 0.0
        self.synchronised = True
        self.began = self.t
        self.path = folder / "night.jsonl"
        self.rules = SessionsConfig(**rules)
        self.boot = boot
        self.n_sessions = 0
        self.worn = self.near = True
        self.said = []
        self.controller = None

    @property
    def now(self):
        utc = EVENING + timedelta(seconds=self.t - 500.0 + self.step_s)
        return ClockTick(self.t - self.boot_t, utc, self.synchronised)

    boot_t = 0.0

    def start(self):
        """Start a daemon."""
        file = CheckpointFile(self.path, self.boot)
        self.connected = False
        self.controller = SessionController(
            DeviceSetup(
                "bedroom",
                FlatScorer.card,
                lambda _report: None,
                self._new_session,
                lambda: Standby(DRIVER, self._watch),
                5.0,
                self.rules,
                file,
            )
        )
        self.hear(self.controller.open(self.now))

    def stop(self):
        self.hear(self.controller.leave())
        self.kill()

    def kill(self):
        """Leave nothing behind but what is in the file."""
        self.controller = None

    def reboot(self, seconds, *, synchronised=True):
        """Be off for so long, and count monotonic seconds from 0 again."""
        self.t += seconds
        self.boot_t = self.t
        self.boot += "+"
        self.synchronised = synchronised

    def pass_time(self, seconds, stride_s=STRIDE_S):
        """Let the headband send what it records, if it is near."""
        closely = min(round(seconds), CLOSELY_S)
        strides, rest = divmod(round(seconds) - closely, stride_s)
        for step_s in (*[1] * closely, *[stride_s] * strides, *[1] * rest):
            self.t += step_s
            if self.controller is None:
                continue
            was_near = self.connected
            self._link()
            if self.connected:
                self._send(step_s if was_near else 1)
            self.hear(self.controller.push_input(self.now))

    def _send(self, n_seconds):
        second = round(self.t - self.began)
        payload = bytes([self.worn, n_seconds]) + second.to_bytes(4, "big")
        value = Notification("c", payload, self.now.t)
        self.hear(self.controller.push_input(value))
        assert self.controller.fault(value) is None

    def _link(self):
        if self.near and not self.connected:
            self.connected = True
            self.hear(self.controller.push_input(LinkUp(self.now.t, INFO)))
        elif self.connected and not self.near:
            self.connected = False
            self.hear(self.controller.push_input(LinkDown(self.now.t, "out of range")))

    def hear(self, outputs):
        self.said += [self.controller.reading(output) for output in outputs]

    def _new_session(self):
        self.n_sessions += 1
        night = Night(FlatScorer(), {}, 50)
        return OpenSession(f"night-{self.n_sessions}", Pipeline(DRIVER, night))

    @staticmethod
    def _watch(montage):
        return ContactMonitor(montage, LABELS, {}, {}, 50)

    def all(self, kind, session=None):
        return [
            r.value
            for r in self.said
            if isinstance(r.value, kind) and session in {None, r.session}
        ]

    def sessions(self):
        """Return which sessions were recorded, in order."""
        names = [
            r.session
            for r in self.said
            if isinstance(r.value, SessionState)
            and r.value.state is RecordingState.RECORDING
        ]
        return list(dict.fromkeys(names))

    def indices(self, session):
        return [e.index for e in self.all(ScoredEpoch, session)]

    def events(self, what):
        return [e for e in self.all(SleepEvent) if e.what is what]

    def states(self, session):
        return [s.state for s in self.all(SessionState, session)]


@pytest.fixture
def world(tmp_path):
    def make(**rules):
        made = World(tmp_path, **rules)
        made.start()
        return made

    return make


def test_a_night_begins_on_the_head_with_the_seconds_that_showed_it(world):
    it = world()
    it.worn = False
    it.pass_time(20 * MINUTE_S)
    assert it.sessions() == []
    it.worn = True
    it.pass_time(MINUTE_S + 5)
    assert it.sessions() == ["night-1"]
    first, *_ = it.all(ScoredEpoch)
    assert isinstance(first.stage, Stage)
    put_on = EVENING + timedelta(minutes=20)
    assert abs((first.start_utc - put_on).total_seconds()) <= 7
    began = it.all(SessionState)[-1].started_utc
    assert abs((began - first.start_utc).total_seconds()) <= 1


def test_who_puts_it_on_sees_how_it_sits_before_a_night_begins(world):
    it = world()
    it.worn = False
    it.pass_time(MINUTE_S)
    device_statuses = it.all(Contacts)
    assert it.sessions() == []
    assert 18 <= len(device_statuses) <= 20
    assert {each.electrodes[0].contact.state for each in device_statuses} == {
        ContactState.OFF
    }
    it.worn = True
    it.pass_time(10)
    assert it.all(Contacts)[-1].electrodes[0].contact.state is not ContactState.OFF
    assert it.sessions() == ["night-1"]


def test_a_mark_before_the_headband_is_on_belongs_to_the_night_that_begins(world):
    it = world()
    it.worn = False
    it.pass_time(MINUTE_S)
    it.hear(it.controller.switch_lights(it.now.t, off=True))
    it.worn = True
    it.pass_time(10 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    [off] = it.events(EventKind.LIGHTS_OFF)
    assert (off.utc - EVENING).total_seconds() == MINUTE_S
    state = it.all(SessionState)[-1]
    assert state.lights.off_utc == off.utc
    assert off.epoch is None


def test_a_night_ends_an_hour_after_the_headband_was_taken_off(world):
    it = world()
    it.pass_time(HOUR_S)
    it.worn = False
    it.pass_time(HOUR_S + 5 * MINUTE_S)
    [summary] = it.all(NightSummary)
    assert summary.tib_min == 60.0
    assert it.states("night-1")[-1] is RecordingState.ENDED
    assert 239 <= len(it.indices("night-1")) <= 242
    stages = [epoch.stage for epoch in it.all(ScoredEpoch)]
    assert set(stages[121:]) == {Refusal.OFF_HEAD}
    [off] = it.events(EventKind.HEADBAND_OFF)
    assert 120 <= off.epoch <= 122
    night = it.all(NightEpochs)[-1]
    assert night.final
    assert len(night.epochs) == len(it.indices("night-1"))


def test_a_headband_that_is_away_all_day_makes_no_epochs(world):
    it = world()
    it.pass_time(HOUR_S)
    it.near = False
    it.pass_time(12 * HOUR_S)
    assert len(it.indices("night-1")) <= 242
    it.near = True
    it.pass_time(10 * MINUTE_S)
    assert it.sessions() == ["night-1", "night-2"]
    assert it.indices("night-2")[:3] == [0, 1, 2]


def test_a_nap_and_the_night_after_it_are_two(world):
    it = world()
    it.pass_time(25 * MINUTE_S)
    it.worn = False
    it.pass_time(70 * MINUTE_S)
    it.worn = True
    it.pass_time(40 * MINUTE_S)
    it.stop()
    assert it.sessions() == ["night-1", "night-2"]
    nap, night = (s.tib_min for s in it.all(NightSummary))
    assert nap == 25.0
    assert 39.0 <= night <= 40.0


def test_an_hour_out_of_bed_is_part_of_the_night(world):
    it = world()
    it.pass_time(HOUR_S)
    it.worn = False
    it.pass_time(55 * MINUTE_S)
    it.worn = True
    it.pass_time(HOUR_S)
    it.stop()
    assert it.sessions() == ["night-1"]


@pytest.mark.parametrize("how", ["always", "never"])
def test_it_may_begin_otherwise(world, how):
    it = world(auto_start=how)
    it.worn = False
    it.pass_time(2 * MINUTE_S)
    assert bool(it.sessions()) is (how == "always")
    it.hear(it.controller.begin(it.now))
    it.pass_time(2 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    assert {e.stage for e in it.all(ScoredEpoch)} == {Refusal.OFF_HEAD}


def test_a_night_ended_on_request_begins_again_only_after_it_was_taken_off(world):
    it = world()
    it.pass_time(30 * MINUTE_S)
    it.hear(it.controller.end())
    it.pass_time(30 * MINUTE_S)
    it.worn = False
    it.pass_time(5 * MINUTE_S)
    it.worn = True
    it.pass_time(5 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    it.kill()
    it.start()  # a restart does not forget it
    it.pass_time(5 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    it.worn = False
    it.pass_time(11 * MINUTE_S)
    it.worn = True
    it.pass_time(2 * MINUTE_S)
    assert len(it.sessions()) == 2


def killed(it, minutes=31.7, away_s=12):
    it.pass_time(minutes * MINUTE_S)
    it.kill()
    it.pass_time(away_s)


def test_a_killed_daemon_goes_on_with_the_next_epoch(world):
    it = world()
    killed(it)
    it.start()
    it.pass_time(20 * MINUTE_S)
    it.stop()
    assert it.sessions() == ["night-1"]
    indices = it.indices("night-1")
    assert indices == list(range(len(indices)))
    gaps = [e.index for e in it.all(ScoredEpoch) if e.stage is Refusal.GAP]
    assert gaps == [63]
    [resumed] = it.events(EventKind.SESSION_RESUMED)
    assert resumed.epoch == 63
    taken_up, over = it.all(NightEpochs)
    assert [e.index for e in taken_up.epochs] == list(range(63))
    assert [e.index for e in over.epochs] == indices
    assert it.all(NightSummary)[-1].n_epochs == len(indices)
    assert it.all(SessionState)[-1].resumed == 1
    assert it.all(SessionState)[-1].started_utc == it.all(SessionState)[1].started_utc


def test_a_daemon_asked_to_stop_goes_on_too(world):
    it = world()
    it.pass_time(10 * MINUTE_S)
    it.stop()
    it.pass_time(40 * MINUTE_S)
    it.start()
    it.pass_time(10 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    assert it.indices("night-1") == list(range(len(it.indices("night-1"))))


def test_epochs_pass_while_the_headband_does_not_come_back(world):
    it = world()
    it.pass_time(10 * MINUTE_S)
    it.near = False
    it.kill()
    it.pass_time(30)
    it.start()
    it.pass_time(10 * MINUTE_S)
    indices = it.indices("night-1")
    assert indices == list(range(len(indices)))
    assert len(indices) >= 40
    assert it.all(ScoredEpoch)[-1].stage is Refusal.GAP


def test_after_too_long_the_old_night_is_summed_up_and_a_new_one_begins(world):
    it = world()
    killed(it, away_s=61 * MINUTE_S)
    it.start()
    it.pass_time(5 * MINUTE_S)
    assert len(it.sessions()) == 2
    assert it.sessions()[0] == "night-1"
    [summary] = it.all(NightSummary, "night-1")
    assert summary.n_epochs == 63
    ended = it.all(SessionState, "night-1")[-1]
    assert ended.state is RecordingState.ENDED
    assert ended.ended_utc - EVENING < timedelta(minutes=33)


def test_over_a_reboot_a_night_goes_on_when_the_clock_was_set(world):
    it = world()
    killed(it)
    it.reboot(40, synchronised=False)
    it.start()
    it.pass_time(20)
    assert it.sessions() == ["night-1"]
    assert it.events(EventKind.SESSION_RESUMED) == []
    it.synchronised = True
    it.pass_time(10 * MINUTE_S)
    assert it.sessions() == ["night-1"]
    indices = it.indices("night-1")
    assert indices == list(range(len(indices)))
    last = it.all(ScoredEpoch)[-1]
    off_s = (last.start_utc - EVENING).total_seconds() - 30 * last.index
    assert 0 <= off_s <= 5


def test_over_a_reboot_without_a_clock_a_new_night_begins(world):
    it = world()
    killed(it)
    it.reboot(40, synchronised=False)
    it.start()
    it.pass_time(5 * MINUTE_S)
    assert len(it.sessions()) == 2
    [first, *_] = it.all(NightSummary)
    assert first.n_epochs == 63


def test_a_torn_file_costs_what_was_torn(world):
    it = world()
    it.pass_time(10 * MINUTE_S)
    it.kill()
    data = it.path.read_bytes()
    it.path.write_bytes(data[:-100])
    it.start()
    it.pass_time(5 * MINUTE_S)
    epochs = it.all(NightEpochs)[-1].epochs
    assert [e.index for e in epochs] == list(range(len(epochs)))
    assert it.sessions() == ["night-1"]
    it.kill()
    it.start()  # nor does what was torn hide what was added since
    assert len(it.all(NightEpochs)[-1].epochs) > len(epochs)


def test_another_model_begins_another_night(world, monkeypatch):
    it = world()
    killed(it)
    other = ModelCard("n", LABELS, (20.0,), Band(), 1.0, "1" * 64)
    monkeypatch.setattr(FlatScorer, "card", other)
    it.start()
    it.pass_time(5 * MINUTE_S)
    assert len(it.sessions()) == 2


def test_resume_zero_means_never(world):
    it = world(resume_min=0.0)
    killed(it)
    it.start()
    it.pass_time(5 * MINUTE_S)
    assert len(it.sessions()) == 2


@pytest.mark.parametrize("step_s", [-3600.0, 7200.0, -1.7e9])
def test_a_clock_that_is_set_moves_labels_once_and_no_epoch(world, step_s):
    it = world()
    it.pass_time(20 * MINUTE_S)
    before = it.all(SessionState)[-1].started_utc
    it.step_s = step_s
    it.pass_time(20 * MINUTE_S)
    [event] = it.events(EventKind.CLOCK_STEP)
    assert event.step_s == pytest.approx(step_s)
    assert event.epoch == 40
    indices = it.indices("night-1")
    assert indices == list(range(len(indices)))
    starts = [e.start_utc for e in it.all(ScoredEpoch)]
    steps = [(b - a).total_seconds() - 30 for a, b in itertools.pairwise(starts)]
    assert sum(abs(s) > 0.1 for s in steps) == 1
    after = it.all(SessionState)[-1].started_utc
    assert (after - before).total_seconds() == pytest.approx(step_s)


def test_the_first_time_from_the_network_dates_the_night_anew(world):
    it = world()
    it.controller = None
    it.said.clear()
    it.synchronised, it.step_s = False, -4e7
    it.start()
    it.pass_time(10 * MINUTE_S)
    assert not any(e.clock_synchronised for e in it.all(ScoredEpoch))
    assert not it.all(SessionState)[-1].clock_synchronised
    it.synchronised, it.step_s = True, 0.0
    it.pass_time(10 * MINUTE_S)
    state = it.all(SessionState)[-1]
    assert state.clock_synchronised
    assert abs(state.started_utc - EVENING) < timedelta(seconds=10)
    assert it.all(ScoredEpoch)[-1].clock_synchronised
    it.hear(it.controller.switch_lights(it.now.t, off=False))
    it.stop()
    last, *_ = it.all(NightSummary)
    assert last.tib_min == 20.0


def test_a_clock_set_while_the_daemon_was_away_is_reported_when_it_is_back(world):
    it = world()
    killed(it)
    it.step_s = 3600.0
    it.start()
    it.pass_time(5 * MINUTE_S)
    [event] = it.events(EventKind.CLOCK_STEP)
    assert event.step_s == pytest.approx(3600.0)
    assert it.sessions() == ["night-1"]


def test_fourteen_hours_over_midnight_and_the_summer_time(world):
    it = world()  # the night of 28 March 2026, when European clocks go forward
    it.pass_time(14 * HOUR_S, stride_s=60)
    it.stop()
    [summary] = it.all(NightSummary)
    assert summary.n_epochs == 14 * 120
    assert summary.tib_min == 14 * 60
    starts = [e.start_utc for e in it.all(ScoredEpoch)]
    steps = {(b - a).total_seconds() for a, b in itertools.pairwise(starts)}
    assert max(abs(step - 30) for step in steps) < 0.1
    assert it.events(EventKind.CLOCK_STEP) == []
