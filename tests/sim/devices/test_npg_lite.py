"""The simulated NPG Lite, as its driver sees it."""

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.packets import Battery, SamplePacket
from gateway.drivers import Read, Write, npg_lite
from gateway.errors import ConfigError, DecodeError
from sim.device import DeviceSettings
from sim.devices import load
from sim.devices.npg_lite import FIRMWARE, LSB_UV, NpgLiteDevice
from sim.night.synthetic_night import synthetic_night

DRIVER = drivers.calibrated(npg_lite.DRIVER, LSB_UV)
SECONDS = 40


def counts(n_channels=3, sfreq=500.0, seconds=SECONDS):
    shape = n_channels, int(seconds * sfreq)
    return np.random.default_rng(5).integers(0, 4096, shape, np.int32)


def packets(values):
    return [value for value in values if isinstance(value, SamplePacket)]


@pytest.mark.parametrize("firmware", FIRMWARE)
@pytest.mark.parametrize("n_channels", [3, 6])
def test_every_sample_arrives_as_it_was_recorded(talk, firmware, n_channels):
    batch = FIRMWARE[firmware]
    sfreq = npg_lite.SFREQ[batch]
    given = counts(n_channels, sfreq)
    talking = talk(NpgLiteDevice(given, DeviceSettings(firmware=firmware)), mtu=517)
    info = talking.shake_hands(DRIVER)
    talking.listen(25)
    values = talking.decoded(DRIVER, info)
    found = packets(values)
    assert [p.index for p in found] == list(range(0, len(found) * batch, batch))
    together = np.concatenate([p.counts for p in found], axis=1)
    np.testing.assert_array_equal(together, given[:, : together.shape[1]])
    assert together.shape[1] == pytest.approx(25 * sfreq, abs=2 * batch)
    (stream,) = info.montage.streams
    assert (stream.sfreq, len(stream.channels)) == (sfreq, n_channels)
    assert [v for v in values if isinstance(v, Battery)] == [Battery(100)] * 3


def test_a_unit_of_its_own_rate_keeps_its_own_time(talk):
    talking = talk(NpgLiteDevice(counts(sfreq=501.2), DeviceSettings(sfreq_hz=501.2)))
    info = talking.shake_hands(DRIVER)
    talking.listen(30)
    last = packets(talking.decoded(DRIVER, info))[-1]
    assert (last.index + 10) / last.t_rx == pytest.approx(501.2, rel=1e-3)


def test_started_again_it_counts_from_0_with_what_is_sampled_then(talk):
    given = counts()
    device = NpgLiteDevice(given, DeviceSettings(skip_s=10.001))
    talking = talk(device)
    info = talking.shake_hands(DRIVER)
    talking.listen(1)
    first, *_ = packets(talking.decoded(DRIVER, info))
    assert first.index == 0
    np.testing.assert_array_equal(first.counts, given[:, 5001:5011])


def test_a_connection_too_narrow_for_a_notification_is_refused_by_the_driver(talk):
    talking = talk(NpgLiteDevice(counts(), DeviceSettings()), mtu=23)
    with pytest.raises(DecodeError, match="no samples"):
        talking.shake_hands(DRIVER)


def test_it_answers_as_the_makers_code_does(talk):
    talking = talk(NpgLiteDevice(counts(), DeviceSettings()))
    assert talking.answer(Read(npg_lite.CONTROL)) == b"STOPPED"
    for word in (b"whoru", b"STATUS\n", b"START", b"STATUS", b"HELLO"):
        talking.answer(Write(npg_lite.CONTROL, word))
    said = [n.payload for n in talking.notifications if n.char == npg_lite.CONTROL]
    assert said == [b"NPG-LITE", b"STOPPED", b"RUNNING", b"UNKNOWN COMMAND"]
    assert talking.answer(Read(npg_lite.CONTROL)) == b"RUNNING"
    talking.answer(Write(npg_lite.CONTROL, b"STOP"))
    heard = len(talking.notifications)
    talking.listen(5)
    assert len(talking.notifications) == heard
    assert talking.answer(Read(npg_lite.BATTERY)) == b"\x64"


def test_a_recording_is_wired_to_its_inputs_in_microvolts(talk):
    night, _ = synthetic_night(seed=1, hours=60 / 3600)
    talking = talk(load("npg_lite")(night, DeviceSettings()))
    info = talking.shake_hands(DRIVER)
    talking.listen(20)
    found = packets(talking.decoded(DRIVER, info))
    together = np.concatenate([p.counts for p in found], axis=1)
    (stream,) = info.montage.streams
    uv = stream.to_microvolts(np.ascontiguousarray(together))
    recorded = night.montage.streams[0]
    given = recorded.to_microvolts(night.counts[0].astype(np.int32))
    at = min(uv.shape[1] // 5, given.shape[1])
    for row in range(len(recorded.channels)):
        a, b = uv[row, 500 : 5 * at : 5], given[row, 100:at]
        assert np.corrcoef(a, b)[0, 1] > 0.98
        assert np.std(a) == pytest.approx(np.std(b), rel=0.05)


def test_a_name_with_six_channels_has_six(talk):
    night, _ = synthetic_night(seed=1, hours=60 / 3600)
    talking = talk(load("npg_lite")(night, DeviceSettings(name="NPG-Lite-6CH:00")))
    info = talking.shake_hands(DRIVER)
    assert len(info.montage.streams[0].channels) == 6


def test_a_firmware_there_is_not_is_refused():
    night, _ = synthetic_night(seed=1, hours=60 / 3600)
    with pytest.raises(ConfigError, match=r"'9'; there are arduino, armband, idf"):
        load("npg_lite")(night, DeviceSettings(firmware="9"))
