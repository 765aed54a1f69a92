"""The open profile: what is written is read back, and nothing else is."""

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, HeadbandInfo, Modality, Montage, Stream
from gateway.acquisition.packets import Battery, Notification, SamplePacket
from gateway.drivers import Read, Write, diy
from gateway.drivers.diy.info import DiyInfo, decode_info, encode_info
from gateway.errors import DecodeError

LABELS = st.text(
    st.characters(min_codepoint=1, max_codepoint=126), min_size=1, max_size=8
)
TINY = float(np.float32(1e-30))
VOLTS = st.floats(TINY, 0.5, width=32) | st.floats(-0.5, -TINY, width=32)


@st.composite
def streams(draw):
    rail = draw(st.sampled_from([2**15, 2**23]))
    channel = st.builds(
        lambda label, modality, volts, zero: Channel(
            label, modality, volts * 1e6, zero, -rail, rail - 1
        ),
        LABELS,
        st.sampled_from(Modality),
        VOLTS,
        st.integers(-(2**31), 2**31 - 1),
    )
    channels = draw(st.lists(channel, min_size=1, max_size=4))
    return Stream(draw(st.integers(1000, 6_000_000)) / 1000, tuple(channels))


@st.composite
def infos(draw):
    montage = draw(st.lists(streams(), min_size=1, max_size=4).map(tuple))
    ids = draw(st.permutations(range(32)))[: len(montage)]
    u32 = st.integers(0, 2**32 - 1)
    tick_hz = float(draw(u32)) or None
    return diy.DiyInfo(
        Montage(montage),
        tick_hz,
        draw(u32),
        config_id=draw(u32),
        stream_ids=tuple(ids),
    )


@st.composite
def frames(draw):
    info = draw(infos())
    position = draw(st.integers(0, len(info.montage.streams) - 1))
    channels = info.montage.streams[position].channels
    low, high = channels[0].digital_min, channels[0].digital_max
    row = st.lists(
        st.integers(low, high), min_size=len(channels), max_size=len(channels)
    )
    counts = np.array(draw(st.lists(row, min_size=1, max_size=9)), np.int32).T
    index, ticks = draw(st.tuples(*[st.integers(0, 2**32 - 1)] * 2))
    return info, SamplePacket(
        position, index, counts, 1.5, ticks if info.tick_hz else None
    )


LSB_UV = float(np.float32(0.125e-6)) * 1e6
INFO = diy.DiyInfo(
    Montage((Stream(100.0, (Channel("Fpz-Cz", Modality.EEG, LSB_UV),) * 3),)),
    32768.0,
    boot_id=7,
    config_id=0x1234,
    stream_ids=(0,),
)
PACKET = SamplePacket(0, 5, np.arange(12, dtype=np.int32).reshape(3, 4), 0.0, 9)


def value_of(info):
    return diy.encode_info(info, tuple(1 for _ in info.stream_ids))


@given(infos())
def test_info_is_read_back_to_the_last_bit(info):
    assert diy.decode_info(value_of(info)) == info


@given(VOLTS)
def test_calibration_survives_the_wire_exactly(volts):
    lsb_uv = float(np.float32(volts)) * 1e6
    channel = replace(INFO.montage.streams[0].channels[0], lsb_uv=lsb_uv)
    info = replace(INFO, montage=Montage((Stream(100.0, (channel,)),)))
    (stream,) = diy.decode_info(value_of(info)).montage.streams
    assert stream.channels[0].lsb_uv == lsb_uv


@given(frames(), st.booleans())
def test_a_frame_is_read_back_to_the_last_bit(frame, crc):
    info, packet = frame
    back = diy.decode(info, diy.encode(info, packet, crc=crc), packet.t_rx)
    assert (back.stream, back.index, back.ticks) == (
        packet.stream,
        packet.index,
        packet.ticks,
    )
    np.testing.assert_array_equal(back.counts, packet.counts)
    assert back.counts.dtype == np.int32
    assert back.t_rx == packet.t_rx


@given(st.binary(max_size=600))
def test_any_bytes_as_info_are_an_info_or_a_decode_error(value):
    try:
        info = diy.decode_info(value)
    except DecodeError:
        return
    assert value_of(info)[0] == 1


@given(infos(), st.data())
def test_a_damaged_info_is_an_info_or_a_decode_error(info, data):
    value = bytearray(value_of(info))
    value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        damaged = diy.decode_info(bytes(value))
    except DecodeError:
        return
    for stream in damaged.montage.streams:
        uv = stream.to_microvolts(np.zeros((len(stream.channels), 3), np.int32))
        assert np.isfinite(uv).all()


@given(infos(), st.data())
def test_a_shortened_info_is_refused(info, data):
    value = value_of(info)
    with pytest.raises(DecodeError):
        diy.decode_info(value[: data.draw(st.integers(0, len(value) - 1))])


@given(st.binary(max_size=300))
def test_any_bytes_as_a_frame_are_a_frame_or_a_decode_error(payload):
    try:
        packet = diy.decode(INFO, payload, 0.0)
    except DecodeError:
        return
    assert packet.counts.shape == (3, payload[2])


@given(frames(), st.data())
def test_a_flipped_bit_under_a_crc_is_refused(frame, data):
    info, packet = frame
    payload = bytearray(diy.encode(info, packet, crc=True))
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DecodeError):
        diy.decode(info, bytes(payload), 0.0)


def test_without_the_crc_flag_the_crc_is_two_bytes_too_many():
    payload = bytearray(diy.encode(INFO, PACKET, crc=True))
    payload[0] ^= 4
    with pytest.raises(DecodeError, match="4 samples of 3 channels"):
        diy.decode(INFO, bytes(payload), 0.0)


@given(frames(), st.booleans(), st.data())
def test_a_shortened_frame_is_refused(frame, crc, data):
    info, packet = frame
    payload = diy.encode(info, packet, crc=crc)
    with pytest.raises(DecodeError):
        diy.decode(info, payload[: data.draw(st.integers(0, len(payload) - 1))], 0.0)


@pytest.mark.parametrize(
    ("at", "byte", "message"),
    [
        (0, 0x20, "version 2"),
        (0, 0x18, "flags 8"),
        (1, 1, "unknown stream 1"),
        (2, 0, "0 samples"),
        (2, 5, "5 samples"),
        (3, 0x35, "configuration 53"),
    ],
)
def test_a_header_that_is_not_ours_is_refused(at, byte, message):
    payload = bytearray(diy.encode(INFO, PACKET))
    payload[at] = byte
    with pytest.raises(DecodeError, match=message):
        diy.decode(INFO, bytes(payload), 0.0)


def test_lead_off_bits_after_the_samples_are_no_samples():
    payload = bytearray(diy.encode(INFO, PACKET))
    payload[0] |= 2
    back = diy.decode(INFO, bytes(payload) + b"\x05\x00", 0.0)
    np.testing.assert_array_equal(back.counts, PACKET.counts)


def test_the_wire_is_the_published_one():
    payload = diy.encode(INFO, PACKET)
    assert payload[:12] == bytes.fromhex("10 00 04 34 05000000 09000000")
    assert struct.unpack("<12h", payload[12:]) == (0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11)


def test_streams_that_are_no_biosignals_are_left_alone():
    value = bytearray(value_of(INFO))
    value[16] = 2  # streams
    accelerometer = struct.pack("<BBBBIB", 3, 2, 1, 1, 52_000, 10)
    accelerometer += struct.pack("<Bfi8s", 6, 9.81, 0, b"x")
    value += accelerometer
    struct.pack_into("<H", value, 2, len(value))
    assert diy.decode_info(bytes(value)) == INFO


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "EOG horizontal"}, "1 to 8 ASCII"),
        ({"label": "Fpz–Cz"}, "1 to 8 ASCII"),  # noqa: RUF001 - an en dash, yes
        ({"label": ""}, "1 to 8 ASCII"),
        ({"digital_max": 2**23}, "more than 24 bits"),
        ({"lsb_uv": float("nan")}, "V per count"),
        ({"lsb_uv": 2e6}, "V per count"),
        ({"zero": 2**31}, "zero 2147483648"),
    ],
)
def test_what_the_profile_cannot_carry_is_reported(change, message):
    channel = replace(INFO.montage.streams[0].channels[0], **change)
    info = replace(INFO, montage=Montage((Stream(100.0, (channel,)),)))
    with pytest.raises(ValueError, match=message):
        value_of(info)


@pytest.mark.parametrize(
    ("sfreq", "n_channels", "why"),
    [
        (0.999, 1, "0.999 Hz; each must be 1 to 20000 Hz"),
        (20_000.001, 1, "each must be 1 to 20000 Hz"),
        (4_294_967.0, 2, "each must be 1 to 20000 Hz"),
        (20_000.0, 6, "120000 samples per second of all channels"),
    ],
)
def test_rates_that_no_headband_has_are_refused(sfreq, n_channels, why):
    channels = tuple(Channel(f"c{n}", Modality.EEG, 0.1) for n in range(n_channels))
    info = DiyInfo(
        Montage((Stream(sfreq, channels),)), None, 1, config_id=1, stream_ids=(1,)
    )
    with pytest.raises(DecodeError, match=why):
        decode_info(encode_info(info, (1,)))


def test_a_rate_between_two_millihertz_is_refused():
    channels = INFO.montage.streams[0].channels
    with pytest.raises(ValueError, match="millihertz"):
        value_of(replace(INFO, montage=Montage((Stream(100 / 3, channels),))))


def test_more_channels_than_info_holds_are_refused():
    channels = INFO.montage.streams[0].channels * 10
    with pytest.raises(ValueError, match="too many channels"):
        value_of(replace(INFO, montage=Montage((Stream(100.0, channels),))))


def test_a_count_beyond_the_format_is_refused():
    packet = replace(PACKET, counts=np.full((3, 1), 2**15, np.int32))
    with pytest.raises(ValueError, match="32768"):
        diy.encode(INFO, packet)


@given(st.integers(0, 100), st.integers(0, 2**32 - 1))
def test_the_battery_is_read_back(percent, ticks):
    assert diy.decode_status(diy.encode_status(ticks, Battery(percent))) == Battery(
        percent
    )


@given(st.binary(max_size=20))
def test_any_bytes_as_status_are_a_battery_or_a_decode_error(value):
    try:
        battery = diy.decode_status(value)
    except DecodeError:
        return
    assert 0 <= battery.percent <= 100


def test_the_handshake_reads_info_and_starts_its_streams():
    info = replace(INFO, stream_ids=(5,))
    handshake = diy.handshake()
    assert next(handshake) == Read(diy.INFO)
    assert handshake.send(value_of(info)) == Write(diy.CONTROL, b"\x01\x20\x00\x00\x00")
    with pytest.raises(StopIteration) as done:
        handshake.send(b"")
    assert done.value.value == info


def test_the_decoder_tells_frames_from_the_battery():
    decoder = diy.decoder(INFO)
    (packet,) = decoder.feed(Notification(diy.DATA, diy.encode(INFO, PACKET), 2.0))
    assert (packet.index, packet.t_rx) == (5, 2.0)
    status = diy.encode_status(1, Battery(55))
    assert list(decoder.feed(Notification(diy.STATUS, status, 0.0))) == [Battery(55)]
    with pytest.raises(DecodeError, match="no notification"):
        list(decoder.feed(Notification(diy.INFO, b"", 0.0)))


def test_another_drivers_info_is_a_bug_not_a_guess():
    with pytest.raises(TypeError, match="DiyInfo"):
        diy.decoder(HeadbandInfo(INFO.montage))
