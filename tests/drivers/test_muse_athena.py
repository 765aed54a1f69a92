"""The Athena: frames to the last bit, blocks counted through losses, its handshake."""

from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.acquisition.montage import HeadbandInfo, Modality
from gateway.acquisition.packets import (
    Battery,
    Motion,
    Notification,
    SamplePacket,
    Unread,
)
from gateway.drivers import Listen, Write, muse_athena
from gateway.drivers.muse_athena import frame, samples
from gateway.drivers.muse_athena.frame import EEG_4, EEG_8, AthenaPacket, SensorBlock
from gateway.drivers.muse_classic import control
from gateway.errors import DecodeError

OLD, NEW = 1733184000000, 6464000000  # device times of 2025 and 2026
U8, U16 = st.integers(0, 255), st.integers(0, 65535)
I24 = st.integers(-(2**23), 2**23 - 1)
KNOWN = list(frame.PAYLOAD_BYTES)
UNKNOWN = [tag for tag in range(256) if tag not in frame.PAYLOAD_BYTES]


@st.composite
def block_of(draw, tags=KNOWN):
    tag = draw(st.sampled_from(tags))
    size = frame.PAYLOAD_BYTES[tag]
    payload = draw(st.binary(min_size=size, max_size=size))
    return SensorBlock(tag, draw(U8), draw(I24), payload)


UNREAD = st.just(b"") | st.builds(
    lambda tag, rest: bytes([tag]) + rest, st.sampled_from(UNKNOWN), st.binary()
)
PACKETS = st.builds(
    AthenaPacket,
    U16,
    st.integers(0, 2**48 - 1),
    st.lists(block_of(), max_size=4).map(tuple),
    UNREAD.map(lambda rest: rest[:40]),
)


def info(tag=EEG_4):
    return HeadbandInfo(samples.montage(tag), muse_athena.TICK_HZ)


def notified(*packets, t_rx=0.0):
    return Notification(muse_athena.DATA, frame.encode(packets), t_rx)


def fed(decoder, *notifications):
    return [value for n in notifications for value in decoder.feed(n)]


def eeg(number, tag=EEG_4, offset=0):
    """Return a block whose counts tell its number."""
    n_channels = 16 // samples.SAMPLES[tag]
    counts = np.full((n_channels, samples.SAMPLES[tag]), number % 16384)
    return SensorBlock(tag, number % 256, offset, samples.encode_eeg(counts))


def stream(n_blocks, tag=EEG_4, time=OLD, unit_us=1000.0, first=0):
    """Yield packets of 1 to 5 blocks of EEG, at the times they were complete."""
    at, indices = first, count()
    sizes = [3, 5, 1, 4, 2]
    while at < n_blocks:
        index = next(indices)
        size = sizes[index % 5]
        done_us = (at + size - first) * samples.SAMPLES[tag] / 256 * 1e6
        blocks = tuple(eeg(at + i, tag) for i in range(size))
        yield AthenaPacket(index % 65536, time + int(done_us / unit_us), blocks)
        at += size


@given(st.lists(PACKETS, min_size=1, max_size=3))
def test_packets_are_read_back_to_the_last_bit(packets):
    assert frame.decode(frame.encode(packets)) == packets


@given(st.lists(PACKETS, min_size=1, max_size=2), st.data())
def test_what_is_cut_short_is_refused(packets, data):
    payload = frame.encode(packets)
    ends = {0, len(frame.encode(packets[:1])), len(payload)}
    cut = data.draw(st.integers(0, len(payload)).filter(lambda n: n not in ends))
    with pytest.raises(DecodeError):
        frame.decode(payload[:cut])


@given(st.binary(max_size=300))
def test_any_bytes_are_written_as_they_were_read_or_refused(payload):
    try:
        packets = frame.decode(payload)
    except DecodeError as error:
        assert error.payload == payload
        return
    assert frame.encode(packets) == payload


def test_a_packet_shorter_than_its_header_is_no_endless_loop():
    for payload in (b"", b"\0", b"\0" * 30, b"\x08" + bytes(8), b"\x09" + bytes(7)):
        with pytest.raises(DecodeError, match="a packet from byte 0"):
            frame.decode(payload)


def test_what_does_not_fit_is_not_written():
    short = AthenaPacket(0, OLD, (SensorBlock(EEG_4, 0, 0, bytes(27)),))
    with pytest.raises(ValueError, match="27 bytes"):
        frame.encode([short])
    with pytest.raises(OverflowError):
        frame.encode([AthenaPacket(0, OLD, (eeg(0),) * 8)])
    with pytest.raises(ValueError, match="16384"):
        samples.encode_eeg(np.full((4, 4), 16384))


@given(st.sampled_from([EEG_4, EEG_8]), st.integers(1, 7), st.data())
def test_samples_are_read_back_to_the_last_bit(tag, n_blocks, data):
    payload = data.draw(st.binary(min_size=28 * n_blocks, max_size=28 * n_blocks))
    counts = samples.decode_eeg(tag, payload)
    assert counts.shape == (16 // samples.SAMPLES[tag], n_blocks * samples.SAMPLES[tag])
    assert counts.dtype == np.int32
    bits = "".join(f"{byte:08b}"[::-1] for byte in payload)  # as on paper
    values = [int(bits[at : at + 14][::-1], 2) for at in range(0, len(bits), 14)]
    assert counts.T.reshape(-1).tolist() == values
    assert samples.encode_eeg(counts) == payload


@given(st.binary(min_size=36, max_size=36))
def test_motion_is_read_back_to_the_last_bit(payload):
    assert samples.encode_motion(samples.decode_motion(payload)) == payload


@pytest.mark.parametrize("tag", frame.BATTERIES)
@given(percent=st.integers(0, 100))
def test_the_battery_is_read_back(tag, percent):
    payload = samples.encode_battery(tag, Battery(percent))
    assert samples.decode_battery(payload) == Battery(percent)


def test_more_than_a_full_battery_is_full():
    assert samples.decode_battery(b"\xff\xff" + bytes(18)) == Battery(100)


def test_the_calibration_is_the_makers():
    (line,) = samples.montage(EEG_4).streams
    uv = line.to_microvolts(np.array([[0, 8192, 16383]] * 4, np.int32))
    np.testing.assert_allclose(uv[0], [-725.04, 0, 724.96], atol=0.01)
    assert {(c.digital_min, c.digital_max) for c in line.channels} == {(0, 16383)}
    assert line.rough_rate


def test_gravity_and_rotation_have_their_units_and_signs():
    axes = np.tile([[16384], [0], [-16384], [0], [1000], [-1000]], 3)
    block = SensorBlock(frame.MOTION, 0, 0, samples.encode_motion(axes))
    (motion,) = fed(
        muse_athena.decoder(info()), notified(AthenaPacket(0, OLD, (block,)))
    )
    assert isinstance(motion, Motion)
    assert motion.acc_g[:, 0].tolist() == [1, 0, -1]
    np.testing.assert_allclose(motion.gyro_dps[:, 2], [0, -7.4768, 7.4768], atol=1e-4)
    assert motion.acc_g.shape == motion.gyro_dps.shape == (3, 3)


@pytest.mark.parametrize(
    ("time", "offset", "us"),
    [
        (OLD, 940, OLD * 1000 + 940),
        (OLD + 1, -60, OLD * 1000 + 940),
        (NEW, 0, NEW * 268435.456),
        (NEW + 1, -5000, NEW * 268435.456 + 267935.456),
    ],
)
def test_both_firmwares_clocks_are_read_in_microseconds(time, offset, us):
    packet = AthenaPacket(0, time, ())
    assert abs(packet.time_us(eeg(0, offset=offset)) - us) <= 1


def test_blocks_after_the_battery_of_2026_are_not_lost():
    battery = SensorBlock(0x88, 0, 0, samples.encode_battery(0x88, Battery(55)))
    packet = AthenaPacket(0, NEW, (eeg(0), battery, eeg(1)))
    one, charge = fed(muse_athena.decoder(info()), notified(packet))
    assert one.counts[0].tolist() == [0] * 4 + [1] * 4
    assert charge == Battery(55)


def test_consecutive_blocks_come_as_one_packet_and_others_apart():
    blocks = tuple(eeg(number) for number in (0, 1, 2, 5, 6))
    first, second = fed(
        muse_athena.decoder(info()), notified(AthenaPacket(0, OLD, blocks))
    )
    assert (first.index, second.index) == (0, 20)
    assert (first.counts.shape, second.counts.shape) == ((4, 12), (4, 8))


def test_what_precedes_an_unknown_tag_is_used_and_the_rest_counted():
    packet = AthenaPacket(0, OLD, (eeg(0),), b"\x77" + bytes(30))
    one, unread = fed(muse_athena.decoder(info()), notified(packet))
    assert isinstance(one, SamplePacket)
    assert unread == Unread("tag 0x77", 31)


def test_ticks_are_the_device_time_of_the_first_block():
    packet = AthenaPacket(0, OLD, (eeg(0, offset=-500), eeg(1, offset=700)))
    (one,) = fed(muse_athena.decoder(info()), notified(packet))
    assert one.ticks == (OLD * 1000 - 500) % 2**32


@pytest.mark.parametrize("tag", [EEG_4, EEG_8])
@pytest.mark.parametrize(("time", "unit_us"), [(OLD, 1000), (NEW, 2**28 / 1000)])
@settings(max_examples=20)
@given(data=st.data())
def test_lost_notifications_leave_holes_of_their_exact_length(tag, time, unit_us, data):
    sent = list(stream(1500, tag, time, unit_us))  # the counter wraps 6 times
    start = data.draw(st.integers(1, len(sent) - 1))
    end = data.draw(st.integers(start, len(sent)))
    also = data.draw(st.sets(st.integers(1, len(sent) - 1), max_size=30))
    kept = [p for i, p in enumerate(sent) if not start <= i < end and i not in also]
    values = fed(muse_athena.decoder(info(tag)), *map(notified, kept))
    expected = [block for packet in kept for block in packet.blocks]
    assert (
        sum(value.counts[0].size for value in values)
        == len(expected) * (samples.SAMPLES[tag])
    )
    for value in values:
        indices = value.index + np.arange(value.counts.shape[1])
        numbers = indices // samples.SAMPLES[tag]  # as written into the samples
        np.testing.assert_array_equal(
            value.counts, np.tile(numbers, (len(value.counts), 1))
        )


@given(st.integers(1, 60_000_000), st.integers(0, 255))
def test_a_headband_that_begins_anew_goes_on_where_its_clock_says(away_us, last):
    decoder = muse_athena.decoder(info())
    before = AthenaPacket(400, OLD, (eeg(last),))
    after = [AthenaPacket(i, OLD + away_us // 1000, (eeg(i),)) for i in range(3)]
    old, *new = fed(decoder, notified(before), *map(notified, after))
    hole = new[0].index - old.index
    wrap_s = 4.0 if last == 255 else 0.0  # its counter happens to go on
    assert hole == pytest.approx(away_us * 256e-6, abs=4 + wrap_s * 128)
    assert hole > 0
    assert [b.index - a.index for a, b in pairwise(new)] == [4, 4]


def test_a_clock_that_is_set_between_two_packets_makes_no_hole():
    packets = [
        AthenaPacket(65535, OLD, (eeg(9),)),
        AthenaPacket(0, OLD + 10**7, (eeg(10),)),
    ]
    one, two = fed(muse_athena.decoder(info()), *map(notified, packets))
    assert two.index == one.index + 4


def test_a_clock_that_is_set_back_while_packets_are_lost_stops_nothing():
    packets = [
        AthenaPacket(7, OLD + 10**7, (eeg(9),)),
        AthenaPacket(11, OLD, (eeg(20),)),
    ]
    one, two = fed(muse_athena.decoder(info()), *map(notified, packets))
    assert two.index == one.index + 44


def test_a_repeated_notification_is_where_it_was():
    packets = [*stream(20)]
    decoder = muse_athena.decoder(info())
    once = fed(decoder, *map(notified, packets))
    (again,) = fed(decoder, notified(packets[-2]))
    assert again.index == once[-2].index
    (further,) = fed(
        decoder, notified(AthenaPacket(len(packets), OLD + 99999, (eeg(20),)))
    )
    assert further.index == 80


@given(st.binary(max_size=250), st.sampled_from([muse_athena.DATA, muse_athena.DATA_2]))
def test_any_bytes_are_values_or_a_decode_error(payload, char):
    decoder = muse_athena.decoder(info())
    try:
        fed(decoder, Notification(char, payload, 0.0))
    except DecodeError as error:
        assert error.payload == payload
    values = fed(decoder, notified(AthenaPacket(1, OLD, (eeg(3),))))
    assert values[0].counts.tolist() == [[3] * 4] * 4


@given(st.lists(PACKETS, min_size=1, max_size=2), st.data())
def test_a_flipped_bit_is_values_or_a_decode_error(packets, data):
    payload = bytearray(frame.encode(packets))
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    decoder = muse_athena.decoder(info())
    fed(decoder, notified(AthenaPacket(1, OLD, (eeg(3),))))
    try:
        values = fed(decoder, Notification(muse_athena.DATA, bytes(payload), 0.0))
    except DecodeError:
        (after,) = fed(decoder, notified(AthenaPacket(2, OLD + 16, (eeg(4),))))
        assert after.index == 16  # nothing of it stuck
        return
    for value in values:
        if isinstance(value, SamplePacket):
            assert 0 <= value.index < 2**32
            assert 0 <= value.ticks < 2**32


def test_another_number_of_channels_is_left_over_at_first_and_then_an_error():
    decoder = muse_athena.decoder(info(EEG_4))
    left_over = notified(AthenaPacket(900, OLD, (eeg(77, EEG_8),)))
    assert not fed(decoder, left_over)
    assert fed(decoder, notified(AthenaPacket(0, OLD + 500, (eeg(0),))))[0].index == 0
    with pytest.raises(DecodeError, match="another number of channels"):
        fed(decoder, left_over)


def test_replies_are_no_data_and_strangers_are_refused():
    decoder = muse_athena.decoder(info())
    assert not fed(decoder, Notification(control.CONTROL, b"\x02{}", 0.0))
    with pytest.raises(DecodeError, match="no notification"):
        fed(decoder, Notification(muse_athena.SERVICE, bytes(20), 0.0))


class Headband:
    """Answers a handshake: every command with `said`, then sends `data` for ever."""

    def __init__(self, said, data, refuses=()):
        self.written = []
        self._said, self._data, self._refuses = said, data, refuses
        self._pieces = []

    def answer(self, request):
        if isinstance(request, Write):
            assert not request.response
            self.written.append(control.decode_command(request.payload))
            again = self.written[-2:] == ["dc001"] * 2
            assert request.pause_s >= (0.05 if self.written[-1] == "dc001" else 0.2)
            assert not again or request.pause_s >= 0.2
            rc = 69 if self.written[-1] in self._refuses else 0
            if self._said is not None:
                self._pieces += control.encode_reply(self._said | {"rc": rc})
            return b""
        assert isinstance(request, Listen)
        if request.char == control.CONTROL:
            return self._pieces.pop(0) if self._pieces else b""
        assert request.char == muse_athena.DATA
        return self._data.pop(0).payload if self._data else b""


def shake(headband):
    handshake = muse_athena.DRIVER.handshake()
    request = next(handshake)
    while True:
        try:
            request = handshake.send(headband.answer(request))
        except StopIteration as done:
            return done.value


SAID = {"ap": "headset", "sp": "Athena_RevE", "tp": "consumer", "fw": "3.0.25"}
MOTION = SensorBlock(frame.MOTION, 0, 0, bytes(36))
ORDER = ["v6", "s", "h", "p21", "s", "dc001", "dc001", "L1", "s"]


@pytest.mark.parametrize(("tag", "n_channels"), [(EEG_4, 4), (EEG_8, 8)])
def test_the_montage_is_that_of_the_tags_whatever_the_preset(tag, n_channels):
    motion = notified(AthenaPacket(0, OLD, (MOTION,)))
    mixed = notified(AthenaPacket(1, OLD, (MOTION, eeg(0, tag))))
    headband = Headband(SAID, [motion, mixed])
    told = shake(headband)
    assert headband.written == ORDER
    assert told.firmware == "3.0.25"
    assert told.tick_hz == 1e6
    assert told.boot_id is None
    (line,) = told.montage.streams
    assert len(line.channels) == n_channels
    assert [c.label for c in line.channels[:4]] == ["TP9", "AF7", "AF8", "TP10"]
    assert {c.modality for c in line.channels[:4]} == {Modality.EEG}
    assert {c.modality for c in line.channels[4:]} <= {Modality.AUX}


def test_firmware_that_refuses_dc001_is_started_the_classic_way():
    headband = Headband(SAID, [notified(AthenaPacket(0, OLD, (eeg(0),)))], ["dc001"])
    shake(headband)
    assert headband.written == [*ORDER[:7], "d", *ORDER[7:]]


def test_a_headband_that_answers_nothing_but_streams_is_good_enough():
    headband = Headband(None, [notified(AthenaPacket(0, OLD, (eeg(0),)))])
    assert shake(headband).firmware is None
    assert headband.written == ORDER


def test_a_headband_that_does_not_stream_is_refused():
    with pytest.raises(DecodeError, match="no data for 5 s"):
        shake(Headband(SAID, []))


def test_a_headband_without_eeg_is_refused():
    motion = notified(AthenaPacket(0, OLD, (MOTION,)))
    with pytest.raises(DecodeError, match="no EEG in 64 packets"):
        shake(Headband(SAID, [motion] * 100))


def test_it_is_distinguished_from_the_classic_by_its_data_characteristic():
    driver = muse_athena.DRIVER
    assert driver.recognises({control.CONTROL, muse_athena.DATA, muse_athena.DATA_2})
    assert not driver.recognises({control.CONTROL, "273e0003"})
    assert driver.may_be("MuseS-5A1C", ())
    assert [write.payload for write in driver.stop] == [b"\x02h\n"]
