"""What comes back to a gateway of its own messages, and what another one sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mqtt.own_messages import (
    MISSED,
    MOST_OTHERS,
    STANDS_S,
    OwnMessages,
    reporting_gateway,
)

OWN, OTHER = "aaaaaa", "bbbbbb"


def own_after(n_sent, connection=1):
    own = OwnMessages(OWN)
    for _ in range(n_sent):
        own.add_sent(connection)
    return own


def test_one_report_may_be_lost_and_the_second_is_a_finding_said_once():
    own = own_after(MISSED - 1)
    assert not own.is_lost()
    assert own.is_heard
    own.add_sent(1)
    assert own.is_lost()
    assert not own.is_heard
    own.add_sent(1)
    assert not own.is_lost()  # known by then


def test_a_report_that_comes_back_ends_it():
    own = own_after(MISSED)
    assert own.is_lost()
    assert own.add_received(OWN, 0.0, retained=False).heard_again
    assert own.is_heard
    assert own.n_open == 0


def test_reports_of_a_connection_that_ended_are_not_missed():
    own = own_after(MISSED - 1, connection=1)
    own.add_sent(2)
    assert not own.is_lost()


def test_a_retained_report_proves_nothing():
    own = own_after(MISSED)
    own.is_lost()
    assert own.add_received(OWN, 0.0, retained=True) == (False, None)
    assert not own.is_heard
    assert own.add_received(OTHER, 0.0, retained=True).other is None
    assert own.others(0.0) == ()


def test_another_gateway_is_news_once_and_forgotten_when_it_is_silent():
    own = OwnMessages(OWN)
    assert own.add_received(OTHER, 0.0, retained=False).other == OTHER
    assert own.add_received(OTHER, 60.0, retained=False).other is None
    assert own.others(60.0 + STANDS_S - 1) == (OTHER,)
    assert own.others(60.0 + STANDS_S) == ()
    assert own.add_received(OTHER, 1000.0, retained=False).other == OTHER


@given(st.lists(st.from_regex(r"\A[0-9a-f]{6}\Z"), max_size=40))
def test_strangers_take_a_bounded_place(gateways):
    own = OwnMessages(OWN)
    for at, gateway in enumerate(gateways):
        own.add_received(gateway, float(at), retained=False)
    assert len(own.others(float(len(gateways)))) <= MOST_OTHERS
    assert OWN not in own.others(float(len(gateways)))


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
