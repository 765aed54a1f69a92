"""The simulated OSB 1 headband plays a recording exactly, at any MTU, in due time."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Battery, Notification, SamplePacket
from gateway.drivers import diy
from gateway.errors import ConfigError, RecordingError
from gateway.recordings.recording import Recording
from sim.device import DeviceSettings, Reaction
from sim.devices.diy import DiyDevice, device

LSB_UV = float(np.float32(1e-7)) * 1e6
START = b"\x01\x03\x00\x00\x00"
STARTED = Reaction(replies=((diy.CONTROL, b"\x81\x00"),), streaming=True)
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


def play(device, request=None, since_s=0.0, mtu=517):
    """Return the counts per stream, the packets and the frames, as decoded."""
    info = diy.decode_info(device.read(diy.INFO, since_s))
    decoder = diy.decoder(info)
    device.connected()
    every_stream = (1 << len(info.stream_ids)) - 1
    request = request or bytes([diy.START, every_stream, 0, 0, 0])
    assert device.write(diy.CONTROL, request, mtu, since_s) == STARTED
    frames = list(device.frames(since_s, mtu))
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
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=77)
    info = diy.decode_info(device.read(diy.INFO, 0.0))
    assert info == device.info
    assert (info.montage, info.tick_hz, info.boot_id) == (POLYGRAPH, 32768.0, 77)


def test_another_montage_has_another_configuration_id():
    other = Montage(POLYGRAPH.streams[:1])
    ids = {
        DiyDevice(montage, NIGHT[:n], boot_id=1).info.config_id
        for montage, n in ((POLYGRAPH, 2), (other, 1))
    }
    assert len(ids) == 2


def arrives_whole(device, recording, mtu):
    counts, _, frames = play(device, mtu=mtu)
    for arrived, played in zip(counts, recording, strict=True):
        np.testing.assert_array_equal(arrived, played)
    assert max(len(frame.payload) for frame in frames) <= mtu - 3


def test_at_every_mtu_the_recording_arrives_whole():
    recording = [counts[:, :200] for counts in NIGHT]
    device = DiyDevice(POLYGRAPH, recording, boot_id=1, batch_s=3.0)
    for mtu in range(23, 518):
        arrives_whole(device, recording, mtu)


@given(MTUS, st.floats(0.01, 3), st.booleans())
def test_at_any_batching_the_recording_arrives_whole(mtu, batch_s, crc):
    mtu = max(mtu, 25) if crc else mtu
    recording = [counts[:, :500] for counts in NIGHT]
    device = DiyDevice(POLYGRAPH, recording, boot_id=1, batch_s=batch_s, crc=crc)
    arrives_whole(device, recording, mtu)


@given(st.integers(1, 8), st.sampled_from([16, 24]), MTUS)
def test_a_headband_either_fits_the_mtu_or_says_so(n_channels, bits, mtu):
    stream = Stream(256.0, channels(n_channels, bits))
    recording = noise(stream, 0.3)
    device = DiyDevice(Montage((stream,)), [recording], boot_id=1)
    request = b"\x01\x01\x00\x00\x00"
    if mtu - 3 - 12 < n_channels * bits // 8:
        reaction = device.write(diy.CONTROL, request, mtu, 0.0)
        assert reaction == Reaction(diy.MTU_TOO_SMALL)
    else:
        counts, _, _ = play(device, request, mtu=mtu)
        np.testing.assert_array_equal(counts[0], recording)


@given(st.floats(0, 50), MTUS)
def test_after_an_absence_the_index_says_where_the_night_is(since_s, mtu):
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=1)
    counts, packets, _ = play(device, since_s=since_s, mtu=mtu)
    for s, stream in enumerate(POLYGRAPH.streams):
        first = next((p.index for p in packets if p.stream == s), None)
        if first is not None:
            assert since_s - 1e-6 <= first / stream.sfreq < since_s + 1 / stream.sfreq
            np.testing.assert_array_equal(counts[s], NIGHT[s][:, first:])
        else:
            assert since_s * stream.sfreq > NIGHT[s].shape[1] - 1


def test_frames_come_in_order_and_not_before_their_last_sample():
    _, packets, frames = play(DiyDevice(POLYGRAPH, NIGHT, boot_id=1))
    assert all(a.due_s <= b.due_s for a, b in itertools.pairwise(frames))
    due = [frame.due_s for frame in frames if frame.char == diy.DATA]
    for due_s, packet in zip(due, packets, strict=True):
        sfreq = POLYGRAPH.streams[packet.stream].sfreq
        assert due_s == (packet.index + packet.counts.shape[1] - 1) / sfreq


def test_a_slow_stream_keeps_within_two_seconds_of_a_fast_one():
    _, packets, _ = play(DiyDevice(POLYGRAPH, NIGHT, boot_id=1))
    ends = [0.0, 0.0]
    for packet in packets:
        sfreq = POLYGRAPH.streams[packet.stream].sfreq
        ends[packet.stream] = (packet.index + packet.counts.shape[1]) / sfreq
        assert abs(ends[0] - ends[1]) < 2.0


def test_ticks_are_those_of_the_first_sample_and_wrap():
    stream = Stream(1.0, channels(1))
    hours = np.zeros((1, 40 * 3600), np.int16)
    device = DiyDevice(Montage((stream,)), [hours], boot_id=1)
    late = 37 * 3600
    _, packets, _ = play(device, since_s=late)
    assert packets[0].index == late
    assert packets[0].ticks == late * 32768 - 2**32


def test_only_the_streams_asked_for_are_sent():
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=1)
    _, packets, _ = play(device, request=b"\x01\x02\x00\x00\x00")
    assert {packet.stream for packet in packets} == {1}


def test_the_battery_is_reported_every_ten_seconds_and_sinks():
    _, _, frames = play(DiyDevice(POLYGRAPH, NIGHT, boot_id=1))
    told = [frame for frame in frames if frame.char == diy.STATUS]
    assert [frame.due_s for frame in told] == [0, 10, 20, 30, 40]
    assert diy.decode_status(told[0].payload) == Battery(100)
    stream = Stream(1.0, channels(1))
    night = np.zeros((1, 8 * 3600), np.int16)
    _, _, frames = play(DiyDevice(Montage((stream,)), [night], boot_id=1))
    last = [frame for frame in frames if frame.char == diy.STATUS][-1]
    assert diy.decode_status(last.payload).percent == 33


@given(st.binary(max_size=8), MTUS)
def test_any_request_is_refused_or_answered_with_its_operation(request_bytes, mtu):
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=1)
    reaction = device.write(diy.CONTROL, request_bytes, mtu, 0.0)
    if reaction.status:
        assert reaction == Reaction(reaction.status)
    else:
        answer = bytes([request_bytes[0] | 0x80, 0])
        assert reaction.replies == ((diy.CONTROL, answer),)


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
def test_what_the_device_cannot_do_is_reported(request_bytes, status):
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=1)
    assert device.write(diy.CONTROL, request_bytes, 517, 0.0).status == status


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
        DiyDevice(Montage((stream,)), [counts], boot_id=1)


def test_a_new_connection_has_nothing_switched_on():
    device = DiyDevice(POLYGRAPH, NIGHT, boot_id=1)
    assert device.write(diy.CONTROL, START, 517, 0.0).streaming
    device.connected()
    assert not [f for f in device.frames(0.0, 517) if f.char == diy.DATA]


def test_a_true_rate_is_refused_in_favour_of_drift():
    night = Recording(name="n", montage=POLYGRAPH, counts=tuple(NIGHT))
    with pytest.raises(ConfigError, match="drift_ppm"):
        device(night, DeviceSettings(sfreq_hz=100.5))
    assert device(night, DeviceSettings(name="mine")).name == "mine"


def test_the_recording_ends_with_its_longest_stream():
    device = DiyDevice(POLYGRAPH, [NIGHT[0], NIGHT[1][:, :40]], boot_id=1)
    assert device.duration_s == 44.99
