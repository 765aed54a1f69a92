"""The simulated classic Muse, as its driver sees it."""

import numpy as np
import pytest

from gateway.acquisition.packets import Battery, Motion, SamplePacket
from gateway.drivers import muse_classic
from gateway.drivers.muse_classic.control import CONTROL, command
from gateway.errors import ConfigError, LinkError
from sim.device import DeviceSettings
from sim.devices import load
from sim.devices.muse_classic import ClassicDevice

DRIVER = muse_classic.DRIVER
SECONDS = 180


def counts(sfreq=256.0, seconds=SECONDS):
    dice = np.random.default_rng(7)
    return dice.integers(0, 4096, (5, int(seconds * sfreq)), np.int32)


def samples(values):
    return [value for value in values if isinstance(value, SamplePacket)]


@pytest.mark.parametrize("sfreq_hz", [None, 256.26])
def test_every_sample_arrives_as_it_was_recorded(talk, sfreq_hz):
    given = counts(sfreq_hz or 256.0)
    talking = talk(ClassicDevice(given, DeviceSettings(sfreq_hz=sfreq_hz)), mtu=23)
    info = talking.shake_hands(DRIVER)
    talking.listen(30, DRIVER.keep_alive)
    values = talking.decoded(DRIVER, info)
    packets = samples(values)
    first = packets[0].index
    assert [p.index for p in packets] == [first + 12 * i for i in range(len(packets))]
    arrived = np.concatenate([p.counts for p in packets], axis=1)
    end = first + arrived.shape[1]
    np.testing.assert_array_equal(arrived, given[:4, first:end])
    assert end == pytest.approx(talking.now_s * (sfreq_hz or 256.0), abs=13)
    assert {v for v in values if isinstance(v, Battery)} == {Battery(100)}
    motion = [value for value in values if isinstance(value, Motion)]
    assert sum(m.acc_g.shape[1] for m in motion) == pytest.approx(30 * 52, abs=60)


def test_with_the_aux_there_are_five_channels(talk):
    given = counts()
    driver = muse_classic.driver(muse_classic.FIVE)
    talking = talk(ClassicDevice(given, DeviceSettings()))
    info = talking.shake_hands(driver)
    talking.listen(2)
    (first, *_) = samples(talking.decoded(driver, info))
    at = slice(first.index, first.index + 12)
    np.testing.assert_array_equal(first.counts, given[:, at])


def test_without_keep_alive_it_starves_and_with_it_does_not(talk):
    lasted = []
    for keep_alive in (None, DRIVER.keep_alive):
        talking = talk(ClassicDevice(counts(), DeviceSettings(starves_s=60.0)))
        info = talking.shake_hands(DRIVER)
        began_s = talking.now_s
        talking.listen(150, keep_alive)
        last = samples(talking.decoded(DRIVER, info))[-1]
        lasted.append(last.t_rx - began_s)
    assert lasted == [pytest.approx(60, abs=3), pytest.approx(150, abs=1)]


def test_what_starved_streams_again_after_another_handshake(talk):
    device = ClassicDevice(counts(), DeviceSettings(starves_s=20.0))
    first = talk(device)
    first.shake_hands(DRIVER)
    first.listen(60)
    second = talk(device)
    second.now_s = first.now_s
    info = second.shake_hands(DRIVER)
    second.listen(5)
    assert samples(second.decoded(DRIVER, info))[0].index > 60 * 256


def test_it_leaves_its_bootloader_when_asked(talk):
    device = ClassicDevice(counts(), DeviceSettings(firmware="bootloader"))
    first = talk(device)
    with pytest.raises(LinkError, match="bootloader"):
        first.shake_hands(DRIVER)
    assert first.hung_up
    assert talk(device).shake_hands(DRIVER).firmware == "1.2.13"


def test_it_halts_when_asked(talk):
    talking = talk(ClassicDevice(counts(), DeviceSettings()))
    talking.shake_hands(DRIVER)
    for write in DRIVER.stop:
        talking.answer(write)
    n_before = len(talking.notifications)
    talking.listen(10)
    assert len(talking.notifications) == n_before


def test_it_refuses_what_it_does_not_know_and_ignores_what_is_no_command():
    device = ClassicDevice(counts(seconds=1), DeviceSettings())
    ((char, reply),) = device.write(CONTROL, command("p99"), 23, 0.0).replies
    assert (char, reply[: 1 + reply[0]]) == (CONTROL, b'\x08{"rc":1}')
    assert device.write(CONTROL, b"\xff\x00", 23, 0.0) == ((0, (), None, False))
    with pytest.raises(LookupError):
        device.read(CONTROL, 0.0)


def test_an_unknown_firmware_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"1\.2\.13, bootloader"):
        load("muse_classic")(None, DeviceSettings(firmware="9"))
