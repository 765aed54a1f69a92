"""The simulated Ganglion, as its driver sees it."""

from itertools import pairwise

import numpy as np
import pytest

from gateway.acquisition.packets import Motion, SamplePacket
from gateway.drivers import Read, Write, ganglion
from gateway.errors import ConfigError
from sim.device import DeviceSettings
from sim.devices import load
from sim.devices.ganglion import FIRMWARE, GanglionDevice
from sim.night.synthetic_night import synthetic_night

DRIVER = ganglion.DRIVER
SECONDS = 40


def counts(sfreq=200.0, seconds=SECONDS):
    steps = np.random.default_rng(5).integers(-900, 901, (4, int(seconds * sfreq)))
    return np.cumsum(steps, axis=1).astype(np.int32)


def arrived(values):
    """Return the index of the first sample, and all of them; none may be missing."""
    packets = [value for value in values if isinstance(value, SamplePacket)]
    for packet, following in pairwise(packets):
        assert following.index == packet.index + packet.counts.shape[1]
    return packets[0].index, np.concatenate([p.counts for p in packets], axis=1)


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("sfreq_hz", [None, 200.4])
def test_every_sample_arrives_as_its_firmware_sends_it(talk, firmware, sfreq_hz):
    given = counts(sfreq_hz or 200.0)
    knobs = DeviceSettings(firmware=firmware, sfreq_hz=sfreq_hz)
    talking = talk(GanglionDevice(given, knobs), mtu=23)
    info = talking.shake_hands(DRIVER)
    assert info.firmware == firmware
    talking.listen(30)
    _, found = arrived(talking.decoded(DRIVER, info))
    n = found.shape[1]
    assert n == pytest.approx(30 * (sfreq_hz or 200.0), abs=3)
    if firmware == "3.0.0":
        np.testing.assert_array_equal(found, given[:, :n] // 32 * 32)
    else:
        assert np.abs(found - given[:, :n]).max() <= 200
        np.testing.assert_array_equal(found[:, ::201], given[:, :n:201])


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_started_late_it_begins_with_what_is_sampled_then(talk, firmware):
    given = counts()
    talking = talk(
        GanglionDevice(given, DeviceSettings(firmware=firmware, skip_s=12.345))
    )
    info = talking.shake_hands(DRIVER)
    talking.listen(5)
    _, found = arrived(talking.decoded(DRIVER, info))
    n = found.shape[1]
    assert np.abs(found - given[:, 2469 : 2469 + n]).max() <= 200


@pytest.mark.parametrize("firmware", FIRMWARE)
def test_the_accelerometer_is_switched_on_by_a_letter(talk, firmware):
    given = counts()
    talking = talk(GanglionDevice(given, DeviceSettings(firmware=firmware)))
    talking.answer(Write(ganglion.SEND, b"n"))
    info = talking.shake_hands(DRIVER)
    talking.listen(10)
    values = talking.decoded(DRIVER, info)
    _, found = arrived(values)
    assert np.abs(found - given[:, : found.shape[1]]).max() <= 200
    motions = [value for value in values if isinstance(value, Motion)]
    assert len(motions) == pytest.approx(100, abs=2)
    for motion in motions:
        np.testing.assert_allclose(motion.acc_g[:, 0], [0, 0, 0.992], rtol=1e-6)


def test_it_says_what_it_was_sent_and_stops(talk):
    talking = talk(GanglionDevice(counts(), DeviceSettings()))
    info = talking.shake_hands(DRIVER)
    talking.listen(1)
    n = len(talking.notifications)
    for letter in (b"s", b"N", b"v", b"?", b""):
        talking.answer(Write(ganglion.SEND, letter))
    talking.listen(5)
    said = b"".join(n.payload[1:] for n in talking.notifications[n:])
    assert said == b"accelerometer disabled\nOpenBCI Ganglion v3.0.0\n"
    assert talking.decoded(DRIVER, info)
    assert talking.answer(Read(ganglion.RECEIVE)) == b""


def test_a_write_to_disconnect_hangs_up(talk):
    device = GanglionDevice(counts(), DeviceSettings())
    talking = talk(device)
    uuids = [attribute.uuid for attribute in device.attributes]
    talking.answer(Write(uuids[2], b"\x01"))
    assert talking.hung_up
    assert DRIVER.recognises(uuids)


def test_a_recording_is_wired_to_its_inputs(talk):
    night, _ = synthetic_night(seed=1, hours=60 / 3600)
    device = load("ganglion")(night, DeviceSettings())
    assert device.duration_s == pytest.approx(60, abs=0.1)
    talking = talk(device)
    info = talking.shake_hands(DRIVER)
    talking.listen(20)
    _, found = arrived(talking.decoded(DRIVER, info))
    (stream,) = info.montage.streams
    uv = stream.to_microvolts(np.ascontiguousarray(found))
    (recorded,) = night.montage.streams[:1]
    given = recorded.to_microvolts(night.counts[0].astype(np.int32))
    for row, label in enumerate(c.label for c in recorded.channels):
        assert label in ("Fpz-Cz", "Pz-Oz", "EOG horizontal", "EOG")
        at = min(uv.shape[1] // 2, given.shape[1])
        r = np.corrcoef(uv[row, 200 : 2 * at : 2], given[row, 100:at])[0, 1]
        assert r > 0.99


def test_a_firmware_there_is_not_is_refused():
    night, _ = synthetic_night(seed=1, hours=60 / 3600)
    with pytest.raises(ConfigError, match=r"'9'; there are 2\.0\.1, 3\.0\.0"):
        load("ganglion")(night, DeviceSettings(firmware="9"))
