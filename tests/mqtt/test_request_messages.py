"""Requests: whatever bytes come, an answer or a reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import RequestError
from gateway.mqtt.request_messages import (
    MAX_BYTES,
    error_payload,
    ok_payload,
    read_action,
    read_request,
)

TOPIC = "sleepgate/bridge/request/replay"


def test_a_request_is_read_and_its_transaction_comes_back():
    request = read_request(TOPIC, b'{"transaction": "q7", "from": 12}')
    assert (request.verb, request.whole_number("from")) == ("replay", 12)
    answer = json.loads(ok_payload(request, {"epochs": 3}))
    assert answer == {"transaction": "q7", "status": "ok", "data": {"epochs": 3}}


def test_a_bare_word_is_an_action():
    request = read_request("base/bedroom/request/session", b"stop")
    assert (request.whom, request.verb) == ("bedroom", "session")
    assert read_action(request, ("start", "stop")) == "stop"
    with pytest.raises(RequestError, match="expected start"):
        read_action(request, ("start",))


def test_an_empty_payload_asks_for_nothing_in_particular():
    request = read_request(TOPIC, b"")
    assert request.fields == {}
    assert request.transaction is None
    assert request.whole_number("from", 5) == 5


@pytest.mark.parametrize("value", ["-1", "1.5", '"7"', "true", "null", "[]"])
def test_a_field_that_is_no_whole_number_is_named(value):
    request = read_request(TOPIC, f'{{"from": {value}}}'.encode())
    with pytest.raises(RequestError, match="from: expected a whole number"):
        request.whole_number("from")


def test_a_refusal_says_why_and_to_whom():
    request = read_request(TOPIC, b'{"transaction": 7}')
    error = RequestError("retained", "do not")
    assert json.loads(error_payload(request, error)) == {
        "transaction": 7,
        "status": "error",
        "error": {"code": "retained", "message": "do not"},
    }
    assert json.loads(error_payload(None, error))["transaction"] is None


def test_a_long_request_is_refused_unread():
    with pytest.raises(RequestError, match="at most"):
        read_request(TOPIC, b" " * (MAX_BYTES + 1))


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_any_bytes_are_a_request_or_an_error(payload):
    try:
        request = read_request(TOPIC, payload)
    except RequestError as error:
        assert error.code in ("not_json", "bad_field")
    else:
        json.loads(ok_payload(request, {}))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_whatever_a_transaction_is_it_comes_back_or_is_refused(transaction):
    payload = json.dumps({"transaction": transaction}).encode()
    try:
        request = read_request(TOPIC, payload)
    except RequestError as error:
        if error.code == "bad_field":
            assert "transaction" in str(error)
            assert isinstance(transaction, list)
        else:  # deeper than a request may be, or a number beyond 64 bits
            assert "in each other" in str(error) or "64 bits" in str(error)
    else:
        assert json.loads(ok_payload(request, {}))["transaction"] == transaction
