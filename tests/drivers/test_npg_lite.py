"""The NPG Lite: a layout that must be seen, a count that comes round at once."""

import csv

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.assembler import Assembler
from gateway.acquisition.packets import Battery, Notification, SamplePacket
from gateway.drivers import Listen, Write, npg_lite
from gateway.drivers.npg_lite import decode, decode_battery, encode
from gateway.errors import ConfigError, DecodeError

LAYOUTS = [(3, 10), (6, 10), (3, 20), (6, 20), (3, 25), (6, 25)]
CAPTURE = "captures/npg-lite/rest_trial1_20260728-151157_merged_DACE.csv"


def samples(n_channels, n_samples, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 4096, (n_channels, n_samples), dtype=np.int32)


def batches(n_channels, n_samples, n, *, sfreq=None, start=0):
    """Cut `n` notifications; each arrives when its last sample exists."""
    sfreq = sfreq or npg_lite.SFREQ[n_samples]
    return [
        Notification(
            npg_lite.DATA,
            encode(samples(n_channels, n_samples, at), start + at * n_samples),
            (at + 1) * n_samples / sfreq,
        )
        for at in range(n)
    ]


def info_of(notification):
    handshake = npg_lite.handshake()
    next(handshake)
    assert handshake.send(b"") == Listen(npg_lite.DATA, npg_lite.WAIT_S)
    with pytest.raises(StopIteration) as done:
        handshake.send(notification.payload)
    return done.value.value


def decoded(notifications):
    decoder = npg_lite.decoder(info_of(notifications[0]))
    return [value for n in notifications for value in decoder.feed(n)]


@pytest.mark.parametrize(("n_channels", "n_samples"), LAYOUTS)
def test_the_layout_is_seen_in_a_notification(n_channels, n_samples):
    first, *_ = batches(n_channels, n_samples, 1, start=250)
    assert len(first.payload) == n_samples * (1 + 2 * n_channels)
    (stream,) = info_of(first).montage.streams
    assert len(stream.channels) == n_channels
    assert stream.sfreq == (250.0 if n_samples == 25 else 500.0)
    assert stream.rough_rate


def test_no_two_layouts_are_of_a_length():
    lengths = [n_samples * (1 + 2 * n_channels) for n_channels, n_samples in LAYOUTS]
    assert len(set(lengths)) == len(lengths)


@given(st.sampled_from(LAYOUTS), st.integers(0, 255), st.data())
def test_a_notification_is_read_back_to_the_last_bit(layout, counter, data):
    counts = samples(*layout, data.draw(st.integers(0, 999)))
    found, back = decode(encode(counts, counter), layout[0])
    assert found == counter
    np.testing.assert_array_equal(back, counts)
    assert back.dtype == np.int32


def test_the_wire_is_the_published_one():
    payload = encode(np.array([[1, 2], [256, 4095], [0, 2048]], np.int32), 255)
    assert payload == bytes.fromhex("ff 0001 0100 0000  00 0002 0fff 0800")


@given(st.sampled_from(LAYOUTS), st.data())
def test_a_flipped_bit_in_a_count_of_samples_is_refused(layout, data):
    n_channels, n_samples = layout
    payload = bytearray(encode(samples(*layout), 17))
    at = data.draw(st.integers(0, n_samples - 1)) * (1 + 2 * n_channels)
    payload[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DecodeError, match="one by one"):
        decode(bytes(payload), n_channels)


@given(st.sampled_from(LAYOUTS), st.data())
def test_a_shortened_notification_is_refused(layout, data):
    payload = encode(samples(*layout), 17)
    cut = data.draw(st.integers(0, len(payload) - 1))
    whole = [n * (1 + 2 * channels) for channels, n in LAYOUTS if channels == layout[0]]
    assume(cut not in whole)  # half of twenty samples are ten
    with pytest.raises(DecodeError):
        decode(payload[:cut], layout[0])


def test_more_than_any_converter_of_12_bits_gives_is_refused():
    payload = bytearray(encode(samples(3, 10), 0))
    payload[1] = 0x20
    with pytest.raises(DecodeError, match="12-bit"):
        decode(bytes(payload), 3)
    with pytest.raises(ValueError, match="8192"):
        encode(np.full((3, 10), 8192, np.int32), 0)


def test_a_real_recording_loses_nothing(shared_data):
    with (shared_data / CAPTURE).open() as file:
        rows = list(csv.reader(file))[1:]
    times = np.array([float(row[0]) for row in rows])
    counters = np.array([int(row[1]) for row in rows])
    assert (np.diff(counters) % 256 == 1).all()
    notifications = []
    for at in range(0, len(rows), 20):
        assert len(set(times[at : at + 20])) == 1  # they came together
        raw = encode(samples(3, 20, at), int(counters[at]))
        notifications.append(Notification(npg_lite.DATA, raw, times[at]))
    info = info_of(notifications[0])
    assembler = Assembler(info.montage)
    assembler.link_up(info)
    for packet in decoded(notifications):
        list(assembler.push_packet(packet))
    counts = assembler.loss_counts()
    assert counts.packets == len(notifications)
    assert (counts.lost_s, counts.late_packets, counts.bad_packets) == (
        0.0,
        0,
        0,
    )
    sfreq = (len(rows) - 20) / (times[-1] - times[0])
    assert sfreq == pytest.approx(500.1, abs=0.5)


@settings(max_examples=25)
@given(
    st.sampled_from(LAYOUTS),
    st.integers(1, 300),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.998, 1.0, 1.002]),
)
def test_a_hole_longer_than_a_round_of_the_count_is_measured(layout, n, seed, fast):
    """However late the radio is: 0.25 s, a quarter more than was ever measured."""
    n_channels, n_samples = layout
    sfreq = npg_lite.SFREQ[n_samples] * fast
    notifications = batches(n_channels, n_samples, 60 + n, sfreq=sfreq, start=3)
    late = np.random.default_rng(seed).uniform(0, 0.25, len(notifications))
    t, received = 0.0, []
    for at, notification in enumerate(notifications):
        t = max(t, notification.t_rx + late[at])  # they stay in order
        if not 20 <= at < 20 + n:
            received.append(notification._replace(t_rx=t))
    expected = [3 + at * n_samples for at in range(60 + n) if not 20 <= at < 20 + n]
    assert [p.index for p in decoded(received)] == expected


def test_a_notification_that_comes_twice_counts_once():
    notifications = batches(3, 10, 8)
    twice = [n for n in notifications for _ in (0, 1)]
    assert [p.index for p in decoded(twice)] == list(range(0, 80, 10))


@given(st.integers(0, 100))
def test_the_charge_is_read(percent):
    decoder = npg_lite.decoder(info_of(batches(3, 10, 1)[0]))
    charge = Notification(npg_lite.BATTERY, bytes([percent]), 1.0)
    assert list(decoder.feed(charge)) == [Battery(percent)]


@pytest.mark.parametrize("payload", [b"", bytes([101]), b"\x01\x02"])
def test_what_is_no_charge_is_refused(payload):
    with pytest.raises(DecodeError, match="per cent"):
        decode_battery(payload)


def test_another_characteristic_has_no_samples():
    decoder = npg_lite.decoder(info_of(batches(3, 10, 1)[0]))
    with pytest.raises(DecodeError, match="0000ff01"):
        list(decoder.feed(Notification(npg_lite.CONTROL, b"RUNNING", 0.0)))


def test_the_handshake_starts_it_and_outlives_a_torn_first_notification():
    handshake = npg_lite.handshake()
    assert next(handshake) == Write(npg_lite.CONTROL, b"START")
    whole = encode(samples(6, 10), 0)
    assert isinstance(handshake.send(b""), Listen)
    assert isinstance(handshake.send(whole[:40]), Listen)
    with pytest.raises(StopIteration) as done:
        handshake.send(whole)
    assert len(done.value.value.montage.streams[0].channels) == 6


@pytest.mark.parametrize(("answer", "word"), [(b"", "charge"), (bytes(70), "newer")])
def test_a_board_that_sends_no_samples_is_distinguished_from_a_silent_one(answer, word):
    handshake = npg_lite.handshake()
    next(handshake)
    for _ in range(npg_lite.TRIES):
        assert isinstance(handshake.send(answer), Listen)
    with pytest.raises(DecodeError, match=word):
        handshake.send(answer)


@pytest.mark.parametrize(
    "name",
    ["NPG-Lite-3CH:AA", "NPG-Lite-6CH:AA", "NPG-9C:9E", "NPG-LITE", "NPG-Lite-Band"],
)
def test_it_is_recognised_by_any_of_its_names(name):
    assert npg_lite.DRIVER.may_be(name, [])


def test_its_microvolts_come_from_the_configuration():
    driver = drivers.calibrated(npg_lite.DRIVER, 0.25)
    handshake = driver.handshake()
    assert next(handshake) == Write(npg_lite.CONTROL, b"START")
    handshake.send(b"")
    payload = encode(np.full((3, 10), 2048 + 400, np.int32), 0)
    with pytest.raises(StopIteration) as done:
        handshake.send(payload)
    info = done.value.value
    (packet,) = driver.decoder(info).feed(Notification(npg_lite.DATA, payload, 0.0))
    assert (info.montage.streams[0].to_microvolts(packet.counts) == 100.0).all()


def test_without_its_microvolts_it_is_refused_and_with_others_too():
    with pytest.raises(ConfigError, match="lsb_uv: missing: npg_lite"):
        drivers.calibrated(npg_lite.DRIVER, None)
    with pytest.raises(ConfigError, match="lsb_uv: diy says it itself"):
        drivers.calibrated(drivers.load("diy"), 0.25)
    assert drivers.calibrated(drivers.load("diy"), None) is drivers.load("diy")


def test_samples_at_the_rails_are_at_the_channels_rails():
    (packet,) = decoded(
        [Notification(npg_lite.DATA, encode(np.tile([0, 4095], (3, 5)), 0), 0.0)]
    )
    assert isinstance(packet, SamplePacket)
    (stream,) = npg_lite.montage(3, 10).streams
    channel = stream.channels[0]
    assert packet.counts.min() == channel.digital_min
    assert packet.counts.max() == channel.digital_max
