"""What every driver keeps to, whatever its headband."""

import inspect
from typing import get_args

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.packets import Decoded, Motion, SamplePacket
from gateway.drivers import Listen
from gateway.errors import ConfigError, DecodeError, LinkError
from gateway.preprocessing.derivation import parse_derivation
from tests.drivers.examples import LONGEST, UUID, example_of, shake
from tests.support.example_plugin import two_channel

DRIVERS = {name: drivers.load(name) for name in drivers.PLUGINS.own_names()}
DRIVERS["two_channel"] = two_channel.DRIVER  # of docs/examples/plugin


@pytest.fixture(params=DRIVERS.values(), ids=DRIVERS)
def driver(request):
    return request.param


def session(driver):
    """Return a decoder, what it decodes, and the montage it decodes for."""
    answer, notifications = example_of(driver.name)
    info = shake(driver, answer)
    return driver.decoder(info), notifications, info.montage


def same(values, others):
    assert list(map(type, values)) == list(map(type, others))
    for value, other in zip(values, others, strict=True):
        if isinstance(value, SamplePacket):
            assert (value.stream, value.index) == (other.stream, other.index)
            np.testing.assert_array_equal(value.counts, other.counts)
        elif isinstance(value, Motion):
            np.testing.assert_array_equal(value.acc_g, other.acc_g)
        else:
            assert value == other


def test_there_is_a_driver():
    assert "diy" in drivers.names()


def test_an_unknown_driver_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no 'moose'; there are .*diy"):
        drivers.load("moose")


def test_a_driver_is_called_what_the_configuration_calls_it(driver):
    assert DRIVERS[driver.name] is driver


def test_uuids_are_written_as_the_radio_reports_them(driver):
    for uuid in (driver.service, *driver.notify, *(w.char for w in driver.stop)):
        assert UUID.fullmatch(uuid)
    assert driver.notify


def test_every_driver_brings_an_example(driver):
    answer, notifications = example_of(driver.name)
    assert callable(answer)
    assert notifications


def test_a_session_as_in_the_example_yields_microvolts(driver):
    decoder, notifications, montage = session(driver)
    decoded = [d for n in notifications for d in decoder.feed(n)]
    packets = [d for d in decoded if isinstance(d, SamplePacket)]
    assert packets
    for packet in packets:
        stream = montage.streams[packet.stream]
        assert packet.counts.dtype == np.int32
        assert packet.counts.shape[0] == len(stream.channels)
        assert 0 <= packet.index < stream.index_modulus
        assert packet.t_rx == notifications[-1].t_rx
        assert np.isfinite(stream.to_microvolts(packet.counts)).all()


def test_counts_are_scaled_to_what_electrodes_give(driver):
    _, _, montage = session(driver)
    for channel in (c for stream in montage.streams for c in stream.channels):
        assert channel.digital_min <= channel.zero <= channel.digital_max
        if not driver.uncalibrated:
            assert 1e-3 <= abs(channel.lsb_uv) <= 1
            span_uv = (channel.digital_max - channel.digital_min) * abs(channel.lsb_uv)
            assert 400 <= span_uv <= 1e6


def test_derivations_can_be_read_and_one_gives_an_eeg(driver):
    _, _, montage = session(driver)
    labels = frozenset(c.label for stream in montage.streams for c in stream.channels)
    given_eeg = driver.name == "diy"  # which names its channels as the model does
    for wanted, texts in driver.derivations.items():
        for text in texts:
            try:
                assert parse_derivation(wanted, text, labels).weights
            except ConfigError as error:  # a larger kind has these
                assert "no channel" in str(error)
            else:
                given_eeg |= wanted.startswith("EEG")
    assert given_eeg


def test_what_keeps_it_alive_is_written_in_time(driver):
    if driver.keep_alive is not None:
        assert UUID.fullmatch(driver.keep_alive.write.char)
        assert driver.keep_alive.write.payload
        assert 0 < driver.keep_alive.every_s <= 60


def test_it_is_not_taken_for_another(driver):
    present = {*driver.notify, *driver.also_notify}
    assert driver.recognises(present)
    assert not driver.recognises(set())
    others = [other for other in DRIVERS.values() if other is not driver]
    assert not [other.name for other in others if other.recognises(present)]


@pytest.mark.parametrize("name", DRIVERS)
@settings(max_examples=60)
@given(data=st.data())
def test_noise_is_a_decode_error_and_nothing_else(name, data):
    decoder, (notification, *_), _ = session(DRIVERS[name])
    payload = data.draw(st.binary(max_size=len(notification.payload) + 4))
    decode_or_refuse(decoder, notification._replace(payload=payload))


@pytest.mark.parametrize("name", DRIVERS)
@settings(max_examples=60)
@given(data=st.data())
def test_a_flipped_bit_is_a_value_or_a_decode_error(name, data):
    decoder, notifications, _ = session(DRIVERS[name])
    notification = data.draw(st.sampled_from(notifications))
    payload = bytearray(notification.payload)
    bit = data.draw(st.integers(0, 8 * len(payload) - 1))
    payload[bit // 8] ^= 1 << bit % 8
    decode_or_refuse(decoder, notification._replace(payload=bytes(payload)))


@pytest.mark.parametrize("name", DRIVERS)
@settings(max_examples=60)
@given(data=st.data())
def test_after_what_was_refused_all_goes_on_as_before(name, data):
    decoder, notifications, _ = session(DRIVERS[name])
    untroubled, _, _ = session(DRIVERS[name])
    size = len(notifications[0].payload)
    for good in notifications:
        for junk in data.draw(st.lists(st.binary(max_size=size), max_size=2)):
            if not refused(decoder, good._replace(payload=junk)):
                list(untroubled.feed(good._replace(payload=junk)))
        cut = good._replace(payload=good.payload[: data.draw(st.integers(0, size - 1))])
        if not refused(decoder, cut):
            list(untroubled.feed(cut))
        same(list(decoder.feed(good)), list(untroubled.feed(good)))


def decode_or_refuse(decoder, notification):
    try:
        for decoded in decoder.feed(notification):
            assert isinstance(decoded, get_args(Decoded))
    except DecodeError as error:
        assert error.payload == notification.payload


def refused(decoder, notification):
    try:
        list(decoder.feed(notification))
    except DecodeError:
        return True
    return False


@pytest.mark.parametrize("name", DRIVERS)
@example(noise=[b""])  # it does not answer at all
@example(noise=[b"", b'\x13{"ap":"bootloader"}'])
@given(noise=st.lists(st.binary(max_size=64), min_size=1, max_size=4))
def test_a_handshake_refuses_noise_with_a_decode_error_and_comes_to_an_end(name, noise):
    handshake = DRIVERS[name].handshake()
    assert inspect.isgenerator(handshake)
    next(handshake)
    try:
        for _ in range(LONGEST):
            for answer in noise:
                handshake.send(answer)
    except (DecodeError, LinkError, StopIteration):
        assert inspect.getgeneratorstate(handshake) == inspect.GEN_CLOSED
    else:
        pytest.fail("it never ends")


def test_a_silent_headband_is_given_up_within_two_minutes(driver):
    waited_s = 0.0

    def silence(request):
        nonlocal waited_s
        waited_s += request.timeout_s if isinstance(request, Listen) else 0.0
        return b""

    with pytest.raises(DecodeError):
        shake(driver, silence)
    assert waited_s < 120
