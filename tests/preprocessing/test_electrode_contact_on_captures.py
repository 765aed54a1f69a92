"""Electrodes of a real headband, in the air and on a forehead."""

from collections import Counter
from datetime import datetime

import pytest

from gateway.acquisition.montage import HeadbandInfo
from gateway.acquisition.packets import Notification, SamplePacket
from gateway.drivers import muse_athena
from gateway.drivers.muse_athena import frame, samples
from gateway.drivers.muse_athena.frame import EEG_4, EEG_8
from gateway.preprocessing.contact_monitor import ContactMonitor, FitCheck
from gateway.preprocessing.contact_state import ContactState

IN_THE_AIR = ("p21", "p60", "p1034", "p1045", "p4129")
LABELS = ("EEG Fpz-Cz",)


def notifications(path):
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    times = [datetime.fromisoformat(time).timestamp() for time, _, _ in rows]
    return [
        Notification(char, bytes.fromhex(text), t - times[0])
        for t, (_, char, text) in zip(times, rows, strict=True)
    ]


def fits(path):
    sent = notifications(path)
    blocks = (b for n in sent for p in frame.decode(n.payload) for b in p.blocks)
    tag = next(b.tag for b in blocks if b.tag in (EEG_4, EEG_8))
    info = HeadbandInfo(samples.montage(tag), muse_athena.TICK_HZ)
    decoder = muse_athena.decoder(info)
    fitting = FitCheck(
        info,
        ContactMonitor(info.montage, LABELS, {}, muse_athena.DRIVER.derivations, 50),
    )
    return [
        fit
        for notification in sent
        for value in decoder.feed(notification)
        if isinstance(value, SamplePacket)
        for fit in fitting.push_packet(value)
    ]


def grips(fits, labels=("TP9", "AF7", "AF8", "TP10")):
    return Counter(
        each.contact.state
        for fit in fits
        for each in fit.electrodes
        if each.label in labels
    )


@pytest.fixture(scope="module")
def captures(shared_data):
    return shared_data / "captures" / "OpenMuse"


@pytest.mark.parametrize("preset", IN_THE_AIR)
def test_electrodes_in_the_air_are_off_and_hardly_ever_good(captures, preset):
    counted = grips(fits(captures / f"data_{preset}.txt"))
    assert counted[ContactState.OFF] > 0.75 * counted.total()
    assert counted[ContactState.GOOD] < 0.02 * counted.total()


def test_a_forehead_on_the_head_is_distinguished_from_ears_that_do_not_touch(captures):
    sitting = fits(captures / "test_eeg_quality.txt")
    forehead = grips(sitting, ("AF7", "AF8"))
    ears = grips(sitting, ("TP9", "TP10"))
    assert forehead[ContactState.GOOD] > 0.4 * forehead.total()
    assert ears[ContactState.GOOD] < 0.15 * ears.total()
    assert ears[ContactState.OFF] > 0.5 * ears.total()


def test_every_capture_is_measured_near_its_nominal_rate(captures):
    rate = fits(captures / "data_p1045.txt")[-1].rates[0]
    assert rate.measured_hz == pytest.approx(256, rel=0.005)
