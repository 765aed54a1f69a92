"""Discovery messages against the rules of Home Assistant's MQTT integration."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.formats.json_fields import PHASE
from gateway.mqtt.home_assistant.discovery import (
    DiscoveryTarget,
    gateway_discovery,
    gateway_topic,
    headband_discovery,
    headband_topic,
)
from gateway.mqtt.options import LANES
from gateway.mqtt.topics import TopicTree
from gateway.staging.events import EventKind

PLACE = DiscoveryTarget(TopicTree("sleepgate"), "7f3a91", "pi-bedroom", "0.1.0")
UNITS = {
    "battery": {"%"},
    "data_size": {"B", "kB", "MB", "GB"},
    "duration": {"d", "h", "min", "s", "ms"},
    "temperature": {"°C", "°F", "K"},
}
DEVICE_KEYS = {
    *("identifiers", "connections", "name", "manufacturer", "model", "model_id"),
    *("sw_version", "hw_version", "via_device", "suggested_area"),
    *("configuration_url", "serial_number"),
}
DEVICES = st.from_regex(r"\A[a-z0-9][a-z0-9_-]{0,31}\Z")


def violations(component):
    """Yield which rule of the integration a component breaks."""
    platform, kind = component["platform"], component.get("device_class")
    if not re.fullmatch(rf"{platform}\.[a-z0-9_]+", component["default_entity_id"]):
        yield "default_entity_id is <platform>.<slug>"
    if "object_id" in component:
        yield "object_id is gone since 2026.4"
    if platform not in ("image", "button") and "state_topic" not in component:
        yield "a state comes from somewhere"
    if (platform in ("switch", "button")) != ("command_topic" in component):
        yield "switches and buttons, and only they, command"
    if ("options" in component) != (kind == "enum"):
        yield "options and device_class enum go together"
    if "options" in component and {"state_class", "unit_of_measurement"} & set(
        component
    ):
        yield "an enum has no unit and no state class"
    if kind in UNITS and component.get("unit_of_measurement") not in UNITS[kind]:
        yield f"{kind} wants one of {UNITS[kind]}"
    yield from violations_of_platform(platform, component)


def violations_of_platform(platform, component):
    """Yield which rule of its platform a component breaks."""
    category = component.get("entity_category")
    if platform == "sensor" and category not in (None, "diagnostic"):
        yield "a sensor is at most diagnostic"
    if platform == "event" and not component.get("event_types"):
        yield "an event has types"
    if platform == "image" and ("image_topic" in component) == (
        "url_topic" in component
    ):
        yield "an image has one source"


MESSAGES = {
    "headband": headband_discovery(PLACE, "bedroom"),
    "gateway": gateway_discovery(PLACE),
}


@pytest.fixture(params=MESSAGES)
def message(request):
    return json.loads(MESSAGES[request.param])


def test_a_message_has_a_device_an_origin_and_components(message):
    assert message.keys() == {"device", "origin", "qos", "components"}
    assert message["origin"]["name"] == "sleepgate"
    assert message["device"].keys() <= DEVICE_KEYS
    assert message["device"]["identifiers"]


def test_every_component_keeps_the_rules(message):
    broken = {
        key: list(violations(component))
        for key, component in message["components"].items()
    }
    assert not any(broken.values()), broken


def test_every_component_has_an_identity_of_its_own(message):
    for field in ("unique_id", "default_entity_id", "name"):
        values = [component[field] for component in message["components"].values()]
        assert len(set(values)) == len(values), field


def test_live_entities_need_the_headband_and_last_night_needs_nobody():
    components = json.loads(MESSAGES["headband"])["components"]
    of = {
        key: {a["topic"] for a in component.get("availability", ())}
        for key, component in components.items()
    }
    bridge, headband = "sleepgate/bridge/state", "sleepgate/bedroom/availability"
    assert of["stage"] == of["asleep"] == {bridge, headband}
    assert of["battery"] == of["link"] == {bridge}
    assert of["tst"] == of["hypnogram"] == set()


def test_a_stage_expires_and_sleep_is_held_longer():
    components = json.loads(MESSAGES["headband"])["components"]
    assert components["stage"]["expire_after"] == 90
    assert components["stage"]["options"] == ["W", "N1", "N2", "N3", "REM"]
    assert components["asleep"]["expire_after"] == 300


def test_a_headband_is_described_as_far_as_it_is_known():
    known = {"driver": "ganglion", "firmware": "3.0.0"}
    device = json.loads(headband_discovery(PLACE, "bedroom", **known))["device"]
    assert (device["model"], device["sw_version"]) == ("ganglion", "3.0.0")
    unknown = json.loads(MESSAGES["headband"])["device"]
    assert not {"model", "sw_version"} & unknown.keys()


def test_what_is_not_published_is_taken_out():
    place = PLACE._replace(lanes=("stage",))
    components = json.loads(headband_discovery(place, "bedroom"))["components"]
    everything = json.loads(MESSAGES["headband"])["components"]
    assert components.keys() == everything.keys()
    left = {key for key, component in components.items() if len(component) > 1}
    assert left == {
        *("stage", "stage_level", "asleep", "confidence", "quality", "link", "mark")
    }
    gone = components.keys() - left
    assert all(components[key].keys() == {"platform"} for key in gone)
    every_lane = PLACE._replace(lanes=LANES)
    assert headband_discovery(every_lane, "bedroom") == MESSAGES["headband"]


def test_every_event_there_is_was_declared():
    components = json.loads(MESSAGES["headband"])["components"]
    assert set(components["event"]["event_types"]) == {h.value for h in EventKind}
    assert set(PHASE.values()) < set(components["phase"]["event_types"])


@given(DEVICES, DEVICES)
def test_two_headbands_never_share_an_identity(one, other):
    def identities(device):
        message = json.loads(headband_discovery(PLACE, device))
        return {c["unique_id"] for c in message["components"].values()}

    if one != other:
        assert not identities(one) & identities(other)
        assert headband_topic(PLACE, one) != headband_topic(PLACE, other)
    assert headband_topic(PLACE, one) != gateway_topic(PLACE)


@given(DEVICES)
def test_every_name_of_a_headband_makes_valid_entities(device):
    message = json.loads(headband_discovery(PLACE, device))
    for component in message["components"].values():
        assert not list(violations(component))
    assert re.fullmatch(r"[\w/-]+", headband_topic(PLACE, device).name)
