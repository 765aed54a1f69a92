"""What is said to every Muse, and what it answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drivers import Listen, Write
from gateway.drivers.muse_classic.control import (
    CONTROL,
    MAX_PIECES,
    Replies,
    Reply,
    ask,
    command,
    decode_command,
    encode_reply,
)
from gateway.errors import DecodeError

TEXT = st.text(st.characters(codec="ascii", exclude_characters="{}"), max_size=30)
OTHERS = st.dictionaries(
    TEXT.filter(lambda key: key not in ("rc", "ap", "fw")), TEXT | st.integers()
)
OURS = st.fixed_dictionaries(
    {}, optional={"rc": st.integers(0, 99), "ap": TEXT, "fw": TEXT}
)
SAID = st.builds(lambda ours, others: others | ours, OURS, OTHERS)


def meaning(said):
    return Reply(said.get("rc"), said.get("ap"), said.get("fw"))


@pytest.fixture(scope="module")
def vectors(shared_data):
    path = shared_data / "captures" / "muse-js" / "vectors.json"
    return json.loads(path.read_text())


def test_commands_are_those_of_muse_js(vectors):
    for vector in vectors["commands"]:
        assert command(vector["text"]).hex() == vector["hex"]


@given(TEXT.filter(lambda text: "\n" not in text))
def test_a_command_is_read_back(text):
    assert decode_command(command(text)) == text


@given(st.binary(max_size=30))
def test_any_bytes_as_a_command_are_a_command_or_a_decode_error(value):
    try:
        text = decode_command(value)
    except DecodeError:
        return
    assert command(text) == value


def test_a_reply_in_pieces_with_stale_bytes_is_put_together(vectors):
    for vector in vectors["control_replies"]:
        replies = Replies()
        *pieces, last = map(bytes.fromhex, vector["notifications_hex"])
        assert [replies.feed(piece) for piece in pieces] == [[]] * len(pieces)
        assert replies.feed(last) == [Reply(0, "headset", "1.2.13")]


def test_an_answer_may_end_and_the_next_begin_within_one_piece(vectors):
    vector, replies = vectors["control_text_fragments"], Replies()
    found = []
    for text in vector["fragments"]:
        piece = bytes([len(text)]) + text.encode()
        found.append(replies.feed(piece.ljust(20, b"?")))
    assert sum(map(len, found)) == vector["n_messages"]
    assert {reply.rc for group in found for reply in group} == {0}
    assert "}{" in "".join(vector["fragments"][-2:])


@given(st.lists(SAID, min_size=1, max_size=4), st.integers(1, 19), st.binary())
def test_answers_survive_any_cut(said, length, stale):
    text = "".join(json.dumps(one) for one in said).encode()
    replies, found = Replies(), []
    for at in range(0, len(text), length):
        piece = text[at : at + length]
        found += replies.feed(bytes([len(piece)]) + piece + stale)
    assert found == [meaning(one) for one in said]


@given(SAID)
def test_a_reply_is_read_back(said):
    replies, pieces = Replies(), list(encode_reply(said))
    *most, last = [replies.feed(piece) for piece in pieces]
    assert not any(most)
    assert last == [meaning(said)]
    assert {len(piece) for piece in pieces} == {20}


def test_an_answer_of_another_type_is_no_answer():
    (piece,) = encode_reply({"rc": "0", "fw": 1})
    assert Replies().feed(piece) == [Reply()]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_as_replies_are_answers_or_a_decode_error(pieces):
    replies = Replies()
    try:
        for piece in pieces:
            assert all(isinstance(reply, Reply) for reply in replies.feed(piece))
    except DecodeError as error:
        assert error.payload == piece


@pytest.mark.parametrize(
    "text", ['{"a":' + "[" * 3000 + "}", "}", '{"rc":0x}', "[1]}", '{"a":"b}']
)
def test_what_is_no_json_is_refused(text):
    replies = Replies()
    pieces = [text[at : at + 200] for at in range(0, len(text), 200)]
    for piece in pieces[:-1]:
        replies.feed(bytes([len(piece)]) + piece.encode())
    with pytest.raises(DecodeError, match="no JSON"):
        replies.feed(bytes([len(pieces[-1])]) + pieces[-1].encode())


def test_what_came_before_an_answer_is_not_part_of_it():
    assert Replies().feed(b'\x0bsn":"12",{}') == [Reply()]


def test_a_reply_without_end_is_given_up():
    asking = ask("s", Replies())
    assert next(asking) == Write(CONTROL, command("s"), response=False, pause_s=0.2)
    request = asking.send(b"")
    with pytest.raises(DecodeError, match="never ends"):  # noqa: PT012 - many sends
        for _ in range(MAX_PIECES + 1):
            assert isinstance(request, Listen)
            request = asking.send(b"\x04yada")


def test_no_answer_says_nothing():
    asking = ask("v6", Replies())
    next(asking)
    asking.send(b"")
    with pytest.raises(StopIteration) as done:
        asking.send(b"")
    assert done.value.value == Reply()
