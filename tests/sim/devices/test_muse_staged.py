"""A night on a Muse's electrodes is staged as the signals laid on them."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from gateway import drivers
from gateway.acquisition.montage import Montage
from gateway.acquisition.packets import ClockTick, LinkUp
from gateway.models.load import read_model
from gateway.offline import score_recording
from gateway.session.night import Night
from gateway.session.pipeline import Pipeline
from gateway.staging.scored_epoch import ScoredEpoch
from sim.device import DeviceSettings
from sim.devices import load
from sim.night.synthetic_night import synthetic_night

HOURS = 0.1
TAKEN = ("Fpz-Cz", "EOG")  # a Muse has no electrode for the others


def what_a_muse_takes(night, start_s):
    """Return the recording of `TAKEN` from `start_s` on."""
    (stream, *_), (counts, *_) = night.montage.streams, night.counts
    rows = [i for i, c in enumerate(stream.channels) if c.label in TAKEN]
    channels = tuple(stream.channels[i] for i in rows)
    montage = Montage((replace(stream, channels=channels),))
    first = round(start_s * stream.sfreq)
    return replace(night, montage=montage, counts=(counts[rows, first:],))


def staged(outputs):
    return [output for output in outputs if isinstance(output, ScoredEpoch)]


@pytest.mark.parametrize(
    ("name", "skip_s", "start_s"),
    [("muse_athena", 0.0, 1.0), ("muse_classic", 0.7, 1.5)],  # when it is told to start
)
def test_probabilities_are_those_of_the_recording(talk, name, skip_s, start_s):
    night, _ = synthetic_night(seed=1, hours=HOURS)
    scorer, driver = read_model("default"), drivers.load(name)
    talking = talk(load(name)(night, DeviceSettings(skip_s=skip_s)))
    info = talking.shake_hands(driver)
    talking.listen(night.duration_s, driver.keep_alive)
    pipeline = Pipeline(driver, Night(scorer, {}, 50.0, driver.derivations))
    start = ClockTick(0.0, datetime(2026, 1, 1, tzinfo=UTC), synchronised=True)
    inputs = [start, LinkUp(0.0, info), *talking.notifications]
    live = staged(output for value in inputs for output in pipeline.push_input(value))
    assert pipeline.loss_counts.lost_s == pipeline.loss_counts.bad_packets == 0
    for epoch in live:
        eeg, _, eyes, *_ = (quality.derivation for quality in epoch.quality)
        assert (eeg, eyes) == ("(AF7+AF8)/2-(TP9+TP10)/2", "AF7-AF8")
    recorded = what_a_muse_takes(night, start_s)
    expected = staged(score_recording.score(recorded, Night(scorer, {}, 50.0)))
    assert len(live) == len(expected) == 11
    apart = np.abs(
        np.array([epoch.raw_hypnodensity for epoch in live])
        - [epoch.raw_hypnodensity for epoch in expected]
    )
    # rounded to the headband's bits and brought from another rate to the model's
    assert apart.mean() < 0.01
    assert apart.max() < 0.1
