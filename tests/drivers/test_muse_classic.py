"""The classic Muse: what it sends is read, and electrodes are put together."""

import json
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.assembler import Assembler
from gateway.acquisition.montage import HeadbandInfo, Modality
from gateway.acquisition.packets import Battery, Motion, Notification, SamplePacket
from gateway.drivers import Listen, Write, muse_classic
from gateway.drivers.muse_classic import AUX, ELECTRODES, FIVE, FOUR, control, wire
from gateway.drivers.muse_classic.wire import ElectrodePacket
from gateway.errors import DecodeError, LinkError
from gateway.preprocessing.derivation import parse_derivation

LABELS = tuple(ELECTRODES)
CHARS = (*ELECTRODES.values(), *AUX.values())
INFO = HeadbandInfo(muse_classic.montage(LABELS))
AS_SENT = ("AUX", "TP10", "AF8", "TP9", "AF7")
COUNTS = st.lists(st.integers(0, 4095), min_size=12, max_size=12).map(
    lambda values: np.array(values, np.int32)
)


@pytest.fixture(scope="module")
def vectors(shared_data):
    path = shared_data / "captures" / "muse-js" / "vectors.json"
    return json.loads(path.read_text())


def notified(label, counter, t_rx=0.0, counts=None):
    counts = np.full(12, counter % 4096) if counts is None else counts
    payload = wire.encode_electrode(ElectrodePacket(counter, counts))
    return Notification((ELECTRODES | AUX)[label], payload, t_rx)


def fed(decoder, notifications):
    return [value for n in notifications for value in decoder.feed(n)]


def test_twelve_bits_are_unpacked_as_by_muse_js(vectors):
    for vector in vectors["eeg_unpack_12bit"]:
        piece = wire.decode_electrode(b"\0\0" + bytes(vector["bytes"]))
        assert piece.counts.tolist() == vector["raw"]


def test_microvolts_are_those_of_muse_js(vectors):
    for vector in vectors["eeg_notifications"]:
        piece = wire.decode_electrode(bytes.fromhex(vector["hex"]))
        assert piece.counter == vector["counter"]
        (stream,) = INFO.montage.streams
        uv = stream.to_microvolts(np.tile(piece.counts, (4, 1)))
        assert uv[3].tolist() == vector["uV"]


def test_the_charge_is_that_of_muse_js(vectors):
    for vector in vectors["telemetry"]:
        payload = bytes.fromhex(vector["hex"])
        percent = round(vector["battery_percent"])
        notification = Notification(muse_classic.TELEMETRY, payload, 0.0)
        assert fed(muse_classic.decoder(INFO), [notification]) == [Battery(percent)]


@pytest.mark.parametrize(
    ("key", "char", "which"),
    [
        ("accelerometer", muse_classic.ACCELEROMETER, 0),
        ("gyroscope", muse_classic.GYROSCOPE, 1),
    ],
)
def test_motion_is_that_of_muse_js(vectors, key, char, which):
    for vector in vectors[key]:
        payload = bytes.fromhex(vector["hex"])
        (motion,) = muse_classic.decoder(INFO).feed(Notification(char, payload, 2.0))
        assert isinstance(motion, Motion)
        np.testing.assert_allclose(motion[which].T, vector["samples"], rtol=1e-5)
        assert motion[1 - which].shape == (3, 0)
        assert motion[which].dtype == np.float32
        counter, axes = wire.decode_axes(payload)
        assert counter == vector["seq"]
        assert wire.encode_axes(counter, axes) == payload


@given(st.integers(0, 65535), COUNTS)
def test_an_electrode_is_read_back_to_the_last_bit(counter, counts):
    piece = wire.decode_electrode(
        wire.encode_electrode(ElectrodePacket(counter, counts))
    )
    assert piece.counter == counter
    np.testing.assert_array_equal(piece.counts, counts)
    assert piece.counts.dtype == np.int32


@given(st.binary(min_size=20, max_size=20))
def test_every_electrode_notification_is_written_as_it_was_read(payload):
    assert wire.encode_electrode(wire.decode_electrode(payload)) == payload


@given(st.integers(0, 100), st.integers(0, 65535))
def test_the_battery_is_read_back(percent, counter):
    payload = wire.encode_telemetry(counter, Battery(percent))
    assert wire.decode_telemetry(payload) == Battery(percent)


@pytest.mark.parametrize("case", range(3))
def test_counters_go_on_as_muse_js_says(vectors, case):
    vector = vectors["counter_cases"][case]
    late = vector["expect"].startswith("out of order")
    sent = [notified(x, c, 1.0) for c in vector["counters"] for x in LABELS]
    assembler = Assembler(INFO.montage)
    assembler.link_up(INFO)
    for packet in fed(muse_classic.decoder(INFO), sent):
        assert not list(assembler.push_packet(packet))
    counts = assembler.loss_counts()
    assert (counts.packets, counts.late_packets) == ((1, 1) if late else (2, 0))
    assert counts.lost_s == 0


def test_more_than_a_full_battery_is_full():
    assert wire.decode_telemetry(b"\0\0" + b"\xff" * 18) == Battery(100)


@pytest.mark.parametrize("order", list(permutations(LABELS)))
def test_electrodes_are_put_together_in_whatever_order_they_come(order):
    parts = {
        label: notified(label, 7, 1.5, np.full(12, 100 * i, np.int32))
        for i, label in enumerate(LABELS)
    }
    (packet,) = fed(muse_classic.decoder(INFO), [parts[label] for label in order])
    assert packet.counts[:, 0].tolist() == [0, 100, 200, 300]
    assert (packet.index, packet.t_rx, packet.counts.shape) == (84, 1.5, (4, 12))


def test_an_electrode_that_is_lost_takes_its_packet_along_and_no_other():
    sent = [notified(x, c) for c in (65534, 65535, 0, 1) for x in AS_SENT]
    lost = notified("TP9", 0)
    kept = [n for n in sent if n != lost]
    packets = fed(muse_classic.decoder(INFO), kept)
    assert [p.index // 12 for p in packets] == [65534, 65535, 1]


def test_two_counters_may_be_mixed():
    sent = [notified(label, c) for label in LABELS for c in (8, 9)]
    packets = fed(muse_classic.decoder(INFO), sent)
    assert [p.index for p in packets] == [96, 108]
    assert [p.counts[0, 0] for p in packets] == [8, 9]


def test_counters_that_never_complete_are_not_hoarded():
    decoder = muse_classic.decoder(INFO)
    assert not fed(decoder, [notified("TP9", c) for c in range(1000)])
    assert not fed(decoder, [notified(x, 0) for x in ("AF7", "AF8", "TP10")])
    assert len(fed(decoder, [notified(x, 1000) for x in LABELS])) == 1


@given(
    st.lists(st.tuples(st.sampled_from(AS_SENT), st.integers(0, 65535)), max_size=60)
)
def test_a_packet_is_made_of_one_counter_only(sent):
    packets = fed(muse_classic.decoder(INFO), [notified(*one) for one in sent])
    for packet in packets:
        assert (packet.counts == packet.index // 12 % 4096).all()


@given(st.data())
def test_lost_notifications_leave_holes_of_their_exact_length(data):
    start = data.draw(st.integers(65500, 65535))
    counters = [(start + i) % 65536 for i in range(60)]
    sent = [
        notified(label, counter, (i * 12 + 12) / 256)
        for i, counter in enumerate(counters)
        for label in AS_SENT
    ]
    inner = st.integers(5, len(sent) - 6)
    lost = data.draw(st.sets(inner, max_size=12))
    kept = [n for i, n in enumerate(sent) if i not in lost]
    rows = {i // 5 for i in lost if i % 5}  # of 5, the first is AUX and not asked for
    assembler = Assembler(INFO.montage)
    assembler.link_up(INFO)
    packets = fed(muse_classic.decoder(INFO), kept)
    blocks = [block for packet in packets for block in assembler.push_packet(packet)]
    assert [p.index // 12 for p in packets] == [
        counter for row, counter in enumerate(counters) if row not in rows
    ]
    present = np.concatenate([block.present[0] for block in blocks])
    expected = np.repeat([row not in rows for row in range(60)], 12)[: present.size]
    np.testing.assert_array_equal(present, expected)


@given(st.sampled_from(muse_classic.DRIVER.also_notify), st.binary(max_size=24))
def test_any_bytes_are_a_value_or_a_decode_error(char, payload):
    decoder = muse_classic.decoder(INFO)
    try:
        fed(decoder, [Notification(char, payload, 0.0)])
    except DecodeError as error:
        assert len(payload) != 20
        assert error.payload == payload
    assert len(fed(decoder, [notified(x, 0) for x in LABELS])) == 1


def test_a_stranger_is_refused_and_what_was_not_asked_for_is_passed_over():
    decoder = muse_classic.decoder(INFO)
    with pytest.raises(DecodeError, match="no notification"):
        fed(decoder, [Notification(muse_classic.ATHENA_DATA, bytes(20), 0.0)])
    assert not fed(decoder, [notified("AUX", 3)])
    assert not fed(decoder, [Notification(control.CONTROL, b"\x01{", 0.0)])


class Headband:
    """Answers each command with `said`, if it says anything; `silent` never send."""

    def __init__(self, said, *, silent=()):
        self.written = []
        self._pieces = []
        self._said = said
        self._silent = silent

    def answer(self, request):
        if isinstance(request, Write):
            assert request.char == control.CONTROL
            assert not request.response
            assert request.pause_s >= 0.2
            self.written.append(control.decode_command(request.payload))
            if self._said is not None:
                self._pieces += control.encode_reply(self._said)
            return b""
        assert isinstance(request, Listen)
        if request.char == control.CONTROL:
            return self._pieces.pop(0) if self._pieces else b""
        assert "d" in self.written
        label = next(
            x for x, char in (ELECTRODES | AUX).items() if char == request.char
        )
        return b"" if label in self._silent else notified(label, 0).payload


def shake(headband, driver=muse_classic.DRIVER):
    handshake = driver.handshake()
    request = next(handshake)
    while True:
        try:
            request = handshake.send(headband.answer(request))
        except StopIteration as done:
            return done.value


HEADSET = {"ap": "headset", "hw": "3.1", "fw": "1.2.13", "rc": 0}


def test_the_handshake_halts_chooses_starts_and_waits_for_every_electrode():
    headband = Headband(HEADSET)
    info = shake(headband)
    assert headband.written == ["v1", "h", FOUR, "s", "d"]
    assert info.firmware == "1.2.13"
    (stream,) = info.montage.streams
    assert tuple(c.label for c in stream.channels) == LABELS
    assert (stream.sfreq, stream.rough_rate) == (256.0, True)
    assert {c.modality for c in stream.channels} == {Modality.EEG}


def test_with_the_aux_there_is_a_fifth_channel_for_the_chin():
    headband = Headband(HEADSET)
    driver = muse_classic.driver(FIVE)
    info = shake(headband, driver)
    assert FIVE in headband.written
    (stream,) = info.montage.streams
    assert stream.channels[-1].label == "AUX"
    assert stream.channels[-1].modality is Modality.AUX
    assert driver.derivations["EMG submental"] == ("AUX",)
    sent = [notified(label, 5) for label in AS_SENT]
    (packet,) = fed(driver.decoder(info), sent)
    assert isinstance(packet, SamplePacket)
    assert packet.counts.shape == (5, 12)


def test_a_headband_in_its_bootloader_is_reset_and_reported():
    headband = Headband({"ap": "bootloader", "rc": 0})
    with pytest.raises(LinkError, match=r"bootloader.*connect again"):
        shake(headband)
    assert headband.written == ["v1", "*1"]


@pytest.mark.parametrize("label", LABELS)
def test_a_silent_electrode_is_named(label):
    with pytest.raises(DecodeError, match=f"nothing from {label}"):
        shake(Headband(HEADSET, silent=[label]))


def test_a_headband_that_says_nothing_but_streams_is_good_enough():
    assert shake(Headband(None)).firmware is None


def test_it_is_distinguished_from_the_athena_by_its_characteristics():
    driver = muse_classic.DRIVER
    assert driver.recognises({control.CONTROL, *CHARS})
    assert driver.recognises({control.CONTROL})  # in its bootloader
    assert not driver.recognises({control.CONTROL, muse_classic.ATHENA_DATA})


def test_the_keep_alive_and_the_stop_are_what_the_headband_knows():
    driver = muse_classic.DRIVER
    assert driver.keep_alive.every_s == 10
    assert driver.keep_alive.write.payload == b"\x02k\n"
    assert [write.payload for write in driver.stop] == [b"\x02h\n"]
    assert not driver.keep_alive.write.response


@pytest.mark.parametrize("driver", [muse_classic.DRIVER, muse_classic.driver(FIVE)])
def test_every_derivation_can_be_made_of_the_electrodes(driver):
    labels = frozenset(
        LABELS + (tuple(AUX) if driver.derivations.get("EMG submental") else ())
    )
    for name, texts in driver.derivations.items():
        for text in texts:
            weights = dict(parse_derivation(name, text, labels).weights)
            if name == "EEG Fpz-Cz":
                ears = weights.get("TP9", 0) + weights.get("TP10", 0)
                assert ears == pytest.approx(-1)
                rest = weights.get("AF7", 0) + weights.get("AF8", 0)
                assert rest in (0, 1)


def test_the_best_derivation_comes_first_and_the_shortest_last():
    texts = muse_classic.DRIVER.derivations["EEG Fpz-Cz"]
    assert texts[0] == "(AF7+AF8)/2-(TP9+TP10)/2"
    assert texts[-1] == "-TP10"
    assert len(set(texts)) == len(texts)


def test_a_recorded_night_crosses_the_wrap_without_a_loss(shared_data):
    folder = shared_data / "captures" / "pdpino-muse-player"
    path = folder / "pd_test_eyes_reencoded_classic.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(rows) == 3650
    by_slot = {char[:8]: char for char in CHARS}
    sent = [Notification(by_slot[c], bytes.fromhex(h), t) for t, c, h in rows]
    info = HeadbandInfo(muse_classic.montage((*LABELS, "AUX")))
    packets = fed(muse_classic.decoder(info), sent)
    assert len(packets) == 730
    expected = {char: [] for char in CHARS}
    for char, payload, _ in sent:  # by bits, as on paper
        bits = "".join(f"{byte:08b}" for byte in payload[2:])
        expected[char] += [int(bits[at : at + 12], 2) for at in range(0, 144, 12)]
        assert wire.encode_electrode(wire.decode_electrode(payload)) == payload
    counts = np.concatenate([p.counts for p in packets], axis=1)
    assert counts.tolist() == [expected[char] for char in CHARS]
    steps = [(b.index - a.index) % (12 * 65536) for a, b in pairwise(packets)]
    assert set(steps) == {12}
    assert any(b.index < a.index for a, b in pairwise(packets))
    assembler = Assembler(info.montage)
    assembler.link_up(info)
    blocks = [block for packet in packets for block in assembler.push_packet(packet)]
    assert all(present.all() for block in blocks[1:] for present in block.present)
    assert assembler.loss_counts().lost_s == 0
    assert assembler.loss_counts().packets == 730
