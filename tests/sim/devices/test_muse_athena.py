"""The simulated Athena, as its driver sees it."""

import numpy as np
import pytest

from gateway.acquisition.montage import Channel, Modality, Montage, Stream
from gateway.acquisition.packets import Battery, Motion, SamplePacket
from gateway.drivers import muse_athena
from gateway.drivers.muse_athena import frame
from gateway.drivers.muse_athena.frame import EEG_8
from gateway.drivers.muse_classic.control import CONTROL, command
from gateway.errors import ConfigError, DecodeError
from gateway.recordings.recording import Recording
from sim.device import DeviceSettings
from sim.devices import load
from sim.devices.muse_athena import AthenaDevice

DRIVER = muse_athena.DRIVER


def counts(sfreq=256.0, seconds=60):
    dice = np.random.default_rng(7)
    return dice.integers(0, 16384, (8, int(seconds * sfreq)), np.int32)


def samples(values):
    return [value for value in values if isinstance(value, SamplePacket)]


@pytest.mark.parametrize("firmware", ["2025", "2025d", "2026"])
@pytest.mark.parametrize("sfreq_hz", [None, 256.26])
@pytest.mark.parametrize("skip_s", [0.0, 12.3])
def test_every_sample_arrives_as_it_was_recorded(talk, firmware, sfreq_hz, skip_s):
    given = counts(sfreq_hz or 256.0)
    knobs = DeviceSettings(firmware=firmware, sfreq_hz=sfreq_hz, skip_s=skip_s)
    talking = talk(AthenaDevice(given, knobs))
    info = talking.shake_hands(DRIVER)
    talking.listen(30)
    values = talking.decoded(DRIVER, info)
    packets = samples(values)
    arrived = np.concatenate([p.counts for p in packets], axis=1)
    ends = [p.index + p.counts.shape[1] for p in packets]
    assert [p.index for p in packets] == [0, *ends[:-1]]
    first = int(np.flatnonzero((given[:4, :8000] == arrived[:, :1]).all(axis=0))[0])
    expected = given[:4, first : first + arrived.shape[1]]
    np.testing.assert_array_equal(arrived, expected)
    assert {v for v in values if isinstance(v, Battery)} == {Battery(100)}
    motion = [value for value in values if isinstance(value, Motion)]
    assert sum(m.acc_g.shape[1] for m in motion) == pytest.approx(30 * 52, abs=60)
    assert info.firmware == firmware


@pytest.mark.parametrize(("firmware", "jitter_s"), [("2025", 0.12), ("2026", 1e-3)])
def test_its_clock_tells_its_true_rate(talk, firmware, jitter_s):
    knobs = DeviceSettings(firmware=firmware, sfreq_hz=256.26)
    talking = talk(AthenaDevice(counts(256.26), knobs))
    info = talking.shake_hands(DRIVER)
    talking.listen(40)
    packets = samples(talking.decoded(DRIVER, info))
    ticks = np.unwrap([p.ticks for p in packets], period=2**32) / info.tick_hz
    period_s, at = np.polyfit([p.index for p in packets], ticks, 1)
    assert 1 / period_s == pytest.approx(256.26, abs=0.05)
    residue = ticks - np.polyval([period_s, at], [p.index for p in packets])
    assert np.abs(residue).max() < jitter_s


@pytest.mark.parametrize("mtu", [100, 185, 247, 517])
def test_packets_are_as_long_as_the_radio_takes(talk, mtu):
    talking = talk(AthenaDevice(counts(), DeviceSettings()), mtu=mtu)
    info = talking.shake_hands(DRIVER)
    talking.listen(5)
    assert samples(talking.decoded(DRIVER, info))
    longest = max(len(n.payload) for n in talking.notifications)
    assert min(244, mtu - 3) - 42 < longest <= min(244, mtu - 3)


def test_the_preset_decides_over_the_number_of_channels():
    device = AthenaDevice(counts(), DeviceSettings())
    device.write(CONTROL, command("p1041"), 247, 0.0)
    first = next(device.frames(0.0, 247))
    (packet,) = frame.decode(first.payload)
    assert EEG_8 in {block.tag for block in packet.blocks}


def test_a_radio_that_takes_too_little_gets_packets_cut_short(talk):
    talking = talk(AthenaDevice(counts(), DeviceSettings()), mtu=23)
    with pytest.raises(DecodeError, match="a packet from byte 0"):
        talking.shake_hands(DRIVER)


def test_a_second_start_changes_nothing_and_a_halt_ends_it():
    device = AthenaDevice(counts(), DeviceSettings())
    assert device.write(CONTROL, command("dc001"), 247, 1.0).streaming is True
    assert device.write(CONTROL, command("dc001"), 247, 1.1).streaming is None
    assert device.write(CONTROL, command("h"), 247, 2.0).streaming is False
    assert device.write(CONTROL, command("dc001"), 247, 3.0).streaming is True


def test_it_refuses_what_it_does_not_know_and_ignores_what_is_no_command():
    device = AthenaDevice(counts(seconds=1), DeviceSettings(firmware="2025d"))
    for text, rc in (("p99", 1), ("dc001", 69), ("L1", 0)):
        ((_, reply),) = device.write(CONTROL, command(text), 247, 0.0).replies
        assert reply[1 : 1 + reply[0]].decode() == f'{{"rc":{rc}}}'
    assert not device.write(CONTROL, b"\xff\x00", 247, 0.0).replies
    with pytest.raises(LookupError):
        device.read(CONTROL, 0.0)


def test_what_was_laid_on_its_electrodes_is_derived_again(talk):
    seconds = np.arange(60 * 100) / 100
    waves = {
        "EEG Fpz-Cz": 75 * np.sin(2 * np.pi * 1.0 * seconds),
        "EOG horizontal": 120 * np.sin(2 * np.pi * 0.4 * seconds),
    }
    channels = tuple(Channel(label, Modality.EEG, 0.01) for label in waves)
    night = Recording(
        name="waves",
        montage=Montage((Stream(100.0, channels),)),
        counts=(np.rint(np.array(list(waves.values())) * 100).astype(np.int16),),
    )
    talking = talk(load("muse_athena")(night, DeviceSettings(sfreq_hz=256.26)))
    info = talking.shake_hands(DRIVER)
    talking.listen(30)
    packets = samples(talking.decoded(DRIVER, info))
    (stream,) = info.montage.streams
    uv = stream.to_microvolts(np.concatenate([p.counts for p in packets], axis=1))
    uv = dict(zip((c.label for c in stream.channels), uv.astype(float), strict=True))
    first_s = packets[0].t_rx - packets[0].counts.shape[1] / 256.26
    times = first_s + np.arange(uv["AF7"].size) / 256.26
    eeg = (uv["AF7"] + uv["AF8"]) / 2 - (uv["TP9"] + uv["TP10"]) / 2
    eog = uv["AF7"] - uv["AF8"]
    for got, amplitude, hz in ((eeg, 75, 1.0), (eog, 120, 0.4)):
        basis = np.exp(2j * np.pi * hz * times)
        phasor = 2 * np.mean(got * basis.conj())
        assert abs(phasor) == pytest.approx(amplitude, rel=0.02)
        assert np.std(got - (phasor * basis).real) < 0.02 * amplitude


def test_an_unknown_firmware_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match="2025, 2025d, 2026"):
        load("muse_athena")(None, DeviceSettings(firmware="9"))
