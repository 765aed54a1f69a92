"""A headband through its sessions, the link kept in between."""

from datetime import UTC, datetime
from itertools import count

from gateway.acquisition.montage import HeadbandInfo, Montage
from gateway.acquisition.packets import ClockTick, LinkDown, LinkUp, Notification
from gateway.config.schema import SessionsConfig
from gateway.messages.outputs import Availability, RecordingState, SessionState
from gateway.preprocessing.filtering import Band
from gateway.session.controller import SessionController
from gateway.session.decoding import PacketDecoder
from gateway.session.device import DeviceSetup, OpenSession
from gateway.staging.model_card import ModelCard

NOW = ClockTick(0.0, datetime(2026, 2, 12, 23, tzinfo=UTC), synchronised=True)
UP = LinkUp(1.0, HeadbandInfo(Montage(())))
DATA = Notification("c", b"x", 2.0)


class Recorder:
    """A pipeline that only says what it was given."""

    packet_decoder = PacketDecoder(None)
    t_scored = None

    def push_input(self, value):
        yield Availability(online=True, reason=type(value).__name__)

    def mark(self, t, text, _what):
        yield Availability(online=True, reason=f"{text} at {t}")

    def switch_lights(self, t, *, off):
        yield Availability(
            online=True, reason=f"lights {'off' if off else 'on'} at {t}"
        )

    def close(self):
        yield Availability(online=False, reason="closed")


class Watcher:
    """A watch that believes what it is told."""

    held = (DATA,)

    def __init__(self):
        self.packet_decoder = PacketDecoder(None)
        self.on_head = False

    def push_input(self, value):
        if isinstance(value, Notification):
            self.packet_decoder.streaming = True
            self.on_head = value.payload == b"worn"
        elif isinstance(value, LinkDown):
            self.packet_decoder.streaming = self.on_head = False
        return iter(())


ALWAYS = SessionsConfig(auto_start="always", auto_stop_after_min=None)


def controller(sessions=ALWAYS):
    number = count()
    card = ModelCard("m", ("EEG Fpz-Cz",), (20.0,), Band(), 1.0, "0" * 64)
    return SessionController(
        DeviceSetup(
            "bedroom",
            card,
            lambda _report: None,
            lambda: OpenSession(f"session-{next(number)}", Recorder()),
            Watcher,
            5.0,
            sessions,
        )
    )


def said(outputs):
    return [o.reason if isinstance(o, Availability) else o for o in outputs]


IDLE = SessionState(RecordingState.IDLE)


def test_a_session_begins_idle_and_takes_what_comes():
    one = controller()
    assert said(one.begin(NOW)) == [IDLE, "ClockTick"]
    assert said(one.push_input(UP)) == ["LinkUp"]
    assert said(one.push_input(DATA)) == ["Notification"]


def test_after_its_end_nothing_is_taken_until_another_begins():
    one = controller()
    for outputs in (one.begin(NOW), one.push_input(UP)):
        list(outputs)
    assert said(one.end()) == ["closed"]
    assert said(one.push_input(DATA)) == []
    assert said(one.end()) == []
    assert one.fault(DATA) is None


def test_the_next_session_finds_the_link_up_and_has_a_name_of_its_own():
    one = controller()
    for outputs in (one.begin(NOW), one.push_input(UP), one.end()):
        list(outputs)
    assert said(one.begin(NOW)) == [IDLE, "ClockTick", "LinkUp", "Notification"]


def test_a_link_that_was_lost_meanwhile_is_not_reported_as_up():
    one = controller()
    for outputs in (one.begin(NOW), one.push_input(UP), one.end()):
        list(outputs)
    assert said(one.push_input(LinkDown(3.0, "gone"))) == []
    assert said(one.begin(NOW)) == [IDLE, "ClockTick"]


def test_beginning_what_runs_changes_nothing():
    one = controller()
    list(one.begin(NOW))
    assert said(one.begin(NOW)) == []


def test_marks_reach_the_session_that_runs_and_no_other():
    one = controller()
    assert list(one.mark(1.0, "pill")) == list(one.switch_lights(1.0, off=True)) == []
    assert not one.runs
    list(one.begin(NOW))
    assert one.runs
    assert said(one.mark(1.0, "pill")) == ["pill at 1.0"]
    assert said(one.switch_lights(2.0, off=True)) == ["lights off at 2.0"]
    list(one.end())
    assert not one.runs
