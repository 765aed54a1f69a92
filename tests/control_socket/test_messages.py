"""Nothing that comes over the control socket is anything but an order or refused."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.control_socket.messages import (
    LONGEST_TEXT,
    VERBS,
    ControlRequest,
    answer_line,
    order_line,
    read_answer,
    read_order,
    refusal_line,
)
from gateway.errors import RequestError

ODD = st.dictionaries(
    st.sampled_from(["do", "device", "text", "off", "x"]),
    st.sampled_from([*VERBS, "bedroom", True, None, 3, 0.5, {}, ["x" * 900], "a\nb"]),
)
PRINTABLE = st.text(max_size=LONGEST_TEXT).filter(str.isprintable)


@given(st.binary(max_size=200) | ODD.map(lambda tree: json.dumps(tree).encode()))
@example(b"[" * 4000)
@example(b'{"do": "mark", "device": "a", "text": "' + b"x" * 201 + b'"}')
@example(b"1" * 4000)
def test_any_line_is_an_order_or_refused_with_a_reason(line):
    try:
        order = read_order(line)
    except RequestError as error:
        answer = json.loads(refusal_line(error))
        assert answer["ok"] is False
        assert answer["error"]["reason"]
        assert len(refusal_line(error)) < 400  # what was sent does not come back
    else:
        assert order.do in VERBS
        assert order.text.isprintable()
        assert len(order.text) <= LONGEST_TEXT


@given(
    st.builds(
        ControlRequest,
        st.sampled_from(VERBS),
        st.text(max_size=40),
        PRINTABLE,
        st.booleans(),
    )
)
def test_an_order_arrives_as_it_was_meant(order):
    line = order_line(order)
    assert line.count(b"\n") == 1
    assert read_order(line) == order


def test_an_answer_arrives_and_so_does_a_refusal():
    assert read_answer(answer_line({"device": "b"})) == {"device": "b"}
    with pytest.raises(RequestError, match="why") as caught:
        read_answer(refusal_line(RequestError("no_session", "why")))
    assert caught.value.code == "no_session"


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"ok":true}', b'{"ok":1}', b"x"])
def test_what_is_no_answer_is_reported_as_none(line):
    with pytest.raises(RequestError):
        read_answer(line)
