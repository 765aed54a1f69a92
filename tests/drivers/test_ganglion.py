"""The Ganglion: what OpenBCI's own tests expect, and what a loss may not spoil."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Motion, Notification, SamplePacket
from gateway.drivers import Read, Write, ganglion
from gateway.drivers.ganglion import GanglionDecoder
from gateway.drivers.ganglion.packet import (
    decode_absolute,
    decode_deltas,
    decode_impedance,
    decode_seed,
    decode_text,
    encode_absolute,
    encode_deltas,
    encode_seed,
    encode_text,
    pack,
    unpack,
)
from gateway.errors import DecodeError

COUNTS_24 = st.integers(-(2**23), 2**23 - 1)
WIDTHS = st.sampled_from([18, 19])
RATE = 200.0
DELTA_LIMIT = {18: 2**18 - 2, 19: 2**19 - 2}


@pytest.fixture(scope="session")
def vectors(shared_data):
    return json.loads((shared_data / "captures/ganglion/vectors.json").read_text())


def smooth(n, seed=0):
    """Counts that differ little from sample to sample."""
    steps = np.random.default_rng(seed).integers(-900, 901, (n, 4))
    return np.cumsum(steps, axis=0).astype(np.int32)


def old_stream(counts, *, acc=None):
    """Cut counts, shape (n, 4), into the notifications of firmware 2."""
    packets = []
    for first in range(0, len(counts) - 200, 201):
        lap = counts[first : first + 201]
        packets.append((first + 1, encode_seed(lap[:1])))
        for place in range(1, 101):
            around = lap[2 * place - 2 : 2 * place + 1]
            packets.append(
                (first + 2 * place + 1, encode_deltas(place, around, acc=acc))
            )
    return [Notification(ganglion.RECEIVE, raw, end / RATE) for end, raw in packets]


def new_stream(counts, *, acc=None, dialect="long"):
    """Cut counts, shape (n, 4), into the notifications of firmware 3.

    "long": a hundred and one packets, the first half of the first is stale. "short":
    a hundred, and sample 200 of 201 is nowhere.
    """
    packets = []
    for first in range(0, len(counts) - 200, 201):
        lap = counts[first : first + 201]
        for place in range(101 if dialect == "long" else 100):
            if dialect == "long":
                pair = (
                    lap[[2 * place - 1, 2 * place]]
                    if place
                    else lap[[0, 0]] * [[0], [1]]
                )
                end = 2 * place + 1
            else:
                pair, end = lap[2 * place : 2 * place + 2], 2 * place + 2
            raw = encode_absolute(place, pair, acc=acc)
            packets.append((first + end, raw))
    return [Notification(ganglion.RECEIVE, raw, end / RATE) for end, raw in packets]


def decoded(notifications, version="3.0.0"):
    decoder = GanglionDecoder(version)
    return [value for n in notifications for value in decoder.feed(n)]


def samples_of(values):
    """Return index -> counts of all four inputs; no index may come twice."""
    found = {}
    for packet in values:
        if isinstance(packet, SamplePacket):
            for at, column in enumerate(packet.counts.T):
                assert packet.index + at not in found
                found[packet.index + at] = column
    return found


def test_the_vectors_of_the_makers_own_tests_are_read(vectors):
    assert pytest.approx(vectors["scale_uV_per_count"], rel=1e-12) == ganglion.LSB_UV
    for vector in vectors["fw2_delta_unpack"]:
        payload = b"\x01" + bytes.fromhex(vector["hex"])
        deltas = decode_deltas(payload, vector["width"])
        np.testing.assert_array_equal(deltas, vector["deltas"])


def test_real_notifications_are_read(vectors):
    for vector in vectors["notifications"]:
        payload = bytes.fromhex(vector["hex"])
        if "deltas" in vector:
            deltas = decode_deltas(payload, vector["width"])
            np.testing.assert_array_equal(deltas, vector["deltas"])
        elif "impedance_channel" in vector:
            found = decode_impedance(payload)
            assert found.electrode == vector["impedance_channel"]
            assert found.ohms == vector["impedance_ohm_raw"]
        else:
            more = vector["id"] == 206
            assert decode_text(payload) == (vector["text"], more)
        assert list(GanglionDecoder("2.0.1").feed(note(payload))) == []


def note(payload, t_rx=0.0):
    return Notification(ganglion.RECEIVE, payload, t_rx)


def test_a_real_difference_is_subtracted(vectors):
    raw = bytes.fromhex(vectors["notifications"][0]["hex"])
    start = np.array([[1000, -2000, 3000, 40000]], np.int32)
    decoder = GanglionDecoder("2.0.1")
    list(decoder.feed(note(encode_seed(start))))
    for place in range(1, 6):
        list(decoder.feed(note(encode_deltas(place, start.repeat(3, axis=0)))))
    (packet,) = decoder.feed(note(raw))
    first, second = vectors["notifications"][0]["deltas"]
    np.testing.assert_array_equal(packet.counts[:, 0], start[0] - first)
    np.testing.assert_array_equal(packet.counts[:, 1], start[0] - first - second)


def test_the_frames_of_a_dongle_hold_the_same_notifications(vectors):
    for frame in vectors["bled112_frames"]:
        value = bytes.fromhex(frame["value_hex"])
        assert bytes.fromhex(frame["hex"]).endswith(value)
        list(GanglionDecoder("2.0.1").feed(note(value)))


def test_a_real_advertisement_is_recognised(vectors):
    assert ganglion.DRIVER.may_be(vectors["advertisement"]["name"], [])
    assert ganglion.DRIVER.may_be(None, [ganglion.SERVICE])
    assert not ganglion.DRIVER.may_be("MuseS-5A1C", [])


@pytest.mark.parametrize("acc", [None, 0])
def test_what_the_makers_gui_counts_as_lost_leaves_a_hole_of_that_length(vectors, acc):
    counts = smooth(201)
    for case in vectors["packet_loss_fw2_accel"]:
        decoder, ends, t_rx, last = GanglionDecoder("2.0.1"), [], 0.0, None
        ids = case["ids"]
        packets = [i for at, i in enumerate(ids) if at == 0 or i != ids[at - 1]]
        for place in packets:
            # packet 0 ends with its only sample; two samples take 10 ms
            t_rx += ((2 * place - last) % 201 / RATE) if last is not None else 0.0
            last = 2 * place
            around = counts[max(0, last - 2) : last + 1]
            raw = (
                encode_deltas(place, around, acc=acc)
                if place
                else encode_seed(counts[:1])
            )
            list(decoder.feed(note(raw, t_rx)))
            ends.append((decoder._last, 1 + (place > 0)))  # noqa: SLF001 (not yielded)
        lost = sum(b - width - a for (a, _), (b, width) in pairwise(ends))
        assert lost == case["lost_samples"]


@given(WIDTHS, st.data())
def test_what_is_packed_is_unpacked(width, data):
    value = st.integers(0, 2**width - 1)
    values = data.draw(st.lists(value, min_size=8, max_size=8))
    assert unpack(pack(values, width), width).ravel().tolist() == values
    assert len(pack(values, width)) == width


@given(st.lists(COUNTS_24, min_size=4, max_size=4))
def test_a_seed_is_read_back_to_the_last_bit(counts):
    row = np.array([counts], np.int32)
    payload = encode_seed(row)
    np.testing.assert_array_equal(decode_seed(payload), row)
    assert len(payload) == 20


@given(WIDTHS, st.data())
def test_differences_are_read_back_but_for_the_bit_the_sign_took(width, data):
    limit = DELTA_LIMIT[width]
    step = st.integers(-limit, limit)
    steps = data.draw(st.lists(step, min_size=8, max_size=8))
    deltas = np.array(steps).reshape(2, 4)
    counts = -np.cumsum(np.vstack([np.zeros((1, 4), int), deltas]), axis=0)
    payload = encode_deltas(7, counts.astype(np.int32), acc=None if width == 19 else 5)
    found = decode_deltas(payload, width)
    assert np.abs(found - deltas).max() <= 1
    assert ((found >= 0) == (deltas >= 0)).all()
    assert len(payload) == 20


@given(WIDTHS, st.lists(COUNTS_24, min_size=8, max_size=8))
def test_whole_samples_are_read_back_but_for_the_bits_not_sent(width, counts):
    pair = np.array(counts, np.int32).reshape(2, 4)
    payload = encode_absolute(7, pair, acc=None if width == 19 else -3)
    step = 2 ** (24 - width)
    np.testing.assert_array_equal(decode_absolute(payload, width), pair // step * step)
    assert len(payload) == 20


@pytest.mark.parametrize("acc", [None, 17])
def test_firmware_2_comes_through_within_a_count_per_sample(acc):
    counts = smooth(3 * 201)
    found = samples_of(decoded(old_stream(counts, acc=acc), "2.0.1"))
    assert sorted(found) == list(range(201, 4 * 201))
    off = np.array([found[201 + k] - counts[k] for k in range(len(counts))])
    assert np.abs(off).max() <= 200
    np.testing.assert_array_equal(off[::201], 0)


@settings(max_examples=30)
@given(st.sets(st.integers(1, 302), min_size=1, max_size=12), st.booleans())
def test_after_a_loss_firmware_2_says_nothing_until_the_next_seed(lost, with_acc):
    notifications = old_stream(smooth(3 * 201), acc=0 if with_acc else None)
    whole = samples_of(decoded(notifications, "2.0.1"))
    kept = [n for at, n in enumerate(notifications) if at not in lost]
    found = samples_of(decoded(kept, "2.0.1"))
    for index, sample in found.items():  # nothing wrong
        np.testing.assert_array_equal(sample, whole[index])
    silent = set()
    for at in lost:
        seed = at // 101 * 101
        resumes = seed + 101 if at > seed else at + 101
        silent |= set(range(at, resumes))
    ends = [201 * (at // 101) + 2 * (at % 101) for at in sorted(silent)]
    missing = {end - k for end in ends for k in (0, 1) if end % 201 or k == 0}
    assert set(whole) - set(found) == {201 + index for index in missing if index < 603}


@pytest.mark.parametrize("acc", [None, 17])
def test_firmware_3_loses_nothing_where_it_sends_a_hundred_and_first_packet(acc):
    counts = smooth(3 * 201)
    found = samples_of(decoded(new_stream(counts, acc=acc)))
    assert sorted(found) == list(range(201, 4 * 201))
    step = 32 if acc is None else 64
    for k, row in enumerate(counts):
        np.testing.assert_array_equal(found[201 + k], row // step * step)


@pytest.mark.parametrize("acc", [None, 17])
def test_firmware_3_misses_one_in_201_where_it_does_not(acc):
    counts = smooth(3 * 201)
    notifications = new_stream(counts, acc=acc, dialect="short")
    found = samples_of(decoded(notifications))
    first = min(found)
    step = 32 if acc is None else 64
    unsure = {0, 201}  # these could be the stale half of a hundred and first packet
    kept = [k for k in range(len(counts)) if k % 201 != 200 and k not in unsure]
    assert [index - first for index in sorted(found)] == [k - 1 for k in kept]
    for k in kept:
        np.testing.assert_array_equal(found[first + k - 1], counts[k] // step * step)


@settings(max_examples=20)
@given(st.sets(st.integers(0, 302), max_size=40), st.sampled_from(["long", "short"]))
def test_a_packet_lost_from_firmware_3_spoils_no_other(lost, dialect):
    notifications = new_stream(smooth(3 * 201), dialect=dialect)
    whole = samples_of(decoded(notifications))
    kept = [n for at, n in enumerate(notifications) if at not in lost | {0}]
    found = samples_of(decoded([notifications[0], *kept]))
    for index, sample in found.items():
        np.testing.assert_array_equal(sample, whole[index])
    assert len(whole) - len(found) <= 2 * len(lost) + 2


@settings(max_examples=15)
@given(
    st.integers(1, 900),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["2.0.1", "3.0.0"]),
)
def test_a_hole_longer_than_a_round_of_ids_is_measured_by_its_arrival(n, seed, version):
    counts = smooth(12 * 201)
    cut = old_stream if version == "2.0.1" else new_stream
    notifications = cut(counts)
    late = np.random.default_rng(seed).uniform(0, 0.2, len(notifications))
    received, t = [], 0.0
    for at, notification in enumerate(notifications):
        t = max(t, notification.t_rx + late[at])  # they stay in order
        if not 60 < at <= 60 + n:
            received.append(notification._replace(t_rx=t))
    whole = samples_of(decoded(notifications, version))
    found = samples_of(decoded(received, version))
    assert found.keys() <= whole.keys()
    assert max(found) == max(whole)
    for index, sample in found.items():
        np.testing.assert_array_equal(sample, whole[index])


def test_a_packet_that_comes_twice_counts_once():
    notifications = old_stream(smooth(402))
    twice = [n for n in notifications for _ in (0, 1)]
    whole, found = (samples_of(decoded(x, "2.0.1")) for x in (notifications, twice))
    assert found.keys() == whole.keys()


@pytest.mark.parametrize("cut", [old_stream, new_stream])
def test_the_accelerometer_comes_in_g_ten_times_a_second(cut):
    version = "2.0.1" if cut is old_stream else "3.0.0"
    notifications = []
    for n in cut(smooth(201), acc=0):
        digit = n.payload[0] % 10
        axis = 62 if digit == 1 else -1 if digit == 2 else -128
        seed = n.payload[0] == 0 and cut is old_stream
        raw = n.payload if seed else n.payload[:19] + bytes([axis & 0xFF])
        notifications.append(n._replace(payload=raw))
    motions = [m for m in decoded(notifications, version) if isinstance(m, Motion)]
    assert len(motions) == 10
    for motion in motions:
        np.testing.assert_allclose(
            motion.acc_g[:, 0], [0.992, -0.016, -2.048], rtol=1e-6
        )
        assert motion.gyro_dps.shape == (3, 0)


@pytest.mark.parametrize("version", ["2.0.1", "3.0.0"])
def test_nothing_is_lost_on_the_way_through_the_assembler(version):
    cut = old_stream if version == "2.0.1" else new_stream
    info = HeadbandInfo(ganglion.montage(version), firmware=version)
    assembler = Assembler(info.montage)
    assembler.link_up(info)
    packets = decoded(cut(smooth(40 * 201)), version)
    blocks = [block for packet in packets for block in assembler.push_packet(packet)]
    assert len(blocks) >= 39
    assert assembler.loss_counts().lost_s == 0.0
    assert assembler.loss_counts().late_packets == 0


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=90))
def test_a_long_text_comes_in_pieces_and_yields_nothing(words):
    pieces = encode_text(words)
    assert "".join(decode_text(piece).text for piece in pieces) == words
    assert [decode_text(piece).more for piece in pieces][-1] is False
    assert decoded(map(note, pieces)) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01",
        bytes(19),
        bytes(21),
        bytes([208]) + bytes(19),
        b"\xc9",
        b"\xc9" + b"12",
        b"\xc9Z",
        b"\xcdnoneZ",
        b"\xce\xff\xfe",
    ],
)
def test_what_is_no_packet_is_refused(payload):
    with pytest.raises(DecodeError):
        decoded([note(payload)])


def test_another_characteristic_has_no_packets():
    with pytest.raises(DecodeError, match="c083"):
        decoded([Notification(ganglion.SEND, bytes(20), 0.0)])


@pytest.mark.parametrize("revision", [b"3.0.0", b"2.0.1", b"1.1.2", b"3.0.1\0\0"])
def test_the_handshake_asks_for_the_firmware_and_starts(revision):
    handshake = ganglion.handshake()
    assert next(handshake) == Read(ganglion.REVISION)
    assert handshake.send(revision) == Write(ganglion.SEND, b"b", response=False)
    with pytest.raises(StopIteration) as done:
        handshake.send(b"")
    info = done.value.value
    assert info.firmware == revision.rstrip(b"\0").decode()
    (stream,) = info.montage.streams
    assert stream.sfreq == 200.0
    assert stream.rough_rate
    assert len(stream.channels) == 4


@pytest.mark.parametrize("revision", [b"", b"4.0.0", b"0.9", b"beta", b"\xff", b"3."])
def test_a_firmware_that_is_not_known_is_refused(revision):
    handshake = ganglion.handshake()
    next(handshake)
    with pytest.raises(DecodeError):
        handshake.send(revision)


def test_full_scale_is_seen_as_railed_whatever_the_width():
    for version, packet in (
        ("2.0.1", encode_seed(np.full((1, 4), 2**23 - 1, np.int32))),
        ("3.0.0", encode_absolute(1, np.full((2, 4), 2**23 - 1, np.int32), acc=None)),
        ("3.0.0", encode_absolute(1, np.full((2, 4), 2**23 - 1, np.int32), acc=0)),
    ):
        (found,) = (
            p for p in decoded([note(packet)], version) if isinstance(p, SamplePacket)
        )
        (stream,) = ganglion.montage(version).streams
        assert (found.counts >= stream.channels[0].digital_max).all()


def test_an_info_without_a_firmware_is_a_bug_not_a_guess():
    with pytest.raises(TypeError, match="firmware"):
        ganglion.decoder(HeadbandInfo(ganglion.montage("3.0.0")))
