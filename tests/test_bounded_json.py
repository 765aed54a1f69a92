"""JSON of outsiders: what is read, and what is refused before it is parsed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.bounded_json import MAX_DEPTH, MAX_INTEGER, parse_json

WHOLE = st.integers(-MAX_INTEGER, MAX_INTEGER)
FLAT = st.none() | st.booleans() | WHOLE | st.text() | st.floats(-1e9, 1e9)
TREES = st.recursive(
    FLAT, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(TREES)
def test_whatever_is_within_the_bounds_reads_as_it_was(tree):
    text = json.dumps(tree)
    assert parse_json(text, max_depth=500) == tree
    assert parse_json(text.encode(), max_depth=500) == tree


@given(st.integers(1, 3000), st.sampled_from(["[", '{"a":', '[{"a":"[{",']))
def test_depth_is_bounded_whatever_it_is_made_of(depth, opening):
    with pytest.raises(ValueError, match=r"in each other|Expecting"):
        parse_json(opening * depth)


def test_brackets_in_texts_do_not_count():
    assert parse_json(json.dumps(["[{" * 1000 + '"\\']))[0].startswith("[{")
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    with pytest.raises(ValueError, match="in each other"):
        parse_json("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("text", [str(2**63), str(-(2**63)), "9" * 5000])
def test_an_integer_has_64_bits_at_most(text):
    with pytest.raises(ValueError, match="64 bits"):
        parse_json(text)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", b"\xff", b"\xed\xa0\x80"])
def test_what_is_no_json_is_an_error(text):
    with pytest.raises(ValueError, match=r"no JSON number|decode"):
        parse_json(text)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_value_or_a_value_error(content):
    try:
        parse_json(content)
    except ValueError:
        return
