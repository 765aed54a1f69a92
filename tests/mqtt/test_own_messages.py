"""Messages of a gateway's own that come back to it, and those of another one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mqtt.own_messages import (
    MISSED,
    MOST_OTHERS,
    RETURN_S,
    STANDS_S,
    OwnMessages,
    reporting_gateway,
)
from gateway.mqtt.topics import TopicTree

TREE = TopicTree("sleepgate")
OWN, OTHER = "aaaaaa", "bbbbbb"


HEALTH, EPOCH = TREE.bridge_health, TREE.epoch("bedroom")
SOON_S, LATE_S = 1.0, max(RETURN_S.values())


def test_one_report_may_be_lost_and_the_second_is_a_finding():
    own = OwnMessages(OWN)
    for _ in range(MISSED - 1):
        own.add_sent(HEALTH, 1, 0.0)
    assert own.is_open(HEALTH.name)
    assert own.lost(LATE_S) == ()
    own.add_sent(HEALTH, 1, SOON_S)
    assert own.lost(SOON_S) == ()
    assert own.lost(LATE_S) == (HEALTH.name,)


def test_an_epoch_that_is_acknowledged_comes_back():
    own = OwnMessages(OWN)
    own.add_sent(EPOCH, 1, 0.0)
    assert own.lost(RETURN_S[1] - 1) == ()
    assert own.lost(RETURN_S[1]) == (EPOCH.name,)
    own.add_sent(HEALTH, 1, 0.0)
    own.add_sent(HEALTH, 1, 0.0)
    assert own.lost(LATE_S) == (EPOCH.name, HEALTH.name)


def test_what_comes_back_ends_it_for_its_topic():
    own = OwnMessages(OWN)
    for topic in (HEALTH, EPOCH):
        own.add_sent(topic, 1, 0.0)
        own.add_sent(topic, 1, 0.0)
    own.add_returned(HEALTH.name)
    assert not own.is_open(HEALTH.name)
    assert own.lost(LATE_S) == (EPOCH.name,)
    own.add_returned("sleepgate/never/epoch")
    own.add_returned(EPOCH.name)
    assert own.lost(LATE_S) == ()


def test_messages_of_a_connection_that_ended_are_not_missed():
    own = OwnMessages(OWN)
    own.add_sent(EPOCH, 1, 0.0)
    own.add_sent(HEALTH, 2, LATE_S)
    assert own.lost(LATE_S + SOON_S) == ()


@pytest.mark.parametrize(
    ("topic", "is_epoch"),
    [
        ("sleepgate/bedroom/epoch", True),
        ("sleepgate/bedroom/request/epoch", False),
        ("sleepgate/epoch", False),
        ("elsewhere/bedroom/epoch", False),
        ("sleepgate/bedroom/stage", False),
        ("sleepgate//epoch", True),  # the broker's to deny; it is nobody's
    ],
)
def test_an_epoch_is_told_from_a_request_of_that_name(topic, is_epoch):
    assert TREE.is_epoch(topic) is is_epoch


def test_another_gateway_is_news_once_and_forgotten_when_it_is_silent():
    own = OwnMessages(OWN)
    assert own.add_report(OTHER, 0.0)
    assert not own.add_report(OTHER, 60.0)
    assert own.others(60.0 + STANDS_S - 1) == (OTHER,)
    assert own.others(60.0 + STANDS_S) == ()
    assert own.add_report(OTHER, 1000.0)


@given(st.lists(st.from_regex(r"\A[0-9a-f]{6}\Z"), max_size=40))
def test_strangers_take_a_bounded_place(gateways):
    own = OwnMessages(OWN)
    for at, gateway in enumerate(gateways):
        own.add_report(gateway, float(at))
    assert len(own.others(float(len(gateways)))) <= MOST_OTHERS


@given(st.binary())
def test_any_payload_is_a_report_or_none(payload):
    gateway = reporting_gateway(payload)
    assert gateway is None or len(gateway) == len(OWN)


@pytest.mark.parametrize(
    "gateway", [None, 3, "ABCDEF", "abcdef\n", "a" * 7, ["abcdef"]]
)
def test_a_report_without_an_identity_is_none(gateway):
    assert reporting_gateway(json.dumps({"gateway": gateway}).encode()) is None
    assert reporting_gateway(b"[" * 1500) is None
    assert reporting_gateway(b'{"gateway": "abc123"}') == "abc123"
