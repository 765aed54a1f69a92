"""What every driver keeps to, whatever its headband."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import drivers
from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Notification, SamplePacket
from gateway.drivers import Read, Write, diy
from gateway.errors import ConfigError, DecodeError

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def diy_example():
    channels = tuple(Channel(label, Modality.EEG, 0.5) for label in ("AF7", "AF8"))
    montage = Montage((Stream(256.0, channels),))
    info = diy.DiyInfo(montage, 32768.0, boot_id=1, stream_ids=(0,))
    counts = np.arange(20, dtype=np.int32).reshape(2, 10)
    frame = diy.encode(info, SamplePacket(0, 0, counts, 0.0, 0))
    return [diy.encode_info(info, (10,)), b""], Notification(diy.DATA, frame, 1.0)


EXAMPLES = {"diy": diy_example}  # answers to a handshake, and one notification


@pytest.fixture(params=drivers.names())
def driver(request):
    return drivers.load(request.param)


def shake(driver, answers):
    handshake = driver.handshake()
    request = next(handshake)
    for answer in answers:
        assert isinstance(request, Read | Write)
        assert UUID.fullmatch(request.char)
        try:
            request = handshake.send(answer)
        except StopIteration as done:
            return done.value
    return pytest.fail(f"{driver.name} asks for more than its example answers")


def test_there_is_a_driver():
    assert "diy" in drivers.names()


def test_an_unknown_driver_names_those_there_are():
    with pytest.raises(ConfigError, match=r"no 'moose'; there are .*diy"):
        drivers.load("moose")


def test_a_driver_is_called_what_the_configuration_calls_it(driver):
    assert driver.name in drivers.names()
    assert drivers.load(driver.name) is driver


def test_uuids_are_written_as_the_radio_reports_them(driver):
    for uuid in (driver.service, *driver.notify, *(w.char for w in driver.stop)):
        assert UUID.fullmatch(uuid)
    assert driver.notify


def test_every_driver_brings_an_example(driver):
    assert driver.name in EXAMPLES


def test_a_session_as_in_the_example_yields_microvolts(driver):
    answers, notification = EXAMPLES[driver.name]()
    info = shake(driver, answers)
    decoded = list(driver.decoder(info).feed(notification))
    packets = [d for d in decoded if isinstance(d, SamplePacket)]
    assert packets
    for packet in packets:
        stream = info.montage.streams[packet.stream]
        assert packet.counts.dtype == np.int32
        assert packet.counts.shape[0] == len(stream.channels)
        assert 0 <= packet.index < stream.index_modulus
        assert packet.t_rx == notification.t_rx
        assert np.isfinite(stream.to_microvolts(packet.counts)).all()


@pytest.mark.parametrize("name", drivers.names())
@given(data=st.data())
def test_noise_is_a_decode_error_and_nothing_else(name, data):
    driver = drivers.load(name)
    answers, example = EXAMPLES[name]()
    decoder = driver.decoder(shake(driver, answers))
    payload = data.draw(st.binary(max_size=len(example.payload) + 4))
    try:
        for decoded in decoder.feed(example._replace(payload=payload)):
            assert decoded is not None
    except DecodeError as error:
        assert error.payload == payload


@pytest.mark.parametrize("name", drivers.names())
@given(answer=st.binary(max_size=64))
def test_a_handshake_refuses_noise_with_a_decode_error(name, answer):
    handshake = drivers.load(name).handshake()
    assert inspect.isgenerator(handshake)
    next(handshake)
    try:
        handshake.send(answer)
    except (DecodeError, StopIteration):
        assert inspect.getgeneratorstate(handshake) == inspect.GEN_CLOSED
