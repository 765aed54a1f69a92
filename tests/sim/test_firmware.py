"""The simulated firmware plays a recording exactly, at any MTU, in due time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Battery, Notification, SamplePacket
from gateway.drivers import diy
from gateway.errors import RecordingError
from sim.firmware import Firmware

LSB_UV = float(np.float32(1e-7)) * 1e6
START = b"\x01\x03\x00\x00\x00"
MTUS = st.integers(23, 517)


def channels(n, bits=16):
    rail = 1 << bits - 1
    return tuple(
        Channel(f"C{i}", Modality.EEG, LSB_UV, 0, -rail, rail - 1) for i in range(n)
    )


def noise(stream, seconds, seed=0):
    rail = stream.channels[0].digital_max
    shape = len(stream.channels), int(seconds * stream.sfreq)
    return np.random.default_rng(seed).integers(-rail - 1, rail, shape, endpoint=True)


POLYGRAPH = Montage((Stream(100.0, channels(3)), Stream(1.0, channels(1))))
NIGHT = [noise(stream, 45) for stream in POLYGRAPH.streams]


def play(firmware, request=START, since_s=0.0, mtu=517):
    """Return the counts per stream, the packets and the frames, as decoded."""
    info = diy.decode_info(firmware.read_info())
    decoder = diy.decoder(info)
    frames = list(firmware.frames(request, since_s, mtu))
    decoded = [
        value
        for frame in frames
        for value in decoder.feed(Notification(frame.char, frame.payload, 0.0))
    ]
    packets = [value for value in decoded if isinstance(value, SamplePacket)]
    counts = [
        np.concatenate([p.counts for p in packets if p.stream == s] or [[[]]], axis=1)
        for s in range(len(info.montage.streams))
    ]
    return counts, packets, frames


def test_info_says_the_montage_and_the_boot():
    firmware = Firmware(POLYGRAPH, NIGHT, boot_id=77)
    info = diy.decode_info(firmware.read_info())
    assert info == firmware.info
    assert (info.montage, info.tick_hz, info.boot_id) == (POLYGRAPH, 32768.0, 77)


def test_another_montage_has_another_configuration_id():
    other = Montage(POLYGRAPH.streams[:1])
    ids = {
        Firmware(montage, NIGHT[:n], boot_id=1).info.config_id
        for montage, n in ((POLYGRAPH, 2), (other, 1))
    }
    assert len(ids) == 2


def arrives_whole(firmware, recording, mtu):
    assert firmware.control(START, mtu).status == 0
    counts, _, frames = play(firmware, mtu=mtu)
    for arrived, played in zip(counts, recording, strict=True):
        np.testing.assert_array_equal(arrived, played)
    assert max(len(frame.payload) for frame in frames) <= mtu - 3


def test_at_every_mtu_the_recording_arrives_whole():
    recording = [counts[:, :200] for counts in NIGHT]
    firmware = Firmware(POLYGRAPH, recording, boot_id=1, batch_s=3.0)
    for mtu in range(23, 518):
        arrives_whole(firmware, recording, mtu)


@given(MTUS, st.floats(0.01, 3), st.booleans())
def test_at_any_batching_the_recording_arrives_whole(mtu, batch_s, crc):
    mtu = max(mtu, 25) if crc else mtu
    recording = [counts[:, :500] for counts in NIGHT]
    firmware = Firmware(POLYGRAPH, recording, boot_id=1, batch_s=batch_s, crc=crc)
    arrives_whole(firmware, recording, mtu)


@given(st.integers(1, 8), st.sampled_from([16, 24]), MTUS)
def test_a_headband_either_fits_the_mtu_or_says_so(n_channels, bits, mtu):
    stream = Stream(256.0, channels(n_channels, bits))
    recording = noise(stream, 0.3)
    firmware = Firmware(Montage((stream,)), [recording], boot_id=1)
    reply = firmware.control(b"\x01\x01\x00\x00\x00", mtu)
    if mtu - 3 - 12 < n_channels * bits // 8:
        assert reply == (diy.MTU_TOO_SMALL, bytes([0x81, diy.MTU_TOO_SMALL]))
    else:
        assert reply == (0, b"\x81\x00")
        counts, _, _ = play(firmware, mtu=mtu)
        np.testing.assert_array_equal(counts[0], recording)


@given(st.floats(0, 50), MTUS)
def test_after_an_absence_the_index_says_where_the_night_is(since_s, mtu):
    firmware = Firmware(POLYGRAPH, NIGHT, boot_id=1)
    counts, packets, _ = play(firmware, since_s=since_s, mtu=mtu)
    for s, stream in enumerate(POLYGRAPH.streams):
        first = next((p.index for p in packets if p.stream == s), None)
        if first is not None:
            assert since_s - 1e-6 <= first / stream.sfreq < since_s + 1 / stream.sfreq
            np.testing.assert_array_equal(counts[s], NIGHT[s][:, first:])
        else:
            assert since_s * stream.sfreq > NIGHT[s].shape[1] - 1


def test_frames_come_in_order_and_not_before_their_last_sample():
    _, packets, frames = play(Firmware(POLYGRAPH, NIGHT, boot_id=1))
    assert all(a.due_s <= b.due_s for a, b in itertools.pairwise(frames))
    due = [frame.due_s for frame in frames if frame.char == diy.DATA]
    for due_s, packet in zip(due, packets, strict=True):
        sfreq = POLYGRAPH.streams[packet.stream].sfreq
        assert due_s == (packet.index + packet.counts.shape[1] - 1) / sfreq


def test_a_slow_stream_keeps_within_two_seconds_of_a_fast_one():
    _, packets, _ = play(Firmware(POLYGRAPH, NIGHT, boot_id=1))
    ends = [0.0, 0.0]
    for packet in packets:
        sfreq = POLYGRAPH.streams[packet.stream].sfreq
        ends[packet.stream] = (packet.index + packet.counts.shape[1]) / sfreq
        assert abs(ends[0] - ends[1]) < 2.0


def test_ticks_are_those_of_the_first_sample_and_wrap():
    stream = Stream(1.0, channels(1))
    hours = np.zeros((1, 40 * 3600), np.int16)
    firmware = Firmware(Montage((stream,)), [hours], boot_id=1)
    late = 37 * 3600
    _, packets, _ = play(firmware, since_s=late)
    assert packets[0].index == late
    assert packets[0].ticks == late * 32768 - 2**32


def test_only_the_streams_asked_for_are_sent():
    firmware = Firmware(POLYGRAPH, NIGHT, boot_id=1)
    _, packets, _ = play(firmware, request=b"\x01\x02\x00\x00\x00")
    assert {packet.stream for packet in packets} == {1}


def test_the_battery_is_told_every_ten_seconds_and_sinks():
    _, _, frames = play(Firmware(POLYGRAPH, NIGHT, boot_id=1))
    told = [frame for frame in frames if frame.char == diy.STATUS]
    assert [frame.due_s for frame in told] == [0, 10, 20, 30, 40]
    assert diy.decode_status(told[0].payload) == Battery(100)
    stream = Stream(1.0, channels(1))
    night = np.zeros((1, 8 * 3600), np.int16)
    _, _, frames = play(Firmware(Montage((stream,)), [night], boot_id=1))
    last = [frame for frame in frames if frame.char == diy.STATUS][-1]
    assert diy.decode_status(last.payload).percent == 33


@given(st.binary(max_size=8), MTUS)
def test_any_request_is_answered_with_its_operation(request_bytes, mtu):
    status, payload = Firmware(POLYGRAPH, NIGHT, boot_id=1).control(request_bytes, mtu)
    operation = request_bytes[0] if request_bytes else 0
    assert payload == bytes([operation | 0x80, status])


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x02", 0),
        (b"\x08", 0),
        (b"", diy.UNKNOWN_OPERATION),
        (b"\x06", diy.UNKNOWN_OPERATION),
        (b"\x01", diy.BAD_ARGUMENTS),
        (b"\x01\x00\x00\x00\x00", diy.BAD_ARGUMENTS),
        (b"\x01\x04\x00\x00\x00", diy.BAD_ARGUMENTS),
    ],
)
def test_what_the_firmware_cannot_do_is_said(request_bytes, status):
    firmware = Firmware(POLYGRAPH, NIGHT, boot_id=1)
    assert firmware.control(request_bytes, 517).status == status


@pytest.mark.parametrize(
    ("stream", "counts", "message"),
    [
        (Stream(100 / 3, channels(1)), np.zeros((1, 9), int), "millihertz"),
        (Stream(100.0, channels(1)), np.full((1, 9), 2**15), "beyond"),
        (Stream(100.0, channels(2)), np.zeros((1, 9), int), "shape"),
        (Stream(100.0, channels(1)), np.zeros((1, 0), int), "shape"),
        (Stream(100.0, channels(29)), np.zeros((29, 9), int), "too many channels"),
    ],
)
def test_a_recording_the_profile_cannot_carry_is_refused(stream, counts, message):
    with pytest.raises(RecordingError, match=message):
        Firmware(Montage((stream,)), [counts], boot_id=1)


def test_the_recording_ends_with_its_longest_stream():
    firmware = Firmware(POLYGRAPH, [NIGHT[0], NIGHT[1][:, :40]], boot_id=1)
    assert firmware.duration_s == 44.99
