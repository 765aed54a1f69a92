"""Whatever is published keeps to the schemas that ship."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.dom.minidom import parseString

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.acquisition.loss_counts import LossCounts
from gateway.acquisition.packets import Battery
from gateway.ble.link_state import LinkReading, LinkState, LinkStats
from gateway.host.vitals import Vitals
from gateway.journal.entry import JournalContents
from gateway.messages.device_state import DeviceState
from gateway.messages.outputs import Availability, Reading, RecordingState, SessionState
from gateway.mqtt import payloads
from gateway.mqtt.payloads import (
    BridgeHealth,
    GatewayInfo,
    HeadbandEntry,
    HostInfo,
    event_payload,
    health_payload,
    hypnogram_payload,
    info_payload,
    phase_of,
    phase_payload,
    session_payload,
    telemetry_payload,
)
from gateway.reports.hypnogram_svg import draw_svg
from gateway.staging.events import EventKind, SleepEvent
from gateway.staging.hypnogram import Hypnogram
from gateway.staging.lights import Lights
from gateway.staging.stage import Refusal, Stage
from tests.support.mqtt_contract import SCHEMA_OF

SCHEMAS = Path(__file__).parents[2] / "gateway" / "formats" / "schemas"
NOW = datetime(2026, 2, 13, 2, 27, tzinfo=UTC)
READING = Reading("bedroom", "20260212T230100-1f3a", "m", "9f2c41d07a6b", (), None)
UTCS = st.datetimes(datetime(1970, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants naive bounds
COUNTS = st.integers(0, 2**40)
SECONDS = st.floats(0, 1e6)
STAGES = st.sampled_from([*Stage, *Refusal])


def check(name, payload):
    schema = json.loads((SCHEMAS / f"{name}.v1.json").read_text())
    Draft202012Validator.check_schema(schema)
    document = json.loads(payload)
    Draft202012Validator(schema).validate(document)
    return document


def test_every_schema_is_announced_in_its_version():
    """The others in the folder are of the command line and of the record."""
    there = {path.name.removesuffix(".v1.json") for path in SCHEMAS.iterdir()}
    assert set(payloads.SCHEMAS) == {*SCHEMA_OF.values(), "response"} <= there


losses = st.builds(
    LossCounts,
    packets=COUNTS,
    late_packets=COUNTS,
    bad_packets=COUNTS,
    lost_s=SECONDS,
    connections=st.integers(0, 999),
    drift_ppm=st.none() | st.floats(-500, 500),
)
states = st.builds(
    DeviceState,
    device=st.just("bedroom"),
    link=st.builds(
        LinkReading, st.sampled_from(LinkState), st.builds(LinkStats, *[COUNTS] * 8)
    ),
    availability=st.builds(Availability, st.booleans(), st.text()),
    battery=st.none() | st.builds(Battery, st.integers(0, 100)),
    losses=losses,
    firmware=st.none() | st.text(),
)


@given(states, UTCS, SECONDS)
def test_telemetry_keeps_to_its_schema(state, now, elapsed_s):
    document = check("telemetry", telemetry_payload(state, now, elapsed_s))
    assert document["reconnects"] == max(0, state.losses.connections - 1)


def test_loss_is_a_share_of_the_session():
    state = DeviceState(device="bedroom", losses=LossCounts(lost_s=6.0))
    document = json.loads(telemetry_payload(state, NOW, 600.0))
    assert document["packet_loss_pct"] == 1.0


LIGHTS = st.builds(
    Lights, st.none() | COUNTS, st.none() | UTCS, st.none() | COUNTS, st.none() | UTCS
)


@given(
    st.builds(
        SessionState,
        st.sampled_from(RecordingState),
        st.none() | UTCS,
        st.none() | UTCS,
        COUNTS,
        LIGHTS,
    )
)
def test_a_session_keeps_to_its_schema(session):
    check("session", session_payload(READING, session))


@given(
    st.builds(
        SleepEvent,
        st.sampled_from(EventKind),
        UTCS,
        st.none() | COUNTS,
        st.none() | st.floats(0, 1),
        st.none() | st.floats(0, 86_400),
        st.none() | st.text(max_size=20),
    )
)
def test_an_event_keeps_to_its_schema(event):
    document = check("event", event_payload(READING, event))
    assert document["event_type"] == event.what.value


@given(STAGES, st.none() | st.booleans(), UTCS)
def test_a_phase_keeps_to_its_schema(stage, asleep, since):
    phase = phase_of(stage, asleep=asleep)
    if phase is None:
        assert isinstance(stage, Refusal)
    else:
        check("phase", phase_payload(READING, phase, since))


@given(st.lists(STAGES, max_size=99))
def test_a_hypnogram_keeps_to_its_schema_and_its_length(stages):
    document = check("hypnogram", hypnogram_payload(READING, Hypnogram(stages), NOW))
    assert sum(length for _, length in document["runs"]) == len(stages)


@given(st.lists(STAGES, max_size=99), UTCS, st.text("<&>'\" x", max_size=9))
def test_the_picture_is_well_formed_whatever_the_night(stages, start, title):
    picture = parseString(draw_svg(Hypnogram(stages), start, title))  # noqa: S318 - ours
    assert picture.documentElement.tagName == "svg"


def test_the_picture_shows_rem_and_what_was_refused():
    night = Hypnogram([Stage.W, Stage.R, Refusal.GAP, Stage.N3])
    picture = draw_svg(night, NOW, "bedroom").decode()
    assert picture.count('stroke="#c33"') == 1
    assert picture.count('fill="#ccc"') == 1
    assert "bedroom" in picture


NUMBERS = st.none() | st.floats(0, 1e6)
healths = st.builds(
    BridgeHealth,
    gateway=st.from_regex(r"\A[0-9a-f]{6}\Z"),
    uptime_s=SECONDS,
    vitals=st.builds(Vitals, *[NUMBERS] * 6, st.none() | st.booleans()),
    reconnects=COUNTS,
    journal=st.none()
    | st.builds(JournalContents, *[COUNTS] * 5, st.none() | st.floats(0, 2e9), COUNTS),
    clock_synchronised=st.booleans(),
    outputs=st.dictionaries(st.text(), st.tuples(st.booleans(), st.text())),
)


@given(healths, UTCS)
def test_health_keeps_to_its_schema(health, now):
    check("health", health_payload(health, now))


NAMES = st.from_regex(r"\A[a-z0-9_-]{1,32}\Z")
TEXTS = st.none() | st.text()
HEADBANDS = st.builds(
    HeadbandEntry, st.text(), st.text(), st.lists(st.text()).map(tuple), TEXTS, TEXTS
)


@given(st.dictionaries(NAMES, HEADBANDS))
def test_info_keeps_to_its_schema(headbands):
    machine = HostInfo("pi", "aarch64", "3.13.1", "ai-edge-litert 2.3.0")
    waiting = ("ble",), ("config.yaml:3: devices[0].name: missing",)
    gateway = GatewayInfo("0.1.0", machine, headbands, NOW, *waiting)
    document = check("info", info_payload(gateway))
    assert [each["name"] for each in document["devices"]] == sorted(headbands)


@pytest.mark.parametrize("minutes", [0, 10])
def test_the_age_of_what_is_owed_counts_from_the_oldest(minutes):
    owed = JournalContents(9, 3, 0, 0, 9, NOW.timestamp(), 1000)
    vitals = Vitals(*[None] * 6)
    health = BridgeHealth("3f2a1c", 5.0, vitals, 0, owed, clock_synchronised=True)
    later = NOW + timedelta(minutes=minutes)
    document = json.loads(health_payload(health, later))
    assert document["journal"]["oldest_pending_s"] == minutes * 60
